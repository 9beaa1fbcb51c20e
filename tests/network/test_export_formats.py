"""Exported files give what the network gives; the code beside them makes the pixels that the network was given."""

import importlib.util
import io
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture
from networks import CONTRACT, backbone_of
from PIL import Image

from regraft.data.decoding import decode_for
from regraft.data.rendering import Rendering
from regraft.errors import RecipeError, RunError
from regraft.features.head import HeadSettings, fresh_head
from regraft.network import saved
from regraft.network.cuts import POOLINGS
from regraft.network.export import onnx
from regraft.network.export.deployed import Deployed
from regraft.network.export.formats import FORMATS, formats_named
from regraft.network.export.outside import Outside
from regraft.network.graft import Graft
from regraft.network.head import head_of
from regraft.network.load import load
from regraft.network.preprocessing import SQUASH, Preprocessing

SIZE = 64
CLASSES = ('a "quoted" one', "<b> & c", "ärger\u202e", "d\udc80")
METADATA = Outside(CLASSES, Preprocessing(SIZE), "white").metadata()


def graft_of(name: str, cuts: int = 1, layers: int = 1, pooling: str = "average") -> Graft:
    """One of the contract's networks with a head on its last cuts, drawn at random."""
    backbone = load(name, image_size=SIZE) if name == "demonstration" else backbone_of(name, SIZE)
    known = [one for one in backbone.cuts if one.axes] if name == "vgg11" else backbone.cuts  # without its huge layers
    chosen = tuple(known[-cuts:])
    inputs = sum(cut.channels for cut in chosen) * len(POOLINGS[pooling])
    torch.manual_seed(1)
    head = head_of(fresh_head(inputs, len(CLASSES), HeadSettings(layers=layers)))
    return Graft(backbone, chosen, head, pooling)


def kept(graft: Graft, folder: Path, **preprocessing: object) -> saved.Saved:
    saved.save(graft, CLASSES, Preprocessing(SIZE, **preprocessing), "head", folder)  # type: ignore[arg-type]
    return saved.load(folder)


def check_agrees(name: str, own: saved.Saved, folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = Deployed(own.module, own.preprocessing)(torch.from_numpy(pixels)).numpy()
    folder.mkdir()
    FORMATS[name].write(saved.load(own.folder), folder, METADATA)
    run = FORMATS[name].runtime(folder)
    for images in (1, 5):
        given = run(pixels[:images])
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, expected[:images], atol=1e-4)


@pytest.fixture(scope="module", params=CONTRACT)
def contracts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> saved.Saved:
    return kept(graft_of(request.param), tmp_path_factory.mktemp("contract") / "model")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["openvino", "onnx"])
def test_the_contracts_networks_are_exported(contracts: saved.Saved, form: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime" if form == "onnx" else "openvino")
    check_agrees(form, contracts, tmp_path / "out")


@pytest.mark.parametrize("form", ["openvino", "torch"])
def test_joined_cuts_and_two_layers_are_exported(form: str, tmp_path: Path) -> None:
    own = kept(graft_of("demonstration", 2, 2, "both"), tmp_path / "model")
    check_agrees(form, own, tmp_path / "out")


@pytest.mark.slow
def test_timms_networks_are_timms_again(tmp_path: Path) -> None:
    pytest.importorskip("timm", "1.0.26", "timm reads no safetensors from a local folder yet")
    own = kept(graft_of("mobilenetv3_small_100"), tmp_path / "model", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.1))
    check_agrees("timm", own, tmp_path / "timm")
    check_agrees("hub-folder", own, tmp_path / "hub")


@pytest.mark.parametrize(
    ("graft", "why"),
    [
        (lambda: graft_of("demonstration"), "demonstration is regraft's"),
        (lambda: graft_of("mobilenetv3_small_100", 2), "it joins the features of"),
        (lambda: graft_of("mobilenetv3_small_100", 1, 2), "its head has 2 layers"),
    ],
)
def test_what_timm_cannot_open_is_said(graft: Callable[[], Graft], why: str, tmp_path: Path) -> None:
    own = kept(graft(), tmp_path / "model")
    with pytest.raises(RunError, match=f"timm cannot open this network: {why}.*; export it to openvino"):
        FORMATS["timm"].write(own, tmp_path, METADATA)


def test_what_lies_outside_is_in_the_files_own_metadata(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    own = kept(graft_of("demonstration"), tmp_path / "model")
    FORMATS["openvino"].write(own, tmp_path, METADATA)
    graph = openvino.Core().read_model(tmp_path / "model.xml")
    assert {name: graph.get_rt_info(["regraft", name]).astype(str) for name in METADATA} == METADATA
    FORMATS["torch"].write(own, tmp_path, METADATA)
    extra = {"regraft.json": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    assert json.loads(extra["regraft.json"]) == METADATA
    assert tuple(json.loads(METADATA["classes"])) == CLASSES


def test_onnx_has_the_metadata_and_a_free_number_of_images(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    own = kept(graft_of("demonstration"), tmp_path / "model")
    check_agrees("onnx", own, tmp_path / "out")
    session = onnxruntime.InferenceSession(tmp_path / "out" / onnx.FILE)
    assert session.get_modelmeta().custom_metadata_map == {f"regraft.{name}": text for name, text in METADATA.items()}
    (taken,) = session.get_inputs()
    assert (taken.name, taken.shape[1:], taken.type) == ("pixels", [SIZE, SIZE, 3], "tensor(uint8)")


def test_a_model_repository_is_as_triton_reads_it(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    own = kept(graft_of("demonstration"), tmp_path / "my run" / "model")
    check_agrees("triton", own, tmp_path / "out")
    model = tmp_path / "out" / "my_run"
    assert {path.name for path in model.iterdir()} == {"1", "config.pbtxt", "labels.txt"}
    assert (model / "labels.txt").read_text().splitlines() == [*CLASSES[:-1], "d\\udc80"]
    text_format = pytest.importorskip("google.protobuf.text_format")
    found = importlib.util.find_spec("tritonclient")
    if not found or not found.submodule_search_locations:
        pytest.skip("tritonclient, which has Triton's own words for a model, is not installed")
    path = Path(found.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"  # without the grpc around it
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec
    assert spec.loader
    words = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(words)
    config = text_format.Parse((model / "config.pbtxt").read_text(), words.ModelConfig())
    assert (config.name, config.platform, config.max_batch_size) == ("my_run", "onnxruntime_onnx", 64)
    assert (config.input[0].name, list(config.input[0].dims)) == ("pixels", [SIZE, SIZE, 3])
    assert words.DataType.Name(config.input[0].data_type) == "TYPE_UINT8"
    assert (config.output[0].name, list(config.output[0].dims)) == ("probabilities", [len(CLASSES)])


def test_an_unknown_format_and_a_missing_library_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="there is no export to 'tflite'; there are openvino, onnx, torch"):
        formats_named("onnx,tflite")
    assert [one.name for one in formats_named(["torch", "torch"])] == ["torch"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(RecipeError, match=r'onnx needs onnxscript, .*; pip install "regraft\[export\]"'):
        formats_named("onnx")


def image_bytes(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def with_holes(image: Image.Image) -> Image.Image:
    seen = image.convert("RGBA")
    seen.putalpha(Image.fromarray(np.tile(np.arange(image.width) % 256, (image.height, 1)).astype(np.uint8)))
    return seen


def files() -> dict[str, bytes]:
    """Ordinary image files of every kind, by name."""
    photo = picture(1, 1, 300).resize((400, 300))
    small = picture(2, 3, 40)
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 200 + 7)
    palette = photo.convert("P")
    return {
        **{f"jpeg {n}": image_bytes(photo, "JPEG", exif=turned(n)) for n in (*range(1, 9), 9)},
        **{f"large jpeg {n}": image_bytes(photo.resize((1211, 907)), "JPEG", exif=turned(n)) for n in (1, 6)},
        "odd jpeg": image_bytes(photo.resize((517, 389)), "JPEG", quality=40),
        "progressive": image_bytes(photo.resize((900, 517)), "JPEG", progressive=True),
        "grey jpeg": image_bytes(photo.convert("L").resize((800, 600)), "JPEG"),
        "cmyk": image_bytes(photo.convert("CMYK"), "JPEG"),
        "long jpeg": image_bytes(photo.resize((2100, 101)), "JPEG"),
        "long png": image_bytes(photo.resize((30, 1300)), "PNG"),
        "png": image_bytes(photo, "PNG"),
        "small": image_bytes(small, "PNG"),
        "one pixel": image_bytes(small.crop((0, 0, 1, 1)), "PNG"),
        "turned png": image_bytes(photo, "PNG", exif=turned(8)),
        "holes": image_bytes(with_holes(photo), "PNG"),
        "grey holes": image_bytes(with_holes(photo).convert("LA"), "PNG"),
        "palette": image_bytes(palette, "PNG"),
        "palette with a hole": image_bytes(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "colour that is a hole": image_bytes(photo, "PNG", transparency=photo.getpixel((3, 3))),
        "black and white": image_bytes(photo.convert("1"), "PNG"),
        "16-bit grey": image_bytes(deep, "PNG"),
        "16-bit tiff": image_bytes(deep, "TIFF"),
        "tiff": image_bytes(photo, "TIFF", compression="tiff_lzw"),
        "turned tiff": image_bytes(photo, "TIFF", exif=turned(6)),
        "gif": image_bytes(photo, "GIF"),
        "animation": image_bytes(palette, "GIF", save_all=True, append_images=[palette.rotate(90)]),
        "webp": image_bytes(photo, "WEBP", quality=80),
        "webp with holes": image_bytes(with_holes(photo), "WEBP", lossless=True),
        "bmp": image_bytes(photo, "BMP"),
        "jpeg 2000": image_bytes(photo, "JPEG2000"),
    }


@pytest.mark.parametrize(
    ("preprocessing", "background"),
    [
        (Preprocessing(64), "white"),
        (Preprocessing(97, 0.95, "bilinear"), "black"),
        (Preprocessing(64, 1.0, "lanczos", crop_mode=SQUASH), "white"),
        (Preprocessing(128, 1.25), "white"),
    ],
)
def test_the_code_beside_a_file_makes_the_very_pixels(
    preprocessing: Preprocessing, background: str, tmp_path: Path
) -> None:
    Outside(CLASSES, preprocessing, background).write(tmp_path)
    outside = runpy.run_path(str(tmp_path / "preprocess.py"))
    assert tuple(outside["CLASSES"]) == CLASSES
    for name, data in files().items():
        decoded = decode_for(data, preprocessing.side, rendering=Rendering(background=background))
        expected = preprocessing.pixels(decoded.image, decoded.original)
        (tmp_path / "image").write_bytes(data)
        given = outside["pixels"](tmp_path / "image")
        assert (given.mode, given.size) == ("RGB", (preprocessing.size, preprocessing.size)), name
        assert np.array_equal(np.asarray(given), expected), name


def test_the_code_beside_a_file_refuses_numbers_without_a_range(tmp_path: Path) -> None:
    Outside(CLASSES, Preprocessing(64), "white").write(tmp_path)
    Image.fromarray(np.ones((9, 9), dtype=np.float32)).save(tmp_path / "deep.tiff")
    with pytest.raises(ValueError, match="more than 16 bits a pixel"):
        runpy.run_path(str(tmp_path / "preprocess.py"))["pixels"](tmp_path / "deep.tiff")
