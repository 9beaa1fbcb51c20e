"""Which split a word or a yes and no of a table or a data set stands for."""

from collections.abc import Iterable
from dataclasses import dataclass

from regraft.data.images import SPLIT_NAMES, SPLITS, split_named
from regraft.errors import DataError

NONE = "none"  # the images of such a word are in no split
SPLIT_COLUMNS = ("set", "subset", "partition", "phase", "usage", "dataset", "data_set", "data_split", "part")
FLAGS = {  # columns of yes and no: what yes stands for, and no
    "is_valid": ("val", "train"), "is_val": ("val", "train"), "is_validation": ("val", "train"),
    "is_test": ("test", "train"), "is_train": ("train", "test"), "is_training": ("train", "test"),
}  # fmt: skip
YES, NO = frozenset(("true", "1", "1.0", "yes", "t")), frozenset(("false", "0", "0.0", "no", "f"))


@dataclass(frozen=True)
class SplitWords:
    """The words that ``--splits`` names, and the usual ones."""

    named: dict[str, str | None]
    column: str = ""  # that the words are in

    def of(self, word: str, where: str) -> str | None:
        """The split of a word; None where it is in none. DataError for a word that stands for nothing known."""
        if word.casefold() in self.named:
            return self.named[word.casefold()]
        flag = FLAGS.get(self.column.casefold())
        if flag and word.casefold() in YES | NO:
            return flag[0] if word.casefold() in YES else flag[1]
        try:
            return split_named(word, where)
        except DataError as error:
            raise DataError(f"{error}, or say what it stands for, as --splits '{word[:80]}=test'") from None

    def knows(self, word: str) -> bool:
        """Whether a word stands for something."""
        flag = self.column.casefold() in FLAGS and word.casefold() in YES | NO
        return flag or word.casefold() in self.named or word.casefold() in SPLIT_NAMES


def split_words(splits: str | None, column: str = "") -> SplitWords:
    """What ``--splits`` says; DataError where it cannot be read."""
    named: dict[str, str | None] = {}
    for pair in filter(None, (splits or "").split(",")):
        word, _, split = (text.strip() for text in pair.rpartition("="))
        if not word or split not in {*SPLITS, NONE}:
            raise DataError(f"--splits has '{pair.strip()}'; write WORD=train, WORD=val, WORD=test or WORD=none")
        named[word.casefold()] = None if split == NONE else split
    return SplitWords(named, column)


def looks_like_splits(column: str, words: Iterable[str]) -> bool:
    """Whether a column that nobody named says who is train, val or test."""
    if column.casefold() not in {*SPLIT_COLUMNS, *FLAGS}:
        return False
    seen = {word for word in words if word}
    known = SplitWords({}, column)
    return len(seen) > 1 and all(known.knows(word) for word in seen)
