"""The groups of settings, by concern."""

import codecs
import math
import re
from dataclasses import dataclass
from string import Formatter

from regraft.errors import RecipeError
from regraft.recipe.declaration import check, setting

STRATEGIES = ("head", "early-layers", "fine-tune", "from-scratch")
FROZEN_STRATEGIES = ("head", "early-layers")
LEVELS = ("CLASS", "SPLIT", "FOLD", "GROUP")  # of a layout, beside *
EMBEDDED, DEMONSTRATION = "embedded", "demonstration"
MAX_PIXELS = 178_956_970  # of one image, as Pillow's own limit
INITIALISERS = (
    "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_", "orthogonal_",
)  # fmt: skip
OPTIMISERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam", "adamw")
RANGES = ("auto", "bits", "percentile")
MIXES = ("auto", "none", "mixup", "cutmix", "both")
PLACE = re.compile(r"(epoch|metric|value):[0 ]?\d{0,2}(\.\d{1,2})?[a-zA-Z%]?", re.ASCII)  # in a checkpoint's name
METRICS = (
    "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_loss", "train_accuracy", "train_loss",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A group of settings, checked when it is made."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that its setting cannot have."""
        check(self)


@dataclass(frozen=True)
class Network(Section):
    """Which network is grafted, and on what it runs."""

    backbone: str = setting(
        EMBEDDED, f"{EMBEDDED}, {DEMONSTRATION}, any timm name, torchvision/NAME, or a run's folder"
    )
    continue_from: str | None = setting(
        None,
        "run to go on from: keeps its layers, and its head where the classes agree",
        otherwise="start from the backbone",
        flag="continue",
    )
    weights: str | None = setting(None, "local file of the backbone's weights: .safetensors, or what torch.save wrote")
    weights_key: str | None = setting(
        None,
        "which state dict of --weights to take, such as state_dict_ema",
        otherwise="the one that fits; averaged weights only where no others do",
    )
    image_size: int | None = setting(None, "pixels a side", least=16, most=8192, otherwise="the backbone's own")
    batch_size: int | None = setting(
        None, "images in one batch", least=1, otherwise="the engine's own, 32 in training", also=("--batch",)
    )
    workers: int = setting(0, "threads that decode; 0 is one a processor", least=0)
    device: str = setting("auto", "auto (a GPU where there is one), cpu, cuda, cuda:1, ...")


@dataclass(frozen=True)
class Reading(Section):
    """How labelled images are read."""

    image_column: str = setting("image", "of a table: the column of paths")
    label_column: str = setting("label", "of a table, or the field of a shard's JSON: the class")
    split_column: str = setting("split", "of a table: train, val or test")
    group_by: str | None = setting(
        None, "a table's column, or a regular expression on paths: images alike in it (a patient) stay in one split"
    )
    max_pixels: int = setting(MAX_PIXELS, "images of more pixels are left out", least=1)
    pixel_range: str = setting(
        "auto",
        "of images of more than 8 bits, which values become black and white: LOW,HIGH; bits: as many as the set uses;"
        " percentile: 0.1 to 99.9 of its values; auto: bits where half of that is used, else percentile",
        name="range",
    )
    bands: str | None = setting(
        None, "of TIFF and .npy images, numbers from 1: those shown as red, green and blue, as 3,2,1, or as grey"
    )
    background: str = setting("white", "what lies behind transparency", choices=("white", "black"))
    image_folder: str | None = setting(None, "of a table: where its images lie", otherwise="the table's own folder")
    image_suffix: str | None = setting(
        None, "of a table: .jpg or the like, where its names lack a suffix or have another", otherwise="as in the table"
    )
    corrections: str | None = setting(
        None, "table of corrected labels, as `regraft review` writes it", otherwise="none"
    )
    splits: str | None = setting(
        None, "words that stand for splits, as train_clean=train,eval=test,extra=none", otherwise="the usual ones"
    )

    layout: str | None = setting(
        None,
        "levels of a tree of folders from the top, as SPLIT/CLASS; also FOLD, GROUP (stays in one split) and * (any)",
        otherwise="found by the folders' names",
    )
    classes_from: str | None = setting(
        None, "a regular expression on images' paths whose first bracketed part is the class, in place of folders"
    )
    ignore: tuple[str, ...] = setting(
        (), "a folder's name, path or pattern to leave out; may be given again", otherwise="none"
    )
    zip_names: str | None = setting(
        None, "encoding of names in zips that are not marked as Unicode, as cp932", otherwise="UTF-8 or cp437"
    )

    def __post_init__(self) -> None:
        """Refuse a range, bands, a layout, a pattern or an encoding that is none."""
        super().__post_init__()
        if self.pixel_range not in RANGES and self.limits is None:
            raise RecipeError(f"--range is '{self.pixel_range}'; give auto, bits, percentile, or two numbers as 0,4095")
        if self.bands is not None and not self.band_numbers:
            raise RecipeError(f"--bands is '{self.bands}'; give one or three numbers from 1, as 3,2,1")
        # JSON has lists where folders are a tuple
        object.__setattr__(self, "ignore", tuple(map(str, self.ignore)))
        levels = (self.layout or "CLASS").upper().strip("/").split("/")
        counts = [levels.count(role) for role in LEVELS]
        if {*levels} - {*LEVELS, "*"} or counts[0] != 1 or max(counts) > 1:
            raise RecipeError(f"--layout is '{self.layout}'; write its levels from the top, as SPLIT/CLASS or */CLASS")
        try:
            re.compile(self.classes_from or "")
        except re.error as error:
            raise RecipeError(
                f"--classes-from '{self.classes_from}' is no regular expression: {error}; mend it"
            ) from None
        try:
            codecs.lookup(self.zip_names or "utf-8")
        except LookupError:
            raise RecipeError(f"--zip-names '{self.zip_names}' is no encoding; write one as cp932 or gbk") from None
        if self.layout and self.classes_from:
            raise RecipeError("--layout and --classes-from both say where the class is; leave one of them out")

    @property
    def renders(self) -> bool:
        """Whether it says how images become 8-bit RGB, in place of what is measured or a run has."""
        return self.pixel_range != "auto" or self.bands is not None or self.background != "white"

    @property
    def limits(self) -> tuple[float, float] | None:
        """The range as two numbers, where it is given so."""
        try:
            low, high = map(float, re.split(r"[,\s]+", self.pixel_range.strip()))
        except ValueError:
            return None
        return (low, high) if -math.inf < low < high < math.inf else None

    @property
    def band_numbers(self) -> tuple[int, ...]:
        """The bands that are named; none where they are not one or three."""
        parts = re.split(r"[,\s]+", (self.bands or "").strip())
        numbers = tuple(int(part) for part in parts if re.fullmatch(r"[0-9]{1,5}", part))
        return numbers if len(numbers) == len(parts) in {1, 3} and min(numbers) > 0 else ()

    def check_no_folders(self, source: str) -> None:
        """Raise RecipeError where a setting for trees of folders is given for a source that is none."""
        given = {"layout": self.layout, "classes-from": self.classes_from, "ignore": self.ignore}
        for name, value in given.items():
            if value:
                raise RecipeError(f"--{name} goes with folders and archives of them; {source} is none, so leave it out")


@dataclass(frozen=True)
class Planning(Section):
    """Which case the data is, and what is done about it."""

    strategy: str | None = setting(None, "in place of the plan's choice", choices=STRATEGIES, otherwise="the plan's")
    cut: str | None = setting(None, "where to slice; given again, a head takes the cuts joined", otherwise="the plan's")
    cuts: tuple[str, ...] = setting((), "several cuts whose features a head takes joined")
    fast: bool = setting(False, "heads on the frozen network alone: seconds instead of minutes")
    large_from: int = setting(20_000, "training images from which data counts as large", least=1)
    similar_from: float = setting(0.5, "similarity score from which data counts as similar", least=0, most=1)
    split_seed: int = setting(0, "of the test split, where the data gives none", least=0, most=2**32 - 2)

    def __post_init__(self) -> None:
        """JSON has lists where cuts are a tuple."""
        super().__post_init__()
        object.__setattr__(self, "cuts", tuple(map(str, self.cuts)))


@dataclass(frozen=True)
class Head(Section):
    """The new head, and the features that it takes."""

    layers: int = setting(1, "linear layers in the new head", choices=(1, 2), name="head_layers")
    hidden: int = setting(256, "units between two linear layers", least=1)
    initialiser: str = setting(
        "xavier_uniform_", "of the head, in torch.nn.init", choices=INITIALISERS, flag="init", also=("--initializer",)
    )
    solver: str = setting(
        "logistic",
        "of a frozen strategy's head: logistic regression, or linear discriminants, which few images suffice for",
        choices=("logistic", "discriminant"),
    )
    joining: str = setting(
        "concatenated",
        "of several cuts: one head on all their features, or the average of a head on each",
        choices=("concatenated", "averaged"),
    )
    pooling: str = setting("average", "over space before the head", choices=("average", "max", "both"))
    views: int = setting(0, "augmented views of each image for a frozen strategy's head", least=0, most=100)
    class_weights: str = setting(
        "none",
        "with auto and inverse-frequency classes weigh the same, with effective-number more alike",
        choices=("none", "auto", "inverse-frequency", "effective-number"),
    )


@dataclass(frozen=True)
class Optimisation(Section):
    """How the whole network is trained."""

    epochs: int | None = setting(None, "of training the whole network", least=1, otherwise="10 to 30, by the images")
    optimiser: str = setting(
        "adamw", "a name in torch.optim, in small letters", choices=OPTIMISERS, also=("--optimizer",)
    )
    learning_rate: float | None = setting(
        None, "of the head, at its peak", least=1e-12, otherwise="the optimiser's own", also=("--lr",)
    )
    weight_decay: float | None = setting(None, "L2 on what trains", least=0, otherwise="chosen for a head, else 0.05")
    layer_decay: float = setting(0.9, "a stage's learning rate as a share of the next one's", least=0, most=1)
    schedule: str = setting("cosine", "of the learning rate after warm-up", choices=("cosine", "constant", "one-cycle"))
    warm_up: float = setting(0.1, "share of the steps in which the learning rate rises", least=0, most=1)
    label_smoothing: float = setting(0.1, "of the targets, 0 to 1", least=0, most=1)
    ema: float | None = setting(
        None,
        "decay a step of averaged weights, which are kept; 0: none",
        least=0,
        most=0.99999,
        otherwise="as long as a tenth of all steps",
    )
    interpolate: str = setting(
        "yes", "also try weights between the start and the best epoch, keep them if better", choices=("yes", "no")
    )
    clip: float = setting(0.0, "largest norm of the gradient; 0: no limit", least=0)
    batch_norm: str = setting("auto", "its running statistics in training", choices=("auto", "frozen", "adapt"))
    unfreeze_from: str | None = setting(None, "fine-tune only what lies after this cut", otherwise="everything")
    head_start: str = setting("solved", "the head that fine-tuning starts from", choices=("solved", "random"))


@dataclass(frozen=True)
class Augmentation(Section):
    """What training images are turned into."""

    preset: str = setting(
        "medium",
        "light: crops and flips; medium: colours too; strong: RandAugment and erasing too",
        choices=("none", "light", "medium", "strong"),
        name="augmentation",
    )
    flip: str = setting("yes", "no where a mirror image has another label", choices=("yes", "no"))
    mix: str = setting("auto", "of images and labels; auto: mixup for large data", choices=MIXES)


@dataclass(frozen=True)
class Stopping(Section):
    """When training ends, and what is kept."""

    patience: int | None = setting(None, "epochs without improvement", least=1, otherwise="half of all, 3 or more")
    min_improvement: float = setting(0.0, "of the monitored metric, to count as one", least=0)
    monitor: str = setting("val_accuracy", "what finds the best epoch; of equals the smaller loss", choices=METRICS)
    mode: str = setting("auto", "of the monitored metric; auto: min for a loss", choices=("auto", "max", "min"))
    checkpoint_name: str = setting(
        "best-epoch{epoch:03d}-{metric}{value:.4f}", "of the best checkpoint's file, with {epoch}, {metric} and {value}"
    )
    checkpoint_minutes: float = setting(5.0, "minutes between checkpoints inside an epoch", least=0)
    time_limit: float | None = setting(None, "for the job, as 90s, 10m or 1h: tries more, keeps the best", least=1)

    def __post_init__(self) -> None:
        """Raise RecipeError for a name of the best checkpoint that makes no file name of its own."""
        super().__post_init__()
        try:
            fields = [(field, spec, how) for _, field, spec, how in Formatter().parse(self.checkpoint_name) if field]
            plain = all(PLACE.fullmatch(f"{field}:{spec}") and not how for field, spec, how in fields)
            name = self.checkpoint_name.format(epoch=1, metric=self.monitor, value=0.5) if plain else "?"
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            name = f"?{error}"
        if not re.fullmatch(r"[\w.=+-]{1,150}", name) or name == "last":
            raise RecipeError(
                f"--checkpoint-name '{self.checkpoint_name}' makes no file name; use letters, digits, . - _ and"
                " {epoch}, {metric}, {value}, as in best-{epoch:03d}-{metric}{value:.3f}; last.pt is the last one's"
            )

    @property
    def sign(self) -> int:
        """1 where more of the monitored figure is better, else -1."""
        least = self.mode == "min" or (self.mode == "auto" and self.monitor.endswith("loss"))
        return -1 if least else 1


@dataclass(frozen=True)
class General(Section):
    """What belongs to no other group."""

    seed: int = setting(0, "of everything random but the split", least=0, most=2**32 - 2)
