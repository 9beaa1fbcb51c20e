"""Going on with a run: its layers stay the network, its head's rows stay those of the classes that are there still."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from regraft.errors import RecipeError, RegraftError, RunError
from regraft.features.going_on import Start
from regraft.network.config import Config
from regraft.network.head import Head
from regraft.network.saved import MODEL, check_head, damaged, head_of_state, load
from regraft.network.saved_state import read_state
from regraft.recipe import Recipe

NAMED = 5  # classes that a sentence names


@dataclass(frozen=True)
class GoingOn:
    """The run that a training goes on from."""

    run: Path
    classes: tuple[str, ...]  # the run's
    config: Config
    head: Head
    rendering: dict[str, object] | None  # how the run's files became 8-bit images

    def start_for(self, classes: Sequence[str]) -> Start | None:
        """The head's rows for ``classes``; None where the run has none of them."""
        known = [name in self.classes for name in classes]
        rows = [self.classes.index(name) if there else 0 for name, there in zip(classes, known, strict=True)]
        return Start(self.head, tuple(rows), tuple(known)) if any(known) else None

    def continued(self, classes: Sequence[str]) -> "Continued":
        """What is kept, added and left out where the new data has ``classes``."""
        kept = tuple(name for name in classes if name in self.classes)
        added = tuple(name for name in classes if name not in self.classes)
        return Continued(str(self.run), kept, added, tuple(name for name in self.classes if name not in classes))

    def settled(self, recipe: Recipe) -> Recipe:
        """The recipe with the run's network, size, cuts and head in it; RecipeError where it asks for others."""
        own, side = self.config, self.config.preprocessing.size
        if recipe.network.image_size not in {None, side}:
            raise RecipeError(
                f"--image-size is {recipe.network.image_size}, but {self.run} takes {side} pixels a side; leave it out"
            )
        asked = recipe.planning.cuts or ((recipe.planning.cut,) if recipe.planning.cut else ())
        if asked and set(asked) != set(own.cuts):
            raise RecipeError(
                f"--cut is {', '.join(asked)}, but the head of {self.run} is on {', '.join(own.cuts)}; leave it out"
            )
        joined = len(own.cuts) > 1
        return recipe.but(
            backbone=str(self.run),
            image_size=side,
            cut=None if joined else own.cuts[0],
            cuts=own.cuts if joined else (),
            pooling=own.pooling,
            head_layers=own.head.layers,
            hidden=self.head.weights[0].shape[0] if own.head.layers > 1 else recipe.head.hidden,
        )


@dataclass(frozen=True)
class Continued:
    """What a training took from the run that it went on from."""

    run: str
    kept: tuple[str, ...]  # classes whose rows of the head it started from
    added: tuple[str, ...]  # classes that the run did not know
    dropped: tuple[str, ...]  # classes of the run that have no images now

    @cached_property
    def in_words(self) -> tuple[str, ...]:
        """The same in sentences."""
        return tuple(self.sentences())

    def sentences(self) -> Iterator[str]:
        """What was kept, added and left out."""
        if not self.kept:
            yield (
                f"Goes on from {self.run}: its layers are kept, but not its head, since no class is in both"
                f" ({listed(self.dropped)} there, {listed(self.added)} here)"
            )
            return
        yield f"Goes on from {self.run}: its layers, and its head for {counted(self.kept)} ({listed(self.kept)})"
        if self.added:
            yield f"Added to the head: {listed(self.added)}, beginning at what tells these images from the others'"
        if self.dropped:
            yield f"Left out of the head: {listed(self.dropped)}, without images here"


def counted(names: Sequence[str]) -> str:
    """How many classes."""
    return f"{len(names):,} class{'' if len(names) == 1 else 'es'}"


def listed(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + rest


def going_on_from(recipe: Recipe) -> GoingOn | None:
    """The run that ``recipe`` goes on from, if any; RunError where there is none or it is damaged."""
    named = recipe.network.continue_from
    if named is None:
        return None
    run = Path(named)
    if not run.is_dir():
        raise RunError(f"there is no run folder {run} to go on from; give one that `regraft train` made")
    saved = load(run / "model")
    config = saved.config
    try:
        head = head_of_state(read_state(saved.folder / MODEL, config.names), config.head.layers)
        check_head(head, len(saved.classes))
    except RegraftError:
        raise
    except Exception as error:  # safetensors raises its own kinds
        raise damaged(saved.folder, error) from None
    return GoingOn(run, saved.classes, config, head, saved.rendering)
