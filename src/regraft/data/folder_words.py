"""What a folder's name says by its words: that it is a split, unlabelled, a fold, or only a place for images."""

import re
from collections import defaultdict
from collections.abc import Iterable

UNLABELLED = "unlabelled"
SPLIT_WORDS = {
    "train": "train", "training": "train", "trn": "train", "trainval": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val",
    "eval": "eval", "evaluation": "eval",
    "test": "test", "testing": "test", "tst": "test", "holdout": "test",
    "unlabeled": UNLABELLED, "unlabelled": UNLABELLED, "unsupervised": UNLABELLED, "pred": UNLABELLED,
    "predict": UNLABELLED, "prediction": UNLABELLED, "predictions": UNLABELLED, "submission": UNLABELLED,
    "inference": UNLABELLED,
    "entrenamiento": "train", "validacion": "val", "validación": "val", "prueba": "test",
    "treino": "train", "treinamento": "train", "validacao": "val", "validação": "val", "teste": "test",
    "entrainement": "train", "entraînement": "train", "apprentissage": "train",
    "trainings": "train", "validierung": "val", "tests": "test",
}  # fmt: skip
PLAIN_WORDS = frozenset((
    "set", "sets", "data", "dataset", "datasets", "daten", "image", "images", "img", "imgs", "jpg", "jpeg", "jpegs",
    "png", "pngs", "pic", "pics", "picture", "pictures", "photo", "photos", "frames", "split", "part", "folder",
    "dir", "samples", "full", "final", "new", "raw", "original", "originals", "resized", "processed",
    "preprocessed", "augmented", "cropped", "clean", "labeled", "labelled", "stage", "small", "large", "all", "the",
    "of", "and", "for",
))  # fmt: skip
BESIDE_WORDS = frozenset(("mask", "masks", "annotation", "annotations", "label", "labels", "gt", "heatmaps"))
FOLD_WORDS = frozenset(("fold", "folds", "kfold", "cv", "split"))
CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-Z])")
WORD = re.compile(r"\d+|[^\W\d_]+")


def words_of(name: str) -> list[str]:
    """The words and numbers of a name in small letters: ``trainingSet2`` -> training, set, 2."""
    words: list[str] = []
    for word in WORD.findall(CAMEL.sub(" ", name)):
        words += parted(word.casefold())
    return words


def parted(word: str) -> list[str]:
    """A word, or its two parts where one is a split's and the other a plain one: ``testset`` -> test, set."""
    if word in SPLIT_WORDS or word in PLAIN_WORDS:
        return [word]
    for place in range(3, len(word) - 1):
        first, last = word[:place], word[place:]
        if first in SPLIT_WORDS and last in PLAIN_WORDS:
            return [first, last]
    return [word]


def split_and_rest(name: str) -> tuple[str | None, tuple[str, ...]]:
    """The split that a name's words stand for, and those of its words that say something else."""
    words = words_of(name)
    splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    rest = tuple(word for word in words if word not in SPLIT_WORDS and word not in PLAIN_WORDS and not word.isdecimal())
    if UNLABELLED in splits:
        return UNLABELLED, rest
    if splits == {"train", "val"}:  # both together train
        return "train", rest
    return (splits.pop() if len(splits) == 1 else None), rest


def splits_among(names: Iterable[str]) -> dict[str, str]:
    """Which of the names of folders stand for splits: train, val, test, or unlabelled.

    A name does where its other words say nothing (training_set, Test1), or are the same in folders of several
    splits (seg_train, seg_test). An evaluation is the validation, or where there is one, the test.
    """
    splits: dict[str, str] = {}
    alike: defaultdict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name in names:
        split, rest = split_and_rest(name)
        if split and not rest:
            splits[name] = split
        elif split and not BESIDE_WORDS.issuperset(rest):
            alike[rest][name] = split
    several = [part for part in alike.values() if len(set(part.values())) > 1]
    if len(several) == 1:
        splits |= several[0]
    other = "test" if "val" in splits.values() else "val"
    return {name: other if split == "eval" else split for name, split in splits.items()}


def bears_split(name: str) -> str | None:
    """The split whose word is among a name's words, whatever else the name says."""
    return split_and_rest(name)[0]


def is_fold(name: str) -> bool:
    """Whether a name is a numbered fold: fold_0, Fold1, split-3."""
    words = words_of(name)
    numbers = [word for word in words if word.isdecimal()]
    others = [word for word in words if not word.isdecimal()]
    return len(numbers) == 1 and len(others) == 1 and others[0] in FOLD_WORDS


def is_plain(name: str) -> bool:
    """Whether a name says no more than that images, or something about them, lie there."""
    words = [word for word in words_of(name) if not word.isdecimal()]
    return bool(words) and all(word in PLAIN_WORDS or word in BESIDE_WORDS for word in words)
