"""Whether a backbone's weights can be had, answered before torch is imported.

timm and torchvision take many seconds to import, too long to wait for the news that there is no network.
Their names are therefore read from their source: each network is a function under ``@register_model``.
"""

import difflib
import importlib.util
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from regraft.errors import BackboneError
from regraft.recipe import DEMONSTRATION, EMBEDDED

NETWORK_PATIENCE = 3.0  # seconds to wait for a model hub before saying that it cannot be reached
TORCHVISION = "torchvision/"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # of weights, in a repository of the hub
HUGGING_FACE, TORCHVISION_HUB = "https://huggingface.co", "https://download.pytorch.org/models"


def check_at_hand(name: str, weights: str | None) -> None:
    """Raise BackboneError where the backbone's weights are certainly neither here nor to be fetched."""
    if weights or name in {EMBEDDED, DEMONSTRATION} or Path(name).is_dir():
        return
    short = name.removeprefix(TORCHVISION)
    library = "torchvision" if name.startswith(TORCHVISION) else "timm"
    if library == "timm":
        check_tag(short)
    if any(copies_of(name)) or short.split(".")[0] not in registered(library):
        return
    url = timm_url(short) if library == "timm" else torchvision_url(short)
    if not reachable(url):
        raise not_at_hand(name, url)


def timm_url(name: str) -> str:
    """Where timm fetches a network's weights from, its first ones without a tag, read from its source."""
    short, _, tag = name.partition(".")
    tag = tag or next(iter(tags_of(short)), "")
    named = f"{short}.{tag}"
    start = re.compile(rf"""^\s*["']{re.escape(named)}["']\s*:""", re.MULTILINE)
    for page in pages_of("timm"):
        text = page.read_text(encoding="utf-8")
        if found := start.search(text):
            own = re.split(r"""^\s*["'][\w.]+["']\s*:""", text[found.end() :], maxsplit=1, flags=re.MULTILINE)[0]
            if repository := re.search(r"""hf_hub_id=["']([^"']+)["']""", own):
                whole = repository[1] + named if repository[1].endswith("/") else repository[1]
                return file_of(f"{HUGGING_FACE}/{whole}")
            if url := re.search(r"""url=["'](http[^"']+)["']""", own):
                return url[1]
    return f"{HUGGING_FACE}/timm"


def file_of(repository: str) -> str:
    """The file of weights in a repository of the hub, by the address of that."""
    return f"{repository}/resolve/main/{HUB_FILES[0]}"


def torchvision_url(short: str) -> str:
    """Where torchvision fetches a network's newest weights from, read from its source."""
    pattern = re.compile(rf"{re.escape(TORCHVISION_HUB)}/{re.escape(short)}-[0-9a-f]+\.pth")
    found = [url for page in pages_of("torchvision") for url in pattern.findall(page.read_text(encoding="utf-8"))]
    return found[-1] if found else TORCHVISION_HUB


def is_at_hand(name: str, weights: str | None) -> bool:
    """Whether the backbone's weights lie on this machine; nothing is fetched to find out."""
    if weights:
        return Path(weights).is_file()
    if name in {EMBEDDED, DEMONSTRATION} or Path(name).is_dir():
        return True
    return any(copies_of(name))


def copies_of(name: str) -> Iterator[Path]:
    """Files that may be weights of timm's or torchvision's network of that name, fetched before."""
    if name.startswith(TORCHVISION):
        return torch_folder().glob("*.pth")  # their names differ
    return hub_folder().glob(f"models--*--{name.split('.', maxsplit=1)[0]}*")


def check_tag(name: str) -> None:
    """Raise BackboneError where timm's source has a network with tags, and not the one behind the name's dot."""
    short, _, tag = name.partition(".")
    tags = tags_of(short) if tag else []
    if tags and tag not in tags:
        raise unknown_tag(name, tags)


def unknown_tag(name: str, tags: Sequence[str]) -> BackboneError:
    """The error for weights that timm does not have, with those that it has."""
    short, _, tag = name.partition(".")
    near = difflib.get_close_matches(tag, tags, n=1)
    hint = f"did you mean {short}.{near[0]}? " if near else ""
    there = f"it has {', '.join(tags)}" if tags else "it has none; bring some with --weights FILE"
    return BackboneError(f"timm has no weights '{tag}' of {short}; {hint}{there}")


def tags_of(short: str) -> list[str]:
    """The weights that timm has of one network, by their tags, read from its source."""
    pattern = re.compile(rf"""^\s*["']{re.escape(short)}\.([\w.]+)["']\s*:""", re.MULTILINE)
    return [tag for page in pages_of("timm") for tag in pattern.findall(page.read_text(encoding="utf-8"))]


def not_at_hand(name: str, url: str) -> BackboneError:
    """The error for weights that are not on this machine and cannot be fetched; ``url``: of their file."""
    why, unset = f"{url.split('/')[2]} cannot be reached", ""
    if is_offline():
        why, unset = "HF_HUB_OFFLINE is set, so that nothing is fetched", "unset it, or "
    return BackboneError(f"the weights of '{name}' are not on this machine, and {why}; {unset}{how_to_bring(url)}")


def how_to_bring(url: str) -> str:
    """How weights come to a machine without a network."""
    return f"fetch {url} on another machine, copy the file here, and pass it with --weights FILE"


def is_offline() -> bool:
    """Whether the environment says that nothing is to be fetched."""
    return os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}


def registered(library: str) -> set[str]:
    """Names of the networks that timm or torchvision registers, read from its source without importing it."""
    pattern = re.compile(r"^@register_model(?:\(\))?\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
    return {name for page in pages_of(library) for name in pattern.findall(page.read_text(encoding="utf-8"))}


def pages_of(library: str) -> list[Path]:
    """The source files of timm's or torchvision's networks."""
    spec = importlib.util.find_spec(library)
    return sorted(Path(spec.origin).parent.glob("models/*.py")) if spec and spec.origin else []


def hub_folder() -> Path:
    """Where huggingface_hub keeps what it fetched."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub"))


def torch_folder() -> Path:
    """Where torch.hub keeps what it fetched."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "torch")
    return Path(home, "hub", "checkpoints")


def fetched() -> list[str]:
    """Backbones whose weights the libraries have fetched to this machine before, by their names."""
    theirs = [folder.name.split("--")[-1] for folder in hub_folder().glob("models--timm--*") if holds_weights(folder)]
    files = {file.name.split("-")[0] for file in torch_folder().glob("*.pth")}
    known = registered("torchvision") & files if files else set()
    return sorted([*theirs, *(TORCHVISION + name for name in known)])


def holds_weights(folder: Path) -> bool:
    """Whether a repository's folder in the hub's cache has a file of weights."""
    return any(next(folder.glob(f"snapshots/*/{name}"), None) for name in HUB_FILES)


def reachable(url: str) -> bool:
    """Whether the site answers within NETWORK_PATIENCE seconds, name look-up included."""
    if is_offline():
        return False
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request("/".join(url.split("/")[:3]), method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=NETWORK_PATIENCE).close()
        except urllib.error.HTTPError:
            pass  # it answered, if only to say no
        except OSError:
            return
        answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(NETWORK_PATIENCE)
    return answered.is_set()
