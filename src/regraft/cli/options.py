"""The command line's options: a name, a type, a line of help each."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from regraft.recipe import EMBEDDED

Command = TypeVar("Command", bound=Callable[..., Any])

Data = Annotated[
    str,
    typer.Argument(
        help="Folder of CLASS/image files, or of train/, val/, test/ folders of those; a table (.csv, .tsv, .parquet);"
        " a .zip or .tar; shards-{0000..0009}.tar; hf:NAME."
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder that `regraft train` made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder to make; runs/DATA-N by default.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run folder where it exists.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted training in --out.")]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help=f"{EMBEDDED} (default), any timm name, ...; given again, as NAME or NAME=FILE, they are ranked.",
    ),
]

READING: dict[str, tuple[Any, str]] = {
    "image_column": (str, "Of a table: the column of paths (image)."),
    "label_column": (str, "Of a table, or the field of a shard's JSON: the class (label)."),
    "split_column": (str, "Of a table: train, val or test (split)."),
    "group_by": (str, "A table's column, or a regular expression on paths: images alike in it stay in one split."),
    "max_pixels": (int, "Images of more pixels are left out (178956970)."),
}
DEVICE: dict[str, tuple[Any, str]] = {"device": (str, "auto (default), cpu, cuda, cuda:1, ...")}
NETWORK: dict[str, tuple[Any, str]] = {
    "weights": (str, "Local .safetensors or .pth state dict of the backbone."),
    "image_size": (int, "Pixels a side; the backbone's own by default."),
    "batch_size": (int, "Images in one batch: 64 in the frozen pass and 32 in training by default."),
    "workers": (int, "Threads that decode; one a processor by default."),
    **DEVICE,
}
PLANNING: dict[str, tuple[Any, str]] = {
    "recipe": (Path, "A run's recipe.json to repeat; options go before it."),
    **NETWORK,
    **READING,
    "split_seed": (int, "Of the test split, where the data gives none (0)."),
    "large_from": (int, "Training images from which data counts as large (20000)."),
    "similar_from": (float, "Similarity score from which data counts as similar (0.5)."),
    "strategy": (str, "head, early-layers, fine-tune or from-scratch; the plan's by default."),
    "cut": (list[str], "Where to slice the network (the plan's); given again, a head joins the cuts."),
}
TRAINING: dict[str, tuple[Any, str]] = {
    "backbone": (str, f"{EMBEDDED} (default), demonstration, any timm name, torchvision/NAME, or a run."),
    **PLANNING,
    "seed": (int, "Of everything random but the split (0)."),
    "head_layers": (int, "Linear layers in the new head, 1 (default) or 2."),
    "hidden": (int, "Units between two linear layers (256)."),
    "init": (str, "Of the head's weights, by torch.nn.init name (xavier_uniform_)."),
    "weight_decay": (float, "L2 on the head's weights; chosen by validation by default."),
    "pooling": (str, "Over space before the head: average (default), max or both."),
    "views": (int, "Augmented views of each image for a frozen strategy's head (0)."),
    "class_weights": (str, "none (default), auto or inverse-frequency: classes weigh the same; effective-number."),
    "epochs": (int, "Of training the whole network; by the number of images by default."),
    "optimiser": (str, "sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam, adamw (default)."),
    "learning_rate": (float, "Of the last layers at its peak; the optimiser's own by default."),
    "layer_decay": (float, "A stage's learning rate as a share of the next one's (0.9)."),
    "schedule": (str, "cosine (default), constant or one-cycle."),
    "warm_up": (float, "Share of the steps in which the learning rate rises (0.1)."),
    "label_smoothing": (float, "Of the targets, 0 to 1 (0.1)."),
    "mix": (str, "Images and labels mixed: none, mixup, cutmix, both, or auto (default: mixup for large data)."),
    "ema": (float, "Decay a step of averaged weights, as 0.99; none by default."),
    "clip": (float, "Largest norm of the gradient; 0, no limit, by default."),
    "batch_norm": (str, "Running statistics: frozen, adapt, or auto (default)."),
    "unfreeze_from": (str, "Fine-tune only what lies after this cut."),
    "augmentation": (str, "none, light, medium (default) or strong."),
    "flip": (str, "yes (default), or no where a mirror image has another label."),
    "head_start": (str, "Fine-tuning starts from a solved (default) or random head."),
    "patience": (int, "Epochs in which neither the metric nor the loss improves before training stops."),
    "min_improvement": (float, "Of the monitored metric, to count as one (0)."),
    "monitor": (
        str,
        "What finds the best epoch: val_accuracy (default), val_balanced_accuracy, val_macro_f1, val_loss,"
        " train_accuracy or train_loss.",
    ),
    "mode": (str, "Of the monitored metric: max, min or auto (default)."),
    "checkpoint_name": (str, "Of the best checkpoint's file, with {epoch}, {metric} and {value}."),
    "time_limit": (str, "For the whole job, as 90s, 10m or 1h: tries more than the plan and keeps the best."),
    "checkpoint_minutes": (float, "Minutes between checkpoints inside an epoch (5)."),
}


def takes(options: dict[str, tuple[Any, str]]) -> Callable[[Command], Command]:
    """Give a command that has ``**settings`` one option for each of ``options``; those not given are None."""

    def with_options(command: Command) -> Command:
        own = inspect.signature(command)
        kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        made = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, typer.Option("--" + name.replace("_", "-"), help=text)],
            )
            for name, (kind, text) in options.items()
        ]
        required = [p for p in kept if p.default is inspect.Parameter.empty]
        optional = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept if p not in required]
        command.__signature__ = inspect.Signature([*required, *made, *optional])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in (*kept, *made)}
        return command

    return with_options
