"""What training changed: CKA, top images, the rewind test, and the proof that a frozen run changed nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from looked_at import images, trained
from networks import backbone_of
from torch import nn

from regraft.errors import DataError, RunError
from regraft.inspection.before_after import TopImages, change, unmoved
from regraft.inspection.chapters.before_after import chapter_of, chapter_of_unmoved
from regraft.inspection.pictures import pictures
from regraft.inspection.rewind import Rewind, rewind
from regraft.inspection.similarity_of_layers import Similarity
from regraft.inspection.subject import Subject, subject_of
from regraft.network.graft import Graft
from regraft.network.head import Head


def late_only(model: nn.Module) -> None:
    """Another last stage, statistics included."""
    draw = torch.Generator().manual_seed(1)
    model.late[0].weight.normal_(0, 0.3, generator=draw)
    model.late[1].running_mean.normal_(0, 0.3, generator=draw)


def statistics_only(model: nn.Module) -> None:
    """Other statistics of batch norm, and no other weight."""
    model.late[1].running_mean.normal_(0, 1, generator=torch.Generator().manual_seed(1))


def accuracy_of(subject: Subject) -> float:
    every = list(pictures(subject, images()))
    with torch.inference_mode():
        logits = subject.tapped()(subject.input_of(np.stack([one.pixels for one in every])))[-1]
    return float((logits.argmax(1).numpy() == [one.label for one in every]).mean())


def test_cka_knows_a_turned_and_scaled_copy_and_unrelated_values() -> None:
    draw = torch.Generator().manual_seed(0)
    turned, unrelated = Similarity(), Similarity()
    for _ in range(20):
        values = torch.randn(16, 40, generator=draw)
        turn = torch.linalg.qr(torch.randn(40, 40, generator=torch.Generator().manual_seed(3)))[0]
        turned.add(values, 3 * values @ turn + 7)
        unrelated.add(values, torch.randn(16, 60, generator=draw))
    assert turned.value == pytest.approx(1, abs=1e-6)
    assert abs(unrelated.value) < 0.05  # the biased estimate gives 0.7 here


def test_cka_of_values_that_tell_nothing_apart_is_not_defined() -> None:
    same = Similarity()
    same.add(torch.ones(8, 3), torch.randn(8, 3))
    assert np.isnan(same.value)


@pytest.mark.parametrize("batch", [5, 24])
def test_top_images_do_not_depend_on_batches(batch: int) -> None:
    values = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
    top = TopImages(4)
    for start in range(0, 24, batch):
        top.add(values[start : start + batch], torch.arange(start, min(24, start + batch)))
    assert torch.equal(top.images.sort(0)[0], values.topk(4, dim=0)[1].sort(0)[0])


def test_only_what_lies_behind_the_change_differs() -> None:
    changed = change(trained(late_only), images())
    assert changed.images == 24
    assert changed.chance == 9 / 24
    assert np.allclose(changed.similarity[:-1], 1)
    assert changed.similarity[-1] < 0.99
    assert np.allclose(changed.mean_stayed[:-1], 1)
    assert changed.mean_stayed[-1] < 1


def test_channels_that_answer_to_too_few_images_are_not_compared() -> None:
    def dead(model: nn.Module) -> None:
        model.late[1].weight[3] = 0
        model.late[1].bias[3] = -1

    changed = change(trained(dead), images())
    last = changed.stayed[-1]
    assert np.isnan(last[3])
    assert not np.isnan(last).all()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match="needs 10 images or more; 6 can be read"):
        change(trained(late_only), images(2))


@pytest.mark.parametrize("trains", [late_only, statistics_only])
def test_rewinding_everything_gives_the_network_before(trains: Callable[[nn.Module], None]) -> None:
    subject = trained(trains)
    before, after = accuracy_of(subject.as_before()), accuracy_of(subject)
    assert before != after
    measured = rewind(subject, images())
    assert measured.images == 24
    assert measured.trained == after
    assert measured.up_to[:-1].tolist() == [after] * (len(measured.cuts) - 1)
    assert measured.up_to[-1] == before
    assert measured.largest_class == pytest.approx(1 / 3)
    assert (measured.moved[-1] > 0) == (trains is late_only)
    assert accuracy_of(subject) == after  # nothing is left put back


def test_a_clear_fall_is_twice_its_standard_error() -> None:
    measured = Rewind(
        ("a", "b", "c"), 100, 0.9, np.array([0.9, 0.88, 0.7]), np.array([0, 0.02, 0.02]), np.zeros(3), 0.5
    )
    assert measured.free == 2
    assert measured.interval(0.9)[0] == pytest.approx(0.826, abs=1e-3)
    assert replace(measured, up_to=np.array([0.9, 0.92, 0.9])).free == 3


def test_the_chapter_has_figures_that_follow_the_page() -> None:
    chapter = chapter_of(trained(late_only), images())
    assert "some may have trained the run" in chapter.figures[0].caption
    assert "that trained nothing" in chapter_of(trained(late_only), images(), images(4)).figures[0].caption
    for figure in chapter.figures:
        assert isinstance(figure.picture, str)
        assert "currentColor" in figure.picture
        assert "#1d2733" not in figure.picture
    assert chapter.notes[0].startswith("Accuracy ")
    assert len(chapter.notes) == 1 + len(trained(late_only).cuts)


def test_of_many_images_some_are_drawn_and_that_is_said() -> None:
    chapter = chapter_of(trained(late_only), images(), images(), most=15)
    assert chapter.notes[-1] == "At most 15 images are used, drawn by seed 0."
    assert chapter.figures[0].caption.startswith("Accuracy on 15 images")


def test_images_of_classes_that_the_run_does_not_know_are_refused() -> None:
    with pytest.raises(DataError, match="more classes than the 3 that the run knows"):
        rewind(trained(late_only), images(2, classes=4))


def test_a_run_that_kept_its_start_says_so() -> None:
    chapter = chapter_of(trained(lambda model: None), images())
    assert "kept those that it started from" in chapter.notes[0]


def test_several_joined_cuts_are_rewound_too() -> None:
    subject = trained(late_only)
    assert subject.graft is not None
    cuts = (subject.backbone.cuts[0], subject.backbone.cuts[-1])
    draw = np.random.default_rng(0)
    head = replace(subject.graft.head, weights=(draw.normal(size=(3, 24)).astype(np.float32),))
    joined = replace(subject, graft=replace(subject.graft, cuts=cuts, head=head))
    assert rewind(joined, images()).up_to[-1] == accuracy_of(joined.as_before())


def test_what_was_not_fine_tuned_is_said() -> None:
    subject = trained(late_only)
    with pytest.raises(RunError, match="it is no run"):
        change(Subject("vgg11", subject.backbone, ()), images())
    scratch = replace(subject, before=None, strategy="from-scratch")
    with pytest.raises(RunError, match="random weights"):
        chapter_of(scratch, images())
    gone = replace(subject, before=None, notes=("the network before training cannot be had: no file",))
    with pytest.raises(RunError, match="cannot be had: no file"):
        chapter_of(gone, images())


@pytest.mark.slow
def test_a_frozen_run_has_the_same_hash_before_and_after(
    make_folder: Callable[..., Path], regraft: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    code, _, error = regraft(
        "train", make_folder(), "--strategy", "head", "--image-size", 64, "--out", folder, "--quiet"
    )
    assert code == 0, error
    proof = unmoved(subject_of(folder))
    assert proof.proved
    assert proof.recorded == proof.after
    chapter = chapter_of(subject_of(folder), ())
    assert chapter.lead.startswith("Nothing moved")
    assert [proof.after in note for note in chapter.notes] == [False, True, True, True]
    assert replace(proof, before=None).proved  # by what the run wrote down
    changed = replace(proof, after="0" * 32)
    assert "are not those" in chapter_of_unmoved(subject_of(folder), changed).lead


@pytest.mark.slow
def test_constants_of_the_graph_are_no_weights() -> None:
    before = backbone_of("swin_tiny_patch4_window7_224", 224)
    after = before.copied()
    with torch.no_grad():
        after.model.layers[3].blocks[0].mlp.fc1.weight.mul_(2)
    head = Head((np.ones((3, 768), np.float32),), (np.zeros(3, np.float32),))
    graft = Graft(after, (after.cuts[-1],), head)
    measured = rewind(Subject("run", after, ("a", "b", "c"), graft, before, "fine-tune"), images(1))
    assert (measured.moved > 0).sum() == 1
