"""The pooled features of an image set, read from the store as they are asked for."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from regraft.data.image_files import Files
from regraft.data.images import Fault, ImageSet
from regraft.data.looks import Looks
from regraft.data.texts import Hashes, parts_of
from regraft.features.on_disk import AT_ONCE, room_for
from regraft.features.store import Store
from regraft.network.cuts import POOLINGS, Cut


@dataclass(frozen=True)
class Features:
    """The pooled features of an ImageSet's files, in their order."""

    images: ImageSet  # the files that could be decoded; the others are among its faults
    cuts: tuple[Cut, ...]  # whose features there are
    looks: Looks  # per file, the hashes of its bytes and pixels, and its size
    store: Store
    classifier: bool  # whether the source's classifier was asked
    passed: int  # images that went through the network in this call
    seconds: float
    engine: str
    network_cuts: tuple[Cut, ...]  # all that the network has, of which large sets have some alone

    def pooled(self, cuts: Sequence[Cut], rows: np.ndarray, pooling: str = "average") -> np.ndarray:
        """Features pooled over space at ``cuts``, joined as a grafted network joins them: (rows, channels), float32."""
        names = [f"{pool}-{cut.node}" for pool in POOLINGS[pooling] for cut in cuts]
        pooled = room_for((len(rows), len(POOLINGS[pooling]) * sum(cut.channels for cut in cuts)))
        for start in range(0, len(rows), AT_ONCE):
            part, column = slice(start, start + AT_ONCE), 0
            for name in names:
                own = self.gather(name, rows[part])
                pooled[part, column : column + own.shape[1]] = own
                column += own.shape[1]
        return pooled

    def root_mean_squares(self, cut: Cut, rows: np.ndarray) -> np.ndarray:
        """Root mean squares over space at ``cut``, where the pass kept them: (rows, channels), float32."""
        return self.gather(f"rms-{cut.node}", rows).astype(np.float32)

    def confidence(self, rows: np.ndarray) -> np.ndarray | None:
        """The source classifier's entropy and energy, in nats: (rows, 2); None where it was not asked."""
        return self.gather("confidence", rows) if self.classifier else None

    def nearest_source(self, rows: np.ndarray) -> np.ndarray:
        """Ids of the source classes that the source classifier holds most likely: (rows, TOP), int64."""
        return self.gather("nearest", rows).astype(np.int64)

    def gather(self, name: str, rows: np.ndarray) -> np.ndarray:
        """One array's rows."""
        return self.store.gather(name, self.looks.contents.take(rows))

    @cached_property
    def files(self) -> Files:
        """The images, none of which is read where it is another one than was looked at."""
        return self.images.files.pinned(self.looks.contents)

    @property
    def labels(self) -> np.ndarray:
        """The class ids: (files,), int64."""
        return self.images.labels

    @property
    def rate(self) -> float | None:
        """Images a second in the frozen pass on this machine, in this call or the last that ran it."""
        return self.store.rate

    @property
    def pixels(self) -> Hashes:
        """Per file, the hash of what it shows (identity.identity_of)."""
        return self.looks.pixels

    def short_side(self, rows: np.ndarray) -> int:
        """The median short side of the images ``rows``, in pixels."""
        return int(np.median(self.looks.short_sides[rows]))

    def fingerprint(self, parts: Mapping[int, str] | None = None) -> str:
        """A hash of every image's bytes and class name, whatever the files' names and order.

        ``parts`` (row: name) enter too, where they are given.
        """
        if not parts:
            return self.hash_with_names(self.looks.contents)
        return self.hash_with_names(
            Hashes.of(content + parts.get(row, "") for row, content in enumerate(self.looks.contents))
        )

    def pixel_fingerprint(self) -> str:
        """The same of what the images show (identity.identity_of)."""
        return self.hash_with_names(self.pixels)

    def hash_with_names(self, hashes: Hashes) -> str:
        """A hash of one hash a file and its class's name, in the order of both."""
        names = np.array([f"{name}/".encode(errors="surrogatepass") for name in self.images.classes])
        labelled = np.sort(np.strings.add(names[self.labels], hashes.letters))
        digest = hashlib.blake2b(digest_size=16)
        for part in parts_of(len(labelled)):
            digest.update((b"\n" if part.start else b"") + b"\n".join(labelled[part].tolist()))
        return digest.hexdigest()

    def noting(self, faults: Sequence[Fault]) -> "Features":
        """The same features, with more faults listed among the images'."""
        return replace(self, images=self.images.noting(faults))

    def saying(self, notes: Sequence[str]) -> "Features":
        """The same features, with more notes on the images."""
        return replace(self, images=self.images.saying(notes))
