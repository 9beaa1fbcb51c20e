"""The pre-trained network: which one, with which weights, and how its input is prepared.

The only file that knows timm's and torchvision's models.
"""

import difflib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regraft.errors import BackboneError, reason_of
from regraft.network import demonstration, source
from regraft.network.hub import TORCHVISION, not_at_hand, reachable
from regraft.network.preprocessing import SQUASH, Preprocessing, from_dict
from regraft.recipe import DEMONSTRATION, EMBEDDED


@dataclass(frozen=True)
class Architecture:
    """What rebuilds a network without its weights."""

    library: str  # timm, torchvision or regraft
    name: str  # as that library calls it
    args: dict[str, Any] = field(default_factory=dict)  # keyword arguments of its constructor

    def build(self, classes: int | None = None) -> nn.Module:
        """The network with random weights; ``classes`` outputs where given, else as many as it has by default."""
        args = dict(self.args) if classes is None else {**self.args, "num_classes": classes}
        if self.library == "timm":
            import timm

            return timm.create_model(self.name, pretrained=False, **args)  # type: ignore[no-any-return]
        if self.library == "regraft":
            return demonstration.build(**{"classes": args["num_classes"]} if "num_classes" in args else {})
        import torchvision

        return torchvision.models.get_model(self.name, weights=None, **args)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Backbone:
    """A network with its weights, ready to be cut."""

    name: str  # as the user named it
    architecture: Architecture
    model: nn.Module  # in evaluation mode, on the CPU, in float32
    preprocessing: Preprocessing
    statistics: Mapping[str, torch.Tensor] | None = None  # of the source data, as regraft.source has them
    source_classes: tuple[str, ...] = ()  # that the classifier tells apart, in order; () where it was left out
    notes: tuple[str, ...] = ()  # what the user should know of how the weights were loaded

    def fingerprint(self) -> str:
        """A hash of the architecture and of every weight and buffer."""
        digest = hashlib.blake2b(repr(self.architecture).encode(), digest_size=16)
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().view(-1).numpy().tobytes())
        return digest.hexdigest()


def load(name: str, weights: str | None = None, image_size: int | None = None) -> Backbone:
    """The backbone ``name`` with its pre-trained weights, from ``weights`` where given.

    Raises BackboneError for an unknown name, weights that are not on this machine and cannot be
    fetched, and weights of another architecture.
    """
    if name == EMBEDDED:
        if weights:
            raise BackboneError(
                "--weights goes with a named backbone; name one with --backbone, or leave --weights out"
            )
        return embedded(image_size)
    if name == DEMONSTRATION:
        backbone = demonstration_backbone(weights)
    elif is_run(name):
        if weights:
            raise BackboneError(f"{name} is a run, which has its own weights; leave --weights out")
        backbone = run_backbone(Path(name))
    elif name.startswith(TORCHVISION):
        backbone = torchvision_backbone(name, weights)
    else:
        backbone = timm_backbone(name, weights)
    sized = replace(backbone, preprocessing=backbone.preprocessing.resized_to(image_size))
    return replace(sized, statistics=source.for_input(source.read(sized.fingerprint()), sized.preprocessing.size))


def embedded(image_size: int | None) -> Backbone:
    """The small network inside the package, with its source statistics."""
    with as_file(files("regraft.network") / "embedded") as folder:
        return exported(folder, image_size)


def exported(folder: Path, image_size: int | None) -> Backbone:
    """A network as the pretraining exports it."""
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    data = (folder / "model.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != config["sha256"]:
        raise BackboneError("the embedded weights are damaged (their SHA-256 differs); install regraft anew")
    state = {key: value.float() for key, value in load_file(folder / "model.safetensors").items()}
    statistics = load_file(folder / "statistics.safetensors")
    architecture = Architecture("timm", config["architecture"], config["model_args"])
    model = architecture.build(len(config["classes"]))
    integers = {key: value.dtype for key, value in model.state_dict().items() if not value.is_floating_point()}
    model.load_state_dict({key: value.to(integers.get(key, value.dtype)) for key, value in state.items()})
    preprocessing = from_dict(config["preprocessing"]).resized_to(image_size)
    known = source.for_input(statistics, preprocessing.size)
    return Backbone(EMBEDDED, architecture, model.eval(), preprocessing, known, tuple(config["classes"]))


def demonstration_backbone(weights: str | None) -> Backbone:
    """The network for teaching, with random weights unless a file has some."""
    model = demonstration.build()
    preprocessing = Preprocessing(demonstration.SIZE, crop_share=1.0, interpolation="bilinear")
    notes: tuple[str, ...] = ("the demonstration network has random weights; train it, and use that run as a backbone",)
    if weights:
        notes = load_weights(model, Path(weights), DEMONSTRATION, "fc3")
    return Backbone(DEMONSTRATION, Architecture("regraft", DEMONSTRATION), model.eval(), preprocessing, notes=notes)


def run_backbone(run: Path) -> Backbone:
    """The network of a finished run, without its head; BackboneError where it kept the early layers only."""
    given = read_weights(run / "model" / "model.safetensors")
    try:
        own = json.loads((run / "model" / "config.json").read_text())["regraft"]
        architecture, preprocessing = Architecture(**own["architecture"]), from_dict(own["preprocessing"])
        model = architecture.build()
        named = {own["names"].get(key, key): value for key, value in given.items()}
        body = {key.removeprefix("body."): value for key, value in named.items() if key.startswith("body.")}
        missing, unexpected = model.load_state_dict(body, strict=False)
        whole = own.get("whole", own["strategy"] != "early-layers")
        lacks = bool(unexpected) or any(key.startswith(tuple(own["cuts"])) for key in missing)
    except Exception as error:  # JSON, timm and torch each raise their own kinds
        why = reason_of(error)[:120]
        raise BackboneError(f"{run} holds no run that can be started from: {why}; train it again") from None
    if not whole:
        raise BackboneError(f"{run} kept the early layers only; name a run of head, fine-tune or from-scratch")
    if lacks:
        raise BackboneError(f"the weights in {run} do not fit their network {architecture.name}; train it again")
    return Backbone(str(run), architecture, model.eval(), preprocessing)


def is_run(name: str) -> bool:
    """Whether a backbone's name is the folder of a finished run."""
    return (Path(name) / "model" / "config.json").is_file()


def timm_backbone(name: str, weights: str | None) -> Backbone:
    """Any network that timm knows by name."""
    import timm

    if not timm.is_model(name):
        raise unknown(name)
    architecture = Architecture("timm", name)
    if weights:
        model = architecture.build()
        notes = load_weights(model, Path(weights), name, timm.get_pretrained_cfg_value(name, "classifier"))
    else:
        model, notes = fetch_timm(name), ()
    config = timm.data.resolve_model_data_config(model)
    preprocessing = Preprocessing(
        size=config["input_size"][-1],
        crop_share=config["crop_pct"],
        interpolation=config["interpolation"] if config["interpolation"] in {"bilinear", "lanczos"} else "bicubic",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        crop_mode=SQUASH if config["crop_mode"] == SQUASH else "center",
    )
    classes = () if notes else timm_classes(model)
    return Backbone(name, architecture, model.eval(), preprocessing, source_classes=classes, notes=notes)


def timm_classes(model: nn.Module) -> tuple[str, ...]:
    """Names of the classes that a timm network's classifier tells apart, where timm knows them."""
    import timm

    subset = timm.data.infer_imagenet_subset(model)
    info = timm.data.ImageNetInfo(subset) if subset else None
    return tuple(info.index_to_description(i) for i in range(info.num_classes())) if info else ()


def stages_of(model: nn.Module) -> tuple[str, ...]:
    """Timm's list of the network's stages, where it has one; they help with networks that cannot be traced whole."""
    return tuple(info["module"] for info in getattr(model, "feature_info", []) if isinstance(info, dict))


def fetch_timm(name: str) -> nn.Module:
    """The timm network with weights from its hub or this machine's copy of them."""
    import timm
    from huggingface_hub import constants

    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise BackboneError(f"timm has no pre-trained weights for '{name}'; bring some with --weights FILE")
    url = f"{constants.ENDPOINT}/{config.hf_hub_id}" if config.hf_hub_id else config.url
    return fetch(name, url, in_hub_cache(config.hf_hub_id), lambda: timm.create_model(name, pretrained=True))


def in_hub_cache(repository: str | None) -> bool:
    """Whether the weights of a hub's repository are on this machine."""
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names) if repository else False


def torchvision_backbone(name: str, weights: str | None) -> Backbone:
    """A classification network of torchvision, named torchvision/NAME."""
    import torchvision

    short = name.removeprefix(TORCHVISION)
    if short not in torchvision.models.list_models(module=torchvision.models):
        raise unknown(name)
    default = torchvision.models.get_model_weights(short).DEFAULT
    preset = default.transforms()
    architecture = Architecture("torchvision", short)
    if weights:
        model = architecture.build()
        notes = load_weights(model, Path(weights), name, None)
    else:
        here = torchvision_file(short).exists()
        model = fetch(name, default.url, here, lambda: torchvision.models.get_model(short, weights=default))
        notes = ()
    classes = () if notes else tuple(default.meta["categories"])
    size = preset.crop_size[0]
    preprocessing = Preprocessing(
        size=size,
        crop_share=size / preset.resize_size[0],
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
    return Backbone(name, architecture, model.eval(), preprocessing, source_classes=classes, notes=notes)


def torchvision_file(short: str) -> Path:
    """Where torchvision keeps a network's weights on this machine."""
    import torchvision

    return Path(torch.hub.get_dir(), "checkpoints", Path(torchvision.models.get_model_weights(short).DEFAULT.url).name)


def all_names() -> list[str]:
    """Every backbone by name: the embedded one, torchvision's, timm's."""
    import timm
    import torchvision

    theirs = (TORCHVISION + short for short in torchvision.models.list_models(module=torchvision.models))
    return [EMBEDDED, DEMONSTRATION, *theirs, *timm.list_models()]


def known_backbones(part: str = "") -> list[dict[str, Any]]:
    """Backbones whose name holds ``part``: name, whether pre-trained weights exist, whether they are here."""
    import timm

    rows = []
    for name in all_names():
        if part not in name:
            continue
        if name in {EMBEDDED, DEMONSTRATION}:
            pretrained = here = name == EMBEDDED
        elif name.startswith(TORCHVISION):
            pretrained, here = True, torchvision_file(name.removeprefix(TORCHVISION)).exists()
        else:
            config = timm.get_pretrained_cfg(name)
            pretrained = bool(config and config.has_weights)
            here = pretrained and in_hub_cache(config.hf_hub_id)
        rows.append({"name": name, "pretrained": pretrained, "here": here})
    return rows


def unknown(name: str) -> BackboneError:
    """The error for a name that nobody knows, with the nearest names that are known."""
    near = difflib.get_close_matches(name, all_names(), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "name a timm network, torchvision/NAME or embedded"
    return BackboneError(f"no backbone is called '{name}'; {hint}")


def fetch(name: str, url: str, cached: bool, create: Callable[[], nn.Module]) -> nn.Module:
    """Create a network whose weights are ``cached`` here or lie at ``url``; BackboneError at once without a network."""
    if not cached and not reachable(url):
        raise not_at_hand(name, url)
    try:
        return create()
    except (OSError, RuntimeError) as error:  # the hub libraries' network errors are OSErrors; bad files RuntimeErrors
        raise BackboneError(f"{not_at_hand(name, url)} ({reason_of(error)[:100]})") from None


def load_weights(model: nn.Module, path: Path, name: str, classifier: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Load a state dict into ``model``; a classifier of another size is left out, and said."""
    given = read_weights(path)
    own = model.state_dict()
    classifiers = (classifier,) if isinstance(classifier, str) else classifier  # some of timm's have several
    head = tuple(one + "." for one in classifiers or (list(own)[-1].rsplit(".", 1)[0],))
    wrong = [
        key
        for key in own.keys() | given.keys()
        if not key.startswith(head) and (key not in own or key not in given or own[key].shape != given[key].shape)
    ]
    wrong = [key for key in wrong if not (key.endswith("num_batches_tracked") and key not in given)]
    if wrong:
        shown = ", ".join(sorted(wrong)[:3])
        raise BackboneError(
            f"{path} does not hold the weights of '{name}': {len(wrong)} of {len(own)} entries do not fit"
            f" (for one, {shown}); name the backbone that they belong to"
        )
    fitting = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    dropped = [key for key in own if key.startswith(head) and key not in fitting]
    return (f"the classifier in {path.name} has another shape and was left out",) if dropped else ()


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors or .pth file; nothing in it is ever unpickled to code."""
    if not path.is_file():
        raise BackboneError(f"there is no weights file {path}; give a .safetensors or .pth state dict")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors, pickle and zip each raise their own kinds
        why = reason_of(error)[:100]
        raise BackboneError(
            f"{path} cannot be read as weights: {why}; give a .safetensors or .pth state dict"
        ) from None
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    tensors = isinstance(found, dict) and all(isinstance(value, torch.Tensor) for value in found.values())
    if not tensors or not all(isinstance(key, str) for key in found):
        raise BackboneError(f"{path} holds no state dict of tensors; save one with model.state_dict()")
    return {key.removeprefix("module."): value for key, value in found.items()}
