"""Addresses as fsspec takes them (s3://bucket/photos), and how they are shown: without what opens a door."""

import re
import sys
from pathlib import Path, PosixPath, WindowsPath

SCHEME = re.compile(r"[A-Za-z][\w+.-]+(?=://|::)")  # two letters or more: one is a drive's
SECRETS = re.compile(r"(?<=://)[^/@\s'\"]*@")  # user:password
QUERY = re.compile(r"(https?://[^\s?#'\"]*)[?#][^\s'\"]*|(://[^\s?'\"]*)\?[\w.%-]+=[^\s'\"]*")  # signatures
ONE_SLASH = re.compile(r"((?:^|::)[A-Za-z][\w+.-]+:)/+(?=[^/])")
LOCAL = ("file://", "local://")  # the paths behind them are read as any


def is_address(text: str) -> bool:
    """Whether fsspec is to open it."""
    return SCHEME.match(text) is not None


def without_secrets(text: str) -> str:
    """An address, or words with some in them, without passwords and signatures."""
    return QUERY.sub(r"\1\2", SECRETS.sub("", text)) if "://" in text else text


def as_given(path: Path) -> str:
    """The text of a path that may be an address, of which a Path drops a slash."""
    text = path.as_posix()
    slashes = "///" if text.startswith(tuple(prefix[:-1] for prefix in LOCAL)) else "//"
    return ONE_SLASH.sub(rf"\1{slashes}", text) if ONE_SLASH.match(text) else str(path)


def not_opened(run: Path, place: str) -> str:
    """Why the images of a run are not opened: it may come from anyone, so its word alone reaches no network."""
    return f"the images of {run} lie at {without_secrets(place)}, which is opened only if you name it: --data"


if sys.platform == "win32":
    Base = WindowsPath
else:
    Base = PosixPath


class Address(Base):
    """An address where messages and names want a path; nothing is opened by it, and no secret is in it."""

    def __str__(self) -> str:
        return ONE_SLASH.sub(r"\1//", super().__str__().replace("\\", "/"))

    def resolve(self, strict: bool = False) -> "Address":
        """The same: it has no links."""
        return self

    def absolute(self) -> "Address":
        """The same."""
        return self


def address_of(text: str) -> Address:
    """The address to show for what the user gave."""
    return Address(without_secrets(text))
