"""The table of all that is run: regraft and its peers, in the order in which they take turns."""

from dataclasses import dataclass

SQUEEZENET, EMBEDDED = "SqueezeNet 1.1 at 224 pixels", "EfficientNet-Lite0 at 128 pixels, the network inside regraft"
OURS = "regraft"  # the environment of this command


@dataclass(frozen=True)
class Contender:
    """One way to make a classifier of a folder of images."""

    name: str
    environment: str  # requirements/NAME.txt
    network: str  # SQUEEZENET or EMBEDDED: what it starts from
    recipe: str  # what it does, for the page
    variant: str | None = None  # of a peer's script
    strategy: str | None = None  # of regraft
    warm: bool = False  # regraft again on images that it has seen in the run before
    picks_epoch: bool = False  # whether it keeps the epoch that is best on the part that it watches


WATCHED = "it keeps the epoch that is best on the validation part"
CONTENDERS = (
    Contender("regraft head", OURS, SQUEEZENET, "`--strategy head`, nothing cached", strategy="head"),
    Contender("regraft head, again", OURS, SQUEEZENET, "the same command again", strategy="head", warm=True),
    Contender("regraft fine-tune", OURS, SQUEEZENET, "`--strategy fine-tune`, nothing cached", strategy="fine-tune"),
    Contender("fastai", "fastai", SQUEEZENET, "`vision_learner(...)`, `fine_tune(4)`, the defaults of its quick start"),
    Contender(
        "PyTorch tutorial, fixed", "tutorial", SQUEEZENET,
        f"last layer only, batches of 4, 25 epochs; {WATCHED}", "fixed", picks_epoch=True,
    ),
    Contender(
        "PyTorch tutorial, fine-tuned", "tutorial", SQUEEZENET,
        f"all layers, batches of 4, 25 epochs; {WATCHED}", "finetune", picks_epoch=True,
    ),
    Contender(
        "Lightning", "lightning", SQUEEZENET,
        "its fine-tuning example: 15 epochs, a head alone, from epoch 5 five modules more, from epoch 10 all",
    ),
    Contender(
        "Keras guide, 2 + 1 epochs", "keras", SQUEEZENET,
        "its transfer learning guide on PyTorch, epochs as in the code: top layer, then all layers", "short",
    ),
    Contender(
        "Keras guide, 20 + 10 epochs", "keras", SQUEEZENET,
        "the same with ten times the epochs", "long",
    ),
    Contender("regraft head, embedded", OURS, EMBEDDED, "`--strategy head`, nothing cached", strategy="head"),
    Contender(
        "regraft head, embedded, again", OURS, EMBEDDED, "the same command again", strategy="head", warm=True
    ),
    Contender(
        "regraft fine-tune, embedded", OURS, EMBEDDED,
        "`--strategy fine-tune`, nothing cached", strategy="fine-tune",
    ),
    Contender(
        "AutoGluon", "autogluon", EMBEDDED,
        "`MultiModalPredictor` with its defaults, from a folder with this network; timm has no SqueezeNet",
    ),
)  # fmt: skip
PEERS = tuple(dict.fromkeys(c.environment for c in CONTENDERS if c.environment != OURS))
