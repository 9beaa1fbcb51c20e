"""What torch.save wrote, read without running anything: classes that the file names have stand-ins that do nothing.

Checkpoints of training scripts hold settings (argparse.Namespace, a Config, a Path) beside the tensors. torch's own
restricted unpickler reads the tensors; every other name in the file gets a stand-in here, so that none is imported.
"""

import pickle
import pickletools
import warnings
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import torch

from regraft.errors import BackboneError
from regraft.network.state_dicts import state_dicts

MAGIC = 0x1950A86A20F9469CFC6C  # torch's, in the first pickle of files older than its zips
PICKLES = 4  # of such a file: the magic number, a protocol, the machine, what was saved
RUNNERS = {"os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "runpy", "importlib", "pty"}  # modules
CALLS = {f"builtins.{name}" for name in ("eval", "exec", "compile", "open", "__import__")}
MODULES = "torch.nn.modules."
SAVE_IT = "where it was made, torch.save(model.state_dict(), 'weights.pth'), and give that"


class AsDict:
    """Stands for a class whose objects are filled as dicts, or have their state as one."""

    named = ""  # as the file names the class

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """A dict, since torch's unpickler fills nothing of another kind."""
        made: OrderedDict[Any, Any] = OrderedDict()
        vars(made)["named"] = cls.named
        return made


class AsList:
    """Stands for a class whose objects are filled as lists."""

    named = ""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """A list, for the same reason."""
        return []


class AsObject:
    """Stands for a class whose objects have a state of another kind."""

    named = ""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        """Keep what has names."""
        if isinstance(state, dict):
            vars(self).update(state)


def read_saved(path: Path) -> Any:
    """Tensors and plain data of a file that torch.save wrote; BackboneError where it has code or a whole network."""
    if not zipfile.is_zipfile(path) and not begins_as_torchs(path):
        raise BackboneError(
            f"{path} is a Python pickle that torch.save did not write, and only running its code opens it; {SAVE_IT}"
        )
    names: tuple[str, ...] = ()
    try:
        names = names_in(path)
        refuse_runners(path, names)
        content = read_with(path, names)
    except pickle.UnpicklingError:
        if any(name.startswith(MODULES) for name in names):
            raise whole_network(path, "torch.nn.Module") from None
        raise BackboneError(f"{path} holds objects that only running its code opens; {SAVE_IT}") from None
    refuse_modules(path, content, names)
    return content


def read_with(path: Path, names: Sequence[str]) -> Any:
    """The content, with a stand-in for each of ``names``; which kind fits is seen by trying."""
    error: Exception = AssertionError("there is a kind to try")
    for kind in (AsDict, AsObject):
        stand_ins: list[Any] = [(stand_in(name, kind), name) for name in names]
        try:
            with (
                path.open("rb") as file,
                warnings.catch_warnings(action="ignore"),  # torch's, of other protocols of pickle
                torch.serialization.safe_globals(stand_ins),
            ):
                return torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, TypeError, ValueError) as failed:  # a state of another kind
            error = failed
    raise pickle.UnpicklingError from error


def stand_in(name: str, kind: type) -> type:
    """What stands for the class or function ``name``: of ``kind``, where it is not known better."""
    if name == "collections.deque":
        kind = AsList
    elif name.startswith("numpy."):  # whose states are tuples
        kind = AsObject
    return type(name, (kind,), {"named": name})


def begins_as_torchs(path: Path) -> bool:
    """Whether the first pickle in a file is the number that torch.save wrote before it wrote zips."""
    with path.open("rb") as file:
        return any(argument == MAGIC for _, argument, _ in islice(pickletools.genops(file), 2))


def names_in(path: Path) -> tuple[str, ...]:
    """The classes and functions that a file of torch.save's names; none is imported."""
    with path.open("rb") as file:
        if zipfile.is_zipfile(path):
            return tuple(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file)))
        return tuple(sorted({name for _ in range(PICKLES) for name in names_in_pickle(file)}))


def names_in_pickle(file: IO[bytes]) -> Iterator[str]:
    """The names in one pickle, those of Python 2 as Python 3 has them."""
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
            yield f"{module}.{name}"


def refuse_runners(path: Path, names: Sequence[str]) -> None:
    """Raise BackboneError where a file names what runs commands: no weights do."""
    for name in names:
        if name.split(".")[0] in RUNNERS or name in CALLS:
            raise BackboneError(f"{path} would run code if it were unpickled ({name}); do not use it, get another file")


def refuse_modules(path: Path, content: Any, names: Sequence[str]) -> None:
    """Raise BackboneError where a whole network was pickled, and no state dict beside it."""
    if any(True for _ in state_dicts(content)) or not any(name.startswith(MODULES) for name in names):
        return
    held = list(content.values()) if isinstance(content, dict) else []
    networks = [one for one in (content, *held) if "_modules" in getattr(one, "__dict__", {})]
    raise whole_network(path, networks[0].named if networks else "torch.nn.Module")


def whole_network(path: Path, name: str) -> BackboneError:
    """The error for a pickled network of the class ``name``."""
    return BackboneError(f"{path} is a whole pickled network ({name}), which only running code opens; {SAVE_IT}")
