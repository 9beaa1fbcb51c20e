"""All that training needs, as plain data: a second ``train`` with the same recipe repeats the run."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from regraft.errors import RecipeError

STRATEGIES = ("head", "early-layers", "fine-tune", "from-scratch")
FROZEN_STRATEGIES = ("head", "early-layers")
INITIALISERS = (
    "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_",
)  # fmt: skip
EMBEDDED = "embedded"
MOST_HEAD_LAYERS = 2


@dataclass(frozen=True)
class Recipe:
    """The settings of one run; None means that the plan or the network decides."""

    backbone: str = EMBEDDED  # the embedded network, any timm name, or torchvision/NAME
    weights: str | None = None  # a .safetensors or .pth state dict on this machine
    strategy: str | None = None  # one of STRATEGIES; None: the plan's
    cut: str | None = None  # where the network is sliced; None: the plan's
    image_size: int | None = None  # pixels a side; None: the backbone's own
    batch_size: int = 64  # images in one pass through the network
    workers: int = 0  # threads that decode; 0: one per processor
    device: str = "auto"  # auto, cpu, cuda, cuda:1, ...
    head_layers: int = 1  # linear layers in the new head, one or two
    hidden: int = 256  # units between two linear layers
    initialiser: str = "xavier_uniform_"  # of the head's weights, a name in torch.nn.init
    weight_decay: float | None = None  # L2 on the head's weights per image; None: chosen by validation
    class_weights: str = "none"  # none, or auto: classes weigh the same whatever their counts
    large_from: int = 20_000  # training images from which the data counts as large
    similar_from: float = 0.5  # similarity score from which the data counts as similar
    seed: int = 0  # of the head's initial weights and the bootstrap
    split_seed: int = 0  # of the split, and of nothing else

    def __post_init__(self) -> None:
        """Raise RecipeError for a value out of its range."""
        allowed: dict[str, tuple[Any, ...]] = {
            "strategy": (None, *STRATEGIES),
            "initialiser": INITIALISERS,
            "class_weights": ("none", "auto"),
            "head_layers": (1, 2),
        }
        for name, choices in allowed.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(str(choice) for choice in choices if choice is not None)
                raise RecipeError(f"{flag(name)} is '{getattr(self, name)}'; choose one of {listed}")
        for name, least in {"image_size": 16, "batch_size": 1, "hidden": 1, "large_from": 1}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise RecipeError(f"{flag(name)} is {value}; it must be {least} or more")
        for name in ("workers", "seed", "split_seed", "weight_decay"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise RecipeError(f"{flag(name)} is {value}; it must not be negative")
        if not 0 <= self.similar_from <= 1:
            raise RecipeError(f"{flag('similar_from')} is {self.similar_from}; it lies between 0 and 1")
        if self.cut and self.strategy in {"fine-tune", "from-scratch"}:
            raise RecipeError(f"--cut goes with a frozen strategy, not with '{self.strategy}'; leave one of them out")

    def but(self, **changes: Any) -> "Recipe":
        """The same recipe with some settings changed."""
        return replace(self, **changes)

    def write(self, path: Path) -> None:
        """Write the recipe as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe that ``Recipe.write`` wrote; raise RecipeError where it is no recipe."""
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}; a run folder holds one as recipe.json") from None
    except (ValueError, OSError) as error:
        raise RecipeError(f"{path} is no recipe: {error}; give the recipe.json of a run") from None
    known = {field.name for field in fields(Recipe)}
    if not isinstance(values, dict) or set(values) - known:
        unknown = sorted(set(values) - known) if isinstance(values, dict) else [type(values).__name__]
        raise RecipeError(f"{path} holds what no recipe has: {', '.join(unknown)}; give the recipe.json of a run")
    try:
        return Recipe(**values)
    except TypeError as error:
        raise RecipeError(f"{path} has a setting of the wrong kind: {error}") from None


def flag(name: str) -> str:
    """A setting's name as the command line spells it."""
    return "--" + {"initialiser": "init"}.get(name, name).replace("_", "-")
