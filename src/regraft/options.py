"""The command line's options: a name, a type, a line of help each."""

from pathlib import Path
from typing import Annotated

import typer

from regraft.recipe import EMBEDDED

Data = Annotated[Path, typer.Argument(help="Folder of CLASS/image files, or of train/, val/, test/ folders of those.")]
Run = Annotated[Path, typer.Argument(help="A run folder that `regraft train` made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder to make; runs/DATA-N by default.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run folder where it exists.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Threads that decode; one a processor by default.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A run's recipe.json to repeat; options go before it.")
]
Backbone = Annotated[
    str | None, typer.Option(help=f"{EMBEDDED} (default), demonstration, any timm name, torchvision/NAME, or a run.")
]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help=f"{EMBEDDED} (default), any timm name, ...; given again, as NAME or NAME=FILE, they are ranked.",
    ),
]
Weights = Annotated[str | None, typer.Option(help="Local .safetensors or .pth state dict of the backbone.")]
ImageSize = Annotated[int | None, typer.Option(help="Pixels a side; the backbone's own by default.")]
BatchSize = Annotated[int | None, typer.Option(help="Images in one pass through the network (64).")]
Device = Annotated[str | None, typer.Option(help="auto (default), cpu, cuda, cuda:1, ...")]
Seed = Annotated[int | None, typer.Option(help="Of the head's initial weights and the bootstrap (0).")]
SplitSeed = Annotated[int | None, typer.Option(help="Of the test split, where the folders give none (0).")]
LargeFrom = Annotated[int | None, typer.Option(help="Training images from which data counts as large (20000).")]
SimilarFrom = Annotated[float | None, typer.Option(help="Similarity score from which data counts as similar (0.5).")]
Strategy = Annotated[
    str | None, typer.Option(help="head, early-layers, fine-tune or from-scratch; the plan's by default.")
]
Cut = Annotated[
    list[str] | None, typer.Option(help="Where to slice the network (the plan's); given again, a head joins the cuts.")
]
Pooling = Annotated[str | None, typer.Option(help="Over space before the head: average (default), max or both.")]
Views = Annotated[int | None, typer.Option(help="Augmented views of each image for a frozen strategy's head (0).")]
HeadLayers = Annotated[int | None, typer.Option(help="Linear layers in the new head, 1 (default) or 2.")]
Hidden = Annotated[int | None, typer.Option(help="Units between two linear layers (256).")]
Init = Annotated[
    str | None, typer.Option("--init", help="Of the head's weights, by torch.nn.init name (xavier_uniform_).")
]
WeightDecay = Annotated[float | None, typer.Option(help="L2 on the head's weights; chosen by validation by default.")]
ClassWeights = Annotated[str | None, typer.Option(help="none (default), or auto: classes weigh the same.")]


Epochs = Annotated[int | None, typer.Option(help="Of training the whole network; by the number of images by default.")]
Optimiser = Annotated[
    str | None, typer.Option(help="sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam, adamw (default).")
]
LearningRate = Annotated[
    float | None, typer.Option(help="Of the last layers at its peak; the optimiser's own by default.")
]
LayerDecay = Annotated[float | None, typer.Option(help="A stage's learning rate as a share of the next one's (0.9).")]
Schedule = Annotated[str | None, typer.Option(help="cosine (default), constant or one-cycle.")]
WarmUp = Annotated[float | None, typer.Option(help="Share of the steps in which the learning rate rises (0.1).")]
LabelSmoothing = Annotated[float | None, typer.Option(help="Of the targets, 0 to 1 (0.1).")]
Mix = Annotated[str | None, typer.Option(help="Images and labels mixed: none (default), mixup, cutmix or both.")]
Ema = Annotated[float | None, typer.Option(help="Decay a step of averaged weights, as 0.99; none by default.")]
Clip = Annotated[float | None, typer.Option(help="Largest norm of the gradient; 0, no limit, by default.")]
BatchNorm = Annotated[str | None, typer.Option(help="Running statistics: frozen, adapt, or auto (default).")]
UnfreezeFrom = Annotated[str | None, typer.Option(help="Fine-tune only what lies after this cut.")]
Augmentation = Annotated[str | None, typer.Option(help="none, light, medium (default) or strong.")]
Flip = Annotated[str | None, typer.Option(help="yes (default), or no where a mirror image has another label.")]
HeadStart = Annotated[str | None, typer.Option(help="Fine-tuning starts from a solved (default) or random head.")]
Patience = Annotated[int | None, typer.Option(help="Epochs without improvement before training stops.")]
MinImprovement = Annotated[float | None, typer.Option(help="Of the monitored metric, to count as one (0).")]
Monitor = Annotated[
    str | None,
    typer.Option(
        help="What finds the best epoch: val_accuracy (default), val_balanced_accuracy,"
        " val_macro_f1, val_loss, train_accuracy or train_loss."
    ),
]
Mode = Annotated[str | None, typer.Option(help="Of the monitored metric: max, min or auto (default).")]
CheckpointName = Annotated[
    str | None, typer.Option(help="Of the best checkpoint's file, with {epoch}, {metric} and {value}.")
]
TimeLimit = Annotated[
    str | None, typer.Option(help="For the whole job, as 90s, 10m or 1h: tries more than the plan and keeps the best.")
]
CheckpointMinutes = Annotated[float | None, typer.Option(help="Minutes between checkpoints inside an epoch (5).")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted training in --out.")]
