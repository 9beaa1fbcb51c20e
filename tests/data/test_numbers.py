"""Files of numbers: .npy by NumPy, DICOM by pydicom where it is installed, else each named for what it is."""

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

from regraft.data.decoding import Undecodable, decode, kinds_in, sides_of
from regraft.data.rendering import PLAIN, Range, Rendering
from regraft.data.scan import scan

Make = Callable[..., Path]
NO_PIXELS = bytes(128) + b"DICM" + bytes(50)


def npy(values: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (3, 20, 30), (20, 30, 1)])
def test_arrays_of_8_bits_are_images_as_they_are(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    shown = np.moveaxis(values, 0, -1) if shape[0] == 3 else values.reshape(20, 30, -1)
    np.testing.assert_array_equal(np.asarray(decode(npy(values))), np.broadcast_to(shown, (20, 30, 3)))
    assert (sides_of(npy(values)), kinds_in(npy(values), PLAIN)) == ((30, 20), ())


def test_bands_that_come_first_are_found() -> None:
    values = np.random.default_rng(0).integers(0, 256, (13, 20, 30), dtype=np.uint8)
    shown = np.asarray(decode(npy(values), rendering=Rendering(bands=(4, 3, 2))))
    np.testing.assert_array_equal(shown, np.moveaxis(values[[3, 2, 1]], 0, -1))


def test_deep_arrays_take_the_range_of_their_set() -> None:
    values = np.random.default_rng(0).normal(0, 1, (20, 30))
    assert kinds_in(npy(values), PLAIN) == ("float grey",)
    shown = np.asarray(decode(npy(values), rendering=Rendering((Range("float grey", -2, 2),))))[:, :, 0]
    np.testing.assert_allclose(shown.astype(float), ((values + 2) / 4 * 255).clip(0, 255), atol=0.51)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (npy(np.array([{"a": 1}]), allow_pickle=True), "not an image", "Python objects"),
        (npy(np.zeros((4, 4)))[:-8], "truncated", "end early"),
        (npy(np.zeros(7)), "not an image", "it holds 7 of float64"),
        (npy(np.zeros((4, 4), complex)), "not an image", "complex128"),
        (npy(np.zeros((4, 4, 9))), "many bands", "9 bands; name one or three"),
        (npy(np.full((4, 4), np.nan)), "not a number", "no numbers"),
        (NO_PIXELS, "not an image" if importlib.util.find_spec("pydicom") else "needs an extra", "DICOM"),
    ],
)
def test_others_have_a_reason(data: bytes, kind: str, said: str) -> None:
    with pytest.raises(Undecodable, match=said) as caught:
        decode(data)
    assert caught.value.kind == kind


def test_dicom_without_pydicom_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(Undecodable, match=r"install regraft\[dicom\]") as caught:
        decode(NO_PIXELS)
    assert caught.value.kind == "needs an extra"


def test_folders_of_arrays_are_images_and_arrays_beside_pictures_are_not(make_folder: Make) -> None:
    root = make_folder(each=6)
    for path in sorted(root.rglob("*.png")):
        np.save(path.with_suffix(".npy"), np.zeros((5, 5)))
    faults = scan(root).faults
    assert {(fault.kind, fault.path.endswith(".npy")) for fault in faults} == {("not an image", True)}
    for path in sorted(root.rglob("*.png")):
        np.save(path.with_suffix(".npy"), np.asarray(picture(0, int(path.stem))).mean(axis=2))
        path.unlink()
    images = scan(root)
    assert len(images.files) == 12
    assert [one.kind for one in images.rendering.ranges] == ["float grey"]


def test_dicom_is_read_in_its_own_units() -> None:
    pydicom = pytest.importorskip("pydicom")
    values = np.random.default_rng(0).integers(0, 4096, (20, 30)).astype(np.uint16)
    data = dicom(pydicom, values, RescaleSlope=1, RescaleIntercept=-1024)
    assert kinds_in(data, PLAIN) == ("DICOM grey",)
    expected = values * (255 / 4095)
    for start in (-1024, 0):
        data = dicom(pydicom, values, RescaleSlope=1, RescaleIntercept=start)
        scale = Rendering((Range("DICOM grey", start, start + 4095),))
        np.testing.assert_allclose(np.asarray(decode(data, rendering=scale))[:, :, 0], expected, atol=0.51)
    inverted = dicom(pydicom, values, PhotometricInterpretation="MONOCHROME1")
    scale = Rendering((Range("DICOM grey", 0, 4095),))
    np.testing.assert_allclose(np.asarray(decode(inverted, rendering=scale))[:, :, 0], 255 - expected, atol=0.51)


def dicom(pydicom: object, values: np.ndarray, **tags: object) -> bytes:
    """A grey CT of 16 bits."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = CTImageStorage
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["a"])
    file.Rows, file.Columns = values.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 16, 15
    file.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    written = io.BytesIO()
    pydicom.dcmwrite(written, file, enforce_file_format=True)  # type: ignore[attr-defined]
    return written.getvalue()
