"""The only file that knows timm's and torchvision's models: names, constructors, weights, preprocessing, tracing."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regraft.errors import BackboneError, reason_of
from regraft.network import demonstration
from regraft.network.hub import HUB_FILES, TORCHVISION, file_of, not_at_hand, reachable, unknown_tag
from regraft.network.origin import NOT_KNOWN, Origin, of_file, published
from regraft.network.preprocessing import SQUASH, Preprocessing
from regraft.network.weights import Loaded, load_weights
from regraft.network.weights_file import holds_safetensors
from regraft.recipe import DEMONSTRATION, EMBEDDED


@dataclass(frozen=True)
class Pretrained:
    """A library's network with weights, and what the library knows of it."""

    model: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]  # that the classifier tells apart, in order; () where it was left out
    notes: tuple[str, ...] = ()  # what the user should know of how the weights were loaded
    file: Path | None = None  # that the weights came from, where it is known
    as_is: bool = False  # whether that is a safetensors file with the network's own names and shapes
    origin: Origin = NOT_KNOWN


def create(library: str, name: str, args: dict[str, Any]) -> nn.Module:
    """A network that a library registers, with random weights; nothing is fetched. The random state stays as it was.

    BackboneError where the library (timm, torchvision or regraft) has no classification network of that name.
    """
    if not is_registered(library, name):
        raise BackboneError(f"{library} has no network called '{name}' in the version that is installed")
    with torch.random.fork_rng(devices=[]):
        if library == "timm":
            import timm

            check_tag(name)
            return timm.create_model(name, **{**args, "pretrained": False})  # type: ignore[no-any-return]
        if library == "regraft":
            return demonstration.Demonstration(**args)
        import torchvision

        return torchvision.models.get_model(name, **{**args, "weights": None})  # type: ignore[no-any-return]


def is_registered(library: str, name: str) -> bool:
    """Whether a library itself has a classification network of that name."""
    if library == "regraft":
        return name == DEMONSTRATION
    if library == "timm":
        import timm

        return bool(timm.is_model(name))
    import torchvision

    return name in torchvision.models.list_models(module=torchvision.models)


def from_timm(name: str, weights: str | None, key: str | None = None) -> Pretrained:
    """Any network that timm knows by name, with weights from the file or from where timm finds them."""
    import timm

    if not timm.is_model(name):
        raise unknown(name)
    check_tag(name)
    file = Path(weights) if weights else None
    if file:
        model = create("timm", name, {})
        loaded = load_weights(model, file, name, timm.get_pretrained_cfg_value(name, "classifier"), key)
    else:
        model = fetch_timm(name)
        file = in_hub_cache(timm.get_pretrained_cfg(name).hf_hub_id)
        loaded = Loaded((), True, file is not None and holds_safetensors(file))
    config = timm.data.resolve_model_data_config(model)
    preprocessing = Preprocessing(
        size=config["input_size"][-1],
        crop_share=config["crop_pct"],
        interpolation=config["interpolation"] if config["interpolation"] in {"bilinear", "lanczos"} else "bicubic",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        crop_mode=SQUASH if config["crop_mode"] == SQUASH else "center",
    )
    subset = timm.data.infer_imagenet_subset(model) if loaded.classifier else None
    info = timm.data.ImageNetInfo(subset) if subset else None
    classes = tuple(info.index_to_description(i) for i in range(info.num_classes())) if info else ()
    origin = of_file(weights) if weights else of_timm(name)
    return Pretrained(model, preprocessing, classes, loaded.notes, file, loaded.as_is, origin)


def from_torchvision(name: str, weights: str | None, key: str | None = None) -> Pretrained:
    """A classification network of torchvision, named torchvision/NAME."""
    import torchvision

    short = name.removeprefix(TORCHVISION)
    if short not in torchvision.models.list_models(module=torchvision.models):
        raise unknown(name)
    default = torchvision.models.get_model_weights(short).DEFAULT
    preset = default.transforms()
    file = Path(weights) if weights else torchvision_file(short)
    if weights:
        model = create("torchvision", short, {})
        loaded = load_weights(model, file, name, None, key)
    else:
        loaded = Loaded((), classifier=True, as_is=False)
        model = fetch(name, default.url, file.exists(), lambda: torchvision.models.get_model(short, weights=default))
    size = preset.crop_size[0]
    preprocessing = Preprocessing(
        size=size,
        crop_share=size / preset.resize_size[0],
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
    classes = tuple(default.meta["categories"]) if loaded.classifier else ()
    licence, words = default.meta.get("license"), f"torchvision's {short} ({default.name})"
    origin = of_file(weights) if weights else published(words, licence, "torchvision's metadata")
    return Pretrained(model, preprocessing, classes, loaded.notes, file, loaded.as_is, origin)


def of_timm(name: str) -> Origin:
    """What timm's metadata says of its own weights of a network."""
    import timm

    config = timm.get_pretrained_cfg(name)
    full = f"{name.partition('.')[0]}.{config.tag}" if config.tag else name
    return published(f"timm's {full}", config.license, "timm's metadata", config.hf_hub_id)


def fetch_timm(name: str) -> nn.Module:
    """The timm network with weights from its hub or this machine's copy of them."""
    import timm
    from huggingface_hub import constants

    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise BackboneError(f"timm has no pre-trained weights for '{name}'; bring some with --weights FILE")
    url = file_of(f"{constants.ENDPOINT}/{config.hf_hub_id}") if config.hf_hub_id else config.url
    return fetch(name, url, bool(in_hub_cache(config.hf_hub_id)), lambda: timm.create_model(name, pretrained=True))


def fetch(name: str, url: str, cached: bool, construct: Callable[[], nn.Module]) -> nn.Module:
    """Make a network whose weights are ``cached`` here or lie at ``url``; BackboneError at once without a network."""
    if not cached and not reachable(url):
        raise not_at_hand(name, url)
    try:
        with torch.random.fork_rng(devices=[]):
            return construct()
    except (OSError, RuntimeError) as error:  # the hub libraries' network errors are OSErrors; bad files RuntimeErrors
        raise BackboneError(f"{not_at_hand(name, url)} ({reason_of(error)[:100]})") from None


def in_hub_cache(repository: str | None) -> Path | None:
    """The file on this machine that has the weights of a hub's repository."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(repository, file) for file in HUB_FILES) if repository else ()
    return next((Path(file) for file in found if isinstance(file, str)), None)


def torchvision_file(short: str) -> Path:
    """Where torchvision keeps a network's weights on this machine."""
    import torchvision

    return Path(torch.hub.get_dir(), "checkpoints", Path(torchvision.models.get_model_weights(short).DEFAULT.url).name)


def stages_of(model: nn.Module) -> tuple[str, ...]:
    """Timm's list of the network's stages, where it has one; they help with networks that cannot be traced whole."""
    return tuple(info["module"] for info in getattr(model, "feature_info", []) if isinstance(info, dict))


def tracer_arguments() -> dict[str, Any]:
    """What torchvision's tracer must know of timm's networks: modules and functions that are not traced into."""
    from timm.models._features_fx import get_notrace_functions, get_notrace_modules

    return {"leaf_modules": list(get_notrace_modules()), "autowrap_functions": list(get_notrace_functions())}


def all_names() -> list[str]:
    """Every backbone by name: the embedded one, torchvision's, timm's."""
    import timm
    import torchvision

    theirs = (TORCHVISION + short for short in torchvision.models.list_models(module=torchvision.models))
    return [EMBEDDED, DEMONSTRATION, *theirs, *timm.list_models()]


def check_tag(name: str) -> None:
    """Raise BackboneError where timm has a network, but no weights of the tag behind its dot."""
    import timm

    short, _, tag = name.partition(".")
    if not tag:
        return
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError:
        tags = [other.partition(".")[2] for other in timm.list_models(f"{short}.*", pretrained=True)]
        raise unknown_tag(name, tags) from None


def unknown(name: str) -> BackboneError:
    """The error for a name that nobody knows, with the nearest names that are known."""
    if Path(name).is_file():
        return BackboneError(f"{name} is a file; name its network with --backbone, and give the file with --weights")
    near = difflib.get_close_matches(name, all_names(), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "name a timm network, torchvision/NAME or embedded"
    return BackboneError(f"no backbone is called '{name}'; {hint}")
