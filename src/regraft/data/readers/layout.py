"""How a tree of folders is read: which level is the split, the fold, the class. Readings are scored, and one is chosen.

A layout is written as its levels from the top, as SPLIT/CLASS; ``*`` is a level that is passed over. What a layout
gets wrong about a tree costs it; the cheapest is taken where no other is near.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from regraft.data.folder_words import UNLABELLED, bears_split, is_plain
from regraft.data.readers.levels import Folder, Levels, inside

SPLIT, CLASS, FOLD, GROUP, ANY = "SPLIT", "CLASS", "FOLD", "GROUP", "*"
ROLES = (SPLIT, CLASS, FOLD, GROUP, ANY)
DEEPEST = 5  # levels that are told apart
NEAR = 1.0  # layouts whose costs differ by less are both possible
# What an image costs at most, as a share of all images:
ASTRAY = 3.0  # no level tells its class
UNLABELLED_FOLDER = 0.3  # the same, in a folder of a split's name: a test folder without labels
MISTAKEN = 4.0  # a level of a split's or a fold's name is taken for something else
PLAIN = 2.0  # a class that is called "images" and holds folders
# What a layout costs beside:
REPEATED = 2.0  # every class holds the same folders
POOLED = 2.0  # folders that hold the same classes are thrown together
DISAGREEING = 3.0  # and they hold other classes each
NUMBERED = 0.5  # folds are thrown together
STRANGE = 1.0  # other parts have classes that train has not
ALONE = 1.5  # there is but one class
DEEPER = 0.1  # a level that is passed over


@dataclass(frozen=True)
class Place:
    """What the folders say of the images in one of them."""

    label: str
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Layout:
    """One way to read a tree."""

    roles: tuple[str, ...]
    levels: Levels

    def __str__(self) -> str:
        """As --layout takes it."""
        return "/".join(self.roles)

    def of(self, folder: Folder) -> Place | None:
        """What a folder (from the root) says of the images in it; None where it names no class."""
        return self.read(self.levels.of(folder))

    def read(self, names: Folder) -> Place | None:
        """The same of the names of its levels."""
        if len(names) < len(self.roles):
            return None
        split = group = None
        label = ""
        for role, name in zip(self.roles, names, strict=False):
            if role == SPLIT:
                split = self.levels.splits.get(name)
                if split in {None, UNLABELLED}:
                    return None
            elif role == FOLD and name not in self.levels.folds:
                return None
            elif role == GROUP:
                group = name
            elif role == CLASS:
                label = name
        return Place(label, split, group)

    @cached_property
    def places(self) -> dict[Folder, Place]:
        """The levels that name a class, and what they say."""
        read = ((names, self.read(names)) for names in self.levels.counted)
        return {names: place for names, place in read if place}

    @cached_property
    def classes(self) -> list[str]:
        """The classes that train has, or where there is no train, all."""
        every = self.places.values()
        return sorted({place.label for place in every if place.split in {None, "train"}} or {p.label for p in every})

    @property
    def only_splits(self) -> bool:
        """Whether the classes are named as splits or folds are, so that they are none."""
        bearing = {split for name in self.classes if (split := bears_split(name))}
        say_no_more = all(name in self.levels.splits or is_plain(name) for name in self.classes)
        return len(bearing) > 1 or (bool(bearing) and say_no_more) or self.levels.folds.issuperset(self.classes)

    @property
    def nested(self) -> Folder:
        """A class folder, and then two or more of the folders in it, which are called as classes are."""
        inner: defaultdict[str, set[str]] = defaultdict(set)
        for names, place in self.places.items():
            if len(names) > len(self.roles) and names[len(self.roles)] in self.classes:
                inner[place.label].add(names[len(self.roles)])
        return next(((label, *sorted(names)) for label, names in inner.items() if len(names) > 1), ())

    @cached_property
    def labelled(self) -> int:
        """How many images have a class."""
        return sum(self.levels.counted[names] for names in self.places)

    @cached_property
    def cost(self) -> float:
        """How much the layout gets wrong about the tree."""
        counted, total = self.levels.counted, sum(self.levels.counted.values())
        cost = DEEPER * self.roles.count(ANY) + NUMBERED * self.roles.count(FOLD) + ALONE * (len(self.classes) < 2)  # noqa: PLR2004
        for names, count in counted.items():
            place = self.places.get(names)
            if place is None:
                without_labels = bool(names) and names[-1] in self.levels.splits
                cost += count / total * (UNLABELLED_FOLDER if without_labels else ASTRAY)
            else:
                cost += count / self.labelled * self.wrong_with(names, place)
        return cost + self.repeated() + self.pooled()

    def wrong_with(self, names: Folder, place: Place) -> float:
        """What an image of these levels costs."""
        cost = STRANGE if place.split not in {None, "train"} and place.label not in self.classes else 0.0
        for level, name in enumerate(names):
            role = self.roles[level] if level < len(self.roles) else ANY
            is_split = role != SPLIT and self.levels.splits.get(name, place.split) != place.split
            if is_split or (role not in {FOLD, GROUP} and name in self.levels.folds):
                return cost + MISTAKEN
        return cost + PLAIN * (self.deep == {place.label} and is_plain(place.label))

    @cached_property
    def deep(self) -> set[str]:
        """The classes that hold folders."""
        return {place.label for names, place in self.places.items() if len(names) > len(self.roles)}

    def repeated(self) -> float:
        """What it costs that the folders in the classes are the same in each."""
        holders: defaultdict[str, set[str]] = defaultdict(set)
        images = 0
        for names, place in self.places.items():
            if len(names) > len(self.roles):
                holders[names[len(self.roles)]].add(place.label)
                images += self.levels.counted[names]
        if len(holders) < 2 or len(self.classes) < 2:  # noqa: PLR2004
            return 0.0
        return REPEATED * shared(holders, len(self.classes)) * images / self.labelled

    def pooled(self) -> float:
        """What it costs that folders above the classes are thrown together."""
        holders: defaultdict[str, set[Folder]] = defaultdict(set)
        above = [level for level, role in enumerate(self.roles) if role in {ANY, FOLD, GROUP}]
        for names, place in self.places.items():
            holders[place.label].add(tuple(names[level] for level in above))
        count = len(set().union(*holders.values()))
        if count < 2:  # noqa: PLR2004
            return 0.0
        disagreeing = DISAGREEING * (1 - shared(holders, count))
        return disagreeing if FOLD in self.roles else POOLED + disagreeing


def shared(holders: "defaultdict[str, set[str]] | defaultdict[str, set[Folder]]", count: int) -> float:
    """The share of ``count`` holders that hold a name, on average over the names."""
    return sum(len(of) for of in holders.values()) / (len(holders) * count)


def layouts(levels: Levels) -> list[Layout]:
    """Every layout that gives some image a class, the cheapest first."""
    depth = min(DEEPEST, max(map(len, levels.counted), default=0))
    at = [{names[level] for names in levels.counted if len(names) > level} for level in range(depth)]
    likely = [
        [ANY, CLASS, *([SPLIT] if names & levels.splits.keys() else []), *([FOLD] if names & levels.folds else [])]
        for names in at
    ]
    made = (Layout(roles, levels) for length in range(1, depth + 1) for roles in product(*likely[:length]))
    return sorted((one for one in made if is_layout(one.roles) and one.places), key=lambda one: one.cost)


def is_layout(roles: tuple[str, ...]) -> bool:
    """Whether the roles of the levels make sense: one class, one split at most, nothing passed over at the end."""
    counts = [roles.count(role) for role in (CLASS, SPLIT, FOLD, GROUP)]
    return counts[0] == 1 and max(counts) == 1 and roles[-1] in {CLASS, SPLIT}


def rivals(levels: Levels, fewest_classes: int) -> list[Layout]:
    """The best layout and those that are as likely; none where no layout has classes enough."""
    possible = [one for one in layouts(levels) if len(one.classes) >= fewest_classes]
    return [one for one in possible if one.cost - possible[0].cost < NEAR and differs(one, possible[0])]


def differs(one: Layout, best: Layout) -> bool:
    """Whether a layout is the best one itself, or says something else of some image."""
    return one is best or any(best.places.get(names) != place for names, place in one.places.items())


def asked(levels: Levels, text: str, fewest_classes: int) -> Layout | None:
    """The layout that --layout means: wrappers need not be written, and may be. None where the tree has no such."""
    roles = tuple(text.upper().strip("/").split("/"))
    meant = (Layout(roles, each) for each in (levels, inside(levels), Levels(levels.images)))
    fitting = (one for one in meant if len(one.classes) >= fewest_classes)
    return max(fitting, key=lambda one: 2 * one.labelled >= sum(levels.images.values()), default=None)
