"""Groups that file names show, as patient12_3.png and patient12_4.png: a proposal for --group-by, never more."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from regraft.data.groups import matched
from regraft.data.images import KEPT, Fault, ImageSet
from regraft.data.whole_groups import WHOLE

KIND = "groups in names"
NAMED = frozenset((
    "animal", "burst", "camera", "case", "clip", "cow", "donor", "field", "individual", "mouse", "movie", "participant",
    "pat", "patient", "person", "plant", "plot", "scene", "seq", "sequence", "session", "shot", "site", "slide",
    "specimen", "subj", "subject", "tree", "vid", "video",
))  # fmt: skip
NUMBERED = re.compile(r"(?<![^\W\d_])([^\W\d_]+)([_-]?)\d+")  # a word and its number
UP_TO_LAST, FOLDER = r"([^/]+)[_-][^/_-]+$", r"([^/]+)/[^/]+$"
LEAST_SHARE = 0.9  # of a class's names that a pattern must match, and of pairs that it must hold together
SAMPLE, MOST_WORDS = 2_000, 20  # names that words are looked for in, and words
FEWEST_EACH = 2  # images of a class in a group, on average
LARGE = 1 / 3  # of a class's images, from which a group is large
MOST_IN_LARGE = 0.1  # of all images: more say that the name's word is no patient's or scene's


def proposed_for(images: ImageSet, pairs: Sequence[tuple[int, int]]) -> str | None:
    """The --group-by that keeps together ``pairs`` of rows that belong together, in the most groups; or None."""
    if not pairs or any(images.files.groups.present()):
        return None
    held = {}
    for pattern in [*numbered_words(images).values(), UP_TO_LAST, FOLDER]:
        groups = groups_of(images, pattern)
        together = sum(groups[a] is not None and groups[a] == groups[b] for a, b in pairs)
        if together >= LEAST_SHARE * len(pairs) and fits(images, groups):
            held[pattern] = len(set(groups))
    return max(held, key=lambda pattern: held[pattern], default=None)


def unused_groups(images: ImageSet) -> Iterator[Fault]:
    """A fault where names number patients, videos and the like, and nothing keeps those together."""
    if any(images.files.groups.present()):
        return
    for word, pattern in numbered_words(images).items():
        groups = groups_of(images, pattern) if word.lower() in NAMED else []
        if groups and fits(images, groups):
            parts = defaultdict[str, set[str | None]](set)
            for split, group in zip(images.files.splits, groups, strict=True):
                if group is not None:
                    parts[group].add(split)
            torn = sum(len(of) > 1 for of in parts.values())
            if not images.splits or torn:
                first = next(name for name, group in zip(images.files.names, groups, strict=True) if group is not None)
                yield Fault(first, KIND, reason_for(pattern, len(parts), torn, bool(images.splits)), KEPT)
            return


def reason_for(pattern: str, count: int, torn: int, given: bool) -> str:
    """What was seen, and what to do; ``given``: whether the user's own parts are torn."""
    if given:
        return f"{torn:,} of the {count:,} groups in the names ('{pattern}') are in two parts; put each into one"
    return f"names show {count:,} groups, which the split may tear apart; keep them whole with --group-by '{pattern}'"


def numbered_words(images: ImageSet) -> dict[str, str]:
    """The words that a number follows in the names, the most frequent first, and a regular expression for each."""
    sample = images.files[:: max(1, len(images.files) // SAMPLE)]
    words: Counter[tuple[str, str]] = Counter()
    for file in sample:
        words.update(set(NUMBERED.findall(file.name.rpartition(".")[0])))
    return {word: rf"{word}{between}(\d+)" for (word, between), _ in words.most_common(MOST_WORDS)}


def groups_of(images: ImageSet, pattern: str) -> list[str | None]:
    """Each image's group, as --group-by makes it."""
    expression = re.compile(pattern)
    return [matched(expression, name) for name in images.files.names]


def fits(images: ImageSet, groups: Sequence[str | None]) -> bool:
    """Whether groups are such as can be split: several in each class, of several images, in most of some class's.

    And hardly an image in a group that has much of its class: that is a class by another name.
    """
    own = Counter((label, group) for label, group in zip(images.labels.tolist(), groups, strict=True) if group)
    matched, several = Counter[int](), Counter[int]()
    for (label, _), some in own.items():
        matched[label] += some
        several[label] += 1
    sizes = Counter(images.labels.tolist())
    shares = {(label, group): some / sizes[label] for (label, group), some in own.items()}
    common = any(matched[label] >= LEAST_SHARE * sizes[label] for label in matched)
    in_large = sum(some for key, some in own.items() if some > 1 and shares[key] > LARGE)
    whole = any(some > 1 and shares[key] >= WHOLE for key, some in own.items())
    even = not whole and in_large <= MOST_IN_LARGE * len(images.files)
    return min(several.values(), default=2) > 1 and common and even and matched.total() >= FEWEST_EACH * len(own)
