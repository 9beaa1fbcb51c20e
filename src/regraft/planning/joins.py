"""Which neighbouring cuts are worth joining, by what a discriminant on their features gets."""

from collections.abc import Iterator, Sequence

from regraft.data.prefetch import map_ahead
from regraft.data.split import Split, subsample
from regraft.features.features import Features
from regraft.features.probe import calibrated, held_out, loss_of
from regraft.features.threads import one_thread
from regraft.network.cuts import Cut
from regraft.progress import Progress

LONGEST_RUN = 5  # neighbouring cuts that are joined at most
MOST_CHANNELS = 3_200  # of joined cuts
SCREENING_IMAGES = 4_000  # at most so many judge which cuts are worth joining
LOSS_COUNTS = 0.15  # of the mean cross-entropy in nats, taken from the accuracy: it tells near runs apart


def promising_runs(features: Features, split: Split, cuts: Sequence[Cut], progress: Progress) -> list[tuple[Cut, ...]]:
    """Runs of neighbouring cuts that end at one of the last two, by what a discriminant on them gets, best first."""
    chosen = subsample(features.labels[split.train], SCREENING_IMAGES)
    rows, folds = split.train[chosen], split.folds[chosen]
    labels, classes = features.labels[rows], len(features.images.classes)
    wide = channels_of(cuts[-2:]) > MOST_CHANNELS
    runs = [run for run in runs_of(one_a_stride(cuts) if wide else cuts) if channels_of(run) <= MOST_CHANNELS]

    def worth(run: tuple[Cut, ...]) -> float:
        logits = held_out(features.pooled(run, rows), labels, classes, folds)
        accuracy = float((logits.argmax(axis=1) == labels).mean())
        return accuracy - LOSS_COUNTS * loss_of(calibrated(logits, labels), labels)

    judged: list[tuple[tuple[Cut, ...], float]] = []
    with one_thread():  # each of several
        for pair in map_ahead(worth, runs, chunk=1, ahead=1):
            judged.append(pair)
            progress("Screening joined cuts", len(judged), len(runs), "joins")
    return [run for run, _ in sorted(judged, key=lambda pair: -pair[1])]


def channels_of(cuts: Sequence[Cut]) -> int:
    """Channels of joined cuts."""
    return sum(cut.channels for cut in cuts)


def one_a_stride(cuts: Sequence[Cut]) -> list[Cut]:
    """The last cut at each stride: what joins where neighbours are too wide to."""
    return list({cut.stride: cut for cut in cuts}.values())


def runs_of(cuts: Sequence[Cut]) -> Iterator[tuple[Cut, ...]]:
    """Two to LONGEST_RUN neighbouring cuts, the last of them one of the network's last two."""
    for end in (len(cuts), len(cuts) - 1):
        for length in range(2, LONGEST_RUN + 1):
            if end - length >= 0:
                yield tuple(cuts[end - length : end])
