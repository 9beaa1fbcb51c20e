"""What is in a tar at an address, listed by one pass over its bytes and kept in the cache.

With each image's name and place its hash is kept, so that features that are in the cache are found without another
byte. An index is written under another name and renamed; machines that share the cache share the work.
"""

import gzip
import hashlib
import json
import random
import re
import uuid
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from regraft.cache_folder import cache_folder
from regraft.data.content import MOST_BYTES, Content, Given, Indexed, OpenFile, Readable, hash_of
from regraft.data.images import Fault
from regraft.data.prefetch import map_ahead
from regraft.data.readers.archive import COMPRESSIONS, members_in, plain_tar
from regraft.data.readers.folder import Tree
from regraft.data.readers.webdataset import LABELS
from regraft.data.remote import RemoteFile, as_file
from regraft.progress import Progress, silent

FOLDER, FORMAT = "shards", 1  # in the cache; a change makes older indices unused
HASH = 16  # bytes
AT_ONCE = 8  # shards that are listed at one time
MOST_TEXT = 1 << 16  # bytes of a label's file
MOST_LETTERS = 100  # of a folder's name
HEAD = 6  # bytes that tell a compression


class TarTrees:
    """The members of tars at addresses."""

    def __init__(self, tars: Sequence[RemoteFile], progress: Progress = silent) -> None:
        self.files: dict[Path, RemoteFile] = {tar.address: tar for tar in tars}
        self.unkept: dict[Path, Tree] = {}  # that could not be put into the cache
        order = list(self.files.values())
        random.SystemRandom().shuffle(order)  # machines that start together begin with others
        for done, (tar, tree) in enumerate(map_ahead(listed, order, min(AT_ONCE, len(order)), chunk=1), 1):
            progress("Listing what the shards hold", done, len(order), "shards")
            if tree:
                self.unkept[tar.address] = tree

    def tree_of(self, path: Path) -> Tree:
        """The members of one."""
        if path in self.unkept:
            return self.unkept[path]
        tar = self.files[path]
        return kept_tree(tar) or listed(tar) or kept_tree(tar) or scanned(tar)[0]


def listed(tar: RemoteFile) -> Tree | None:
    """Put a tar's index into the cache, unless it is there; its tree where that cannot be done."""
    place = place_of(tar)
    if place and place.is_file():
        return None
    tree, values = scanned(tar)
    return None if place and values and written(place, values) else tree


def scanned(tar: RemoteFile) -> tuple[Tree, dict[str, Any]]:
    """A tar read once from its start to its end: its members, and what to keep of them.

    A compressed one is unpacked into a temporary file, and nothing of it is kept.
    """
    if any(tar.read_at(0, HEAD).startswith(magic) for magic in COMPRESSIONS):
        opened = OpenFile(plain_tar(tar.address, as_file(tar)))
        return members_in(tar.address, opened.file, opened, hashed), {}
    tree = members_in(tar.address, as_file(tar), tar, hashed)
    members: list[list[Any]] = []
    for name, content in tree.files.items():
        assert isinstance(content, Indexed), "it was made so"
        is_label = name.endswith(LABELS) and content.size <= MOST_TEXT
        text = content.read().decode("latin-1") if is_label else ""
        members.append([name, content.offset, content.size, content.hash.hex(), text])
    faults = [[fault.path, fault.kind, fault.reason, fault.action] for fault in tree.faults]
    return tree, {"members": members, "folders": sorted(tree.folders), "faults": faults}


def hashed(opened: Readable, offset: int, size: int) -> Indexed:
    """A member, hashed as it goes by."""
    data = opened.read_at(offset, size) if size <= MOST_BYTES else b""
    return Indexed(opened, offset, size, bytes.fromhex(hash_of(data)) if len(data) == size else b"")


def place_of(tar: RemoteFile) -> Path | None:
    """Where its index lies; None where a change of the file would not show."""
    if not tar.version:
        return None
    key = hashlib.blake2b(f"{FORMAT} {tar.version}".encode(errors="surrogatepass"), digest_size=HASH).hexdigest()
    beside = re.sub(r"[^\w.-]+", "-", str(tar.address.parent))[-MOST_LETTERS:]
    return cache_folder() / FOLDER / beside / f"{key}.gz"


def written(place: Path, values: dict[str, Any]) -> bool:
    """Write an index; whether that went well, since it is worth no failure."""
    unfinished = place.with_name(f".{uuid.uuid4().hex}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(gzip.compress(json.dumps(values).encode(), 1))
        unfinished.replace(place)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        return False
    return True


def kept_tree(tar: RemoteFile) -> Tree | None:
    """The members by the index in the cache; None where there is none, or it is damaged."""
    place = place_of(tar)
    if place is None:
        return None
    try:
        values = json.loads(gzip.decompress(place.read_bytes()))
        files: dict[str, Content] = {}
        for name, offset, size, digest, text in values["members"]:
            member = Indexed(tar, offset, size, bytes.fromhex(digest))
            files[name] = Given(partial(bytes, text.encode("latin-1"))) if text else member
        return Tree(files, set(values["folders"]), [Fault(*fault) for fault in values["faults"]])
    except (OSError, EOFError, ValueError, TypeError, KeyError, zlib.error):
        with suppress(OSError):
            place.unlink(missing_ok=True)
        return None
