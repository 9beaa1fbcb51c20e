"""TIFFs of any number of bands, written by hand."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

NONE, DEFLATE = 1, 8  # compressions
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # predictors
ROWS = 7  # of a strip


def tiff(
    values: np.ndarray,
    order: str = "<",
    compression: int = NONE,
    predictor: int = 1,
    planar: int = 1,
    tile: int = 0,
    photometric: int = 2,
    extra: tuple[int, ...] = (),
    orientation: int = 1,
) -> bytes:
    """The bytes of a TIFF with those ``values`` (height, width, bands); ``extra``: its ExtraSamples, if any."""
    height, width, bands = values.shape
    planes = [values] if planar == 1 else [values[:, :, [band]] for band in range(bands)]
    packed = [packed_piece(piece, order, compression, predictor) for plane in planes for piece in pieces(plane, tile)]
    body, offsets = b"", []
    for piece in packed:
        offsets.append(8 + len(body))
        body += piece + b"\0" * (len(piece) % 2)
    counts, kind = [len(piece) for piece in packed], {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags: dict[int, tuple[str, list[int]]] = {
        256: ("H", [width]), 257: ("H", [height]), 258: ("H", [8 * values.itemsize] * bands), 259: ("H", [compression]),
        262: ("H", [photometric]), 274: ("H", [orientation]), 277: ("H", [bands]), 284: ("H", [planar]),
        317: ("H", [predictor]), 339: ("H", [kind] * bands),
    }  # fmt: skip
    if tile:
        tags |= {322: ("H", [tile]), 323: ("H", [tile]), 324: ("L", offsets), 325: ("L", counts)}
    else:
        tags |= {273: ("L", offsets), 278: ("H", [ROWS]), 279: ("L", counts)}
    if extra:
        tags[338] = ("H", list(extra))
    place = 8 + len(body)
    return (
        (b"II*\0" if order == "<" else b"MM\0*")
        + struct.pack(f"{order}L", place)
        + body
        + directory(tags, order, place)
    )


def directory(tags: dict[int, tuple[str, list[int]]], order: str, place: int) -> bytes:
    listed, behind = struct.pack(f"{order}H", len(tags)), b""
    after = place + 2 + 12 * len(tags) + 4
    for tag, (form, numbers) in sorted(tags.items()):
        raw = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        value = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}L", after + len(behind))
        behind += b"" if len(raw) <= 4 else raw + b"\0" * (len(raw) % 2)
        listed += struct.pack(f"{order}HHL", tag, {"H": 3, "L": 4}[form], len(numbers)) + value
    return listed + bytes(4) + behind


def pieces(plane: np.ndarray, tile: int) -> list[np.ndarray]:
    height, width, bands = plane.shape
    if not tile:
        return [plane[y : y + ROWS] for y in range(0, height, ROWS)]
    padded = np.zeros((-(-height // tile) * tile, -(-width // tile) * tile, bands), plane.dtype)
    padded[:height, :width] = plane
    return [
        padded[y : y + tile, x : x + tile] for y in range(0, len(padded), tile) for x in range(0, padded.shape[1], tile)
    ]


def packed_piece(piece: np.ndarray, order: str, compression: int, predictor: int) -> bytes:
    height, width, bands = piece.shape
    if predictor == DIFFERENCES:
        whole = np.ascontiguousarray(piece).view(f"u{piece.itemsize}").copy()
        whole[:, 1:] -= whole[:, :-1].copy()
        raw = whole.astype(whole.dtype.newbyteorder(order)).tobytes()
    elif predictor == FLOAT_DIFFERENCES:
        by_byte = np.ascontiguousarray(piece.astype(piece.dtype.newbyteorder(">"))).view(np.uint8)
        planes = by_byte.reshape(height, width * bands, piece.itemsize).swapaxes(1, 2).reshape(height, -1, bands).copy()
        planes[:, 1:] -= planes[:, :-1].copy()
        raw = planes.tobytes()
    else:
        raw = piece.astype(piece.dtype.newbyteorder(order)).tobytes()
    return zlib.compress(raw) if compression == DEFLATE else raw


def encoded(image: Image.Image | np.ndarray, form: str, **options: object) -> bytes:
    """An image, or numbers that Pillow makes one of, as a file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, form, **options)
    return file.getvalue()
