"""Whether regraft does on a GPU what it does on a CPU, and how fast: one script, under 8 minutes, no network.

    PYTHONPATH=src python -m benchmarks.gpu_check [--wheels FOLDER] [--out FOLDER] [--seconds 420] [--device auto]

``--wheels``: a folder of wheels (timm, safetensors, ...) for what is not installed; nothing is fetched. Each check
prints a line as it ends: ok, or failed or left out with the reason. The exit code is 1 where one failed. Without a GPU
all that can runs on the CPU at a small size, so that the script itself is known to work.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEEDED = {
    "timm": "timm", "safetensors": "safetensors", "sklearn": "scikit-learn", "lightning_fabric": "lightning-fabric",
    "typer": "typer", "rich": "rich", "jinja2": "jinja2", "platformdirs": "platformdirs", "networkx": "networkx",
    "threadpoolctl": "threadpoolctl", "PIL": "pillow", "scipy": "scipy",
}  # fmt: skip
BODY = "resnet18"  # for speed, with random weights
EACH = 40  # images a class
COSINE = 0.99  # of the features of one image on both devices, at the least
POINTS = 5.0  # of accuracy that two devices' trainings may lie apart on a hundred test images


class LeftOut(Exception):
    """This machine cannot do it."""


@dataclass
class Machine:
    """Where the checks run."""

    device: str
    out: Path
    images: Path
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def gpu(self) -> bool:
        """Whether there is one."""
        return self.device != "cpu"

    def regraft(self, *arguments: object, expect: int = 0, device: str | None = None) -> str:
        """One regraft process; its output."""
        command = [sys.executable, "-m", "regraft", *map(str, arguments), "--device", device or self.device]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == expect, f"{command[3:]} ended with {done.returncode}: {done.stderr[-800:]}"
        return done.stdout

    def trained(self, name: str, *arguments: object, device: str | None = None) -> dict[str, Any]:
        """What ``train --json`` says."""
        folder = self.out / name
        printed = self.regraft(
            "train", self.images, "--out", folder, "--overwrite", "--quiet", "--json", *arguments, device=device
        )
        return dict(json.loads(printed))


def install(wheels: Path | None) -> None:
    """Bring what is missing from a folder; nothing from elsewhere."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing and wheels:
        pip = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links"]
        subprocess.run([*pip, str(wheels), *missing], check=True)
    elif missing:
        raise SystemExit(f"not installed: {', '.join(missing)}; give a folder of wheels with --wheels")


def write_images(folder: Path) -> None:
    """Ten classes of scanned digits, enlarged: data that every machine has."""
    from PIL import Image

    from regraft.data.digits import write_digits

    write_digits(folder)
    for path in (path for digit in folder.iterdir() for path in sorted(digit.iterdir())[EACH:]):
        path.unlink()
    for path in folder.rglob("*.png"):
        Image.open(path).resize((160, 160), Image.Resampling.BICUBIC).convert("RGB").save(path)


def environment(machine: Machine) -> str:
    """Versions and the device."""
    import timm
    import torch
    import torchvision

    name = torch.cuda.get_device_name() if machine.gpu else "no GPU, the CPU"
    return f"{name}; torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"


def seconds_of(work: Callable[[], Any], machine: Machine, rounds: int = 5) -> float:
    """The median, the device waited for."""
    import torch

    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        if machine.gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times[1:])[rounds // 2]


def peak(machine: Machine) -> str:
    """Operations a second in bf16 matrix products."""
    import torch

    side = 8192 if machine.gpu else 1024
    one = torch.randn(side, side, device=machine.device, dtype=torch.bfloat16)
    rate = 2 * side**3 / seconds_of(lambda: one @ one, machine)
    machine.figures["peak"] = rate
    return f"{rate / 1e12:.2f} TFLOP/s"


def frozen_pass(machine: Machine) -> str:
    """The embedded network's features on both devices, and the rate."""
    import numpy as np
    from PIL import Image

    from regraft.features.frozen_pass import wanted_of
    from regraft.network.engine import PYTORCH, best_engine, compile_pass
    from regraft.network.load import load

    backbone = load("embedded", image_size=224)
    wanted, size = wanted_of(backbone), backbone.preprocessing.size
    files = sorted(machine.images.rglob("*.png"))[:: EACH // 2]
    pixels, worst = np.stack([np.array(Image.open(file).resize((size, size))) for file in files]), 1.0
    engines = [
        compile_pass(backbone, wanted.cuts, wanted.pools, wanted.classifier, device, name)
        for device, name in (("cpu", PYTORCH), (machine.device, best_engine(machine.device)))
    ]
    outputs = [engine.run(pixels)[: len(wanted.names)] for engine in engines]
    for ours, theirs in zip(*outputs, strict=True):
        dots = (ours * theirs).sum(1) / (np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1) + 1e-12)
        worst = min(worst, float(dots.min()))
    assert worst >= COSINE, f"an image's features have the cosine {worst:.5f} on the two devices"
    batch = np.resize(pixels, (engines[1].batch, *pixels.shape[1:]))
    rate = len(batch) / seconds_of(lambda: engines[1].run(batch), machine)
    share = 2 * backbone.description.multiply_adds * rate / machine.figures["peak"]
    return f"{rate:,.0f} images/s at {size} pixels with {engines[1].name}, {share:.1%} of the peak; cosine {worst:.6f}"


def head(machine: Machine) -> str:
    """The same head from both devices' features."""
    ours = machine.trained("head", "--strategy", "head", "--image-size", 128)["metrics"]["accuracy"]
    if not machine.gpu:
        return f"accuracy {ours:.3f}"
    cpu = machine.trained("head-cpu", "--strategy", "head", "--image-size", 128, device="cpu")["metrics"]["accuracy"]
    assert 100 * abs(ours - cpu) <= POINTS, f"accuracy {ours:.3f} on the GPU, {cpu:.3f} on the CPU"
    return f"accuracy {ours:.3f}, on the CPU {cpu:.3f}"


def step(machine: Machine) -> str:
    """Fine-tuning steps as train makes them: bf16, channels last; images a second against the peak."""
    import timm
    import torch
    from torch.nn.functional import cross_entropy

    from regraft.network.engine import device_of
    from regraft.training.precision import fabric_for, precision_of

    device, size, batch = device_of(machine.device), 224 if machine.gpu else 64, 256 if machine.gpu else 8
    model = timm.create_model(BODY, num_classes=10).to(device).to(memory_format=torch.channels_last)
    fabric = fabric_for(device, machine.out / "history", 0)
    network, optimiser = fabric.setup(model, torch.optim.AdamW(model.parameters()))
    images = torch.randn(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % 10

    def one() -> None:
        loss = cross_entropy(network(images).float(), labels)
        optimiser.zero_grad()
        fabric.backward(loss)
        optimiser.step()

    weight = next(value for value in model.parameters() if value.ndim == 4 and value.shape[2] > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last), "the weights are not channels last"
    rate = batch / seconds_of(one, machine)
    share = 3 * 2 * flops_of(model.cpu(), size) * rate / machine.figures["peak"]
    how = f"{BODY} at {size} pixels, batches of {batch}, {precision_of(device)}"
    return f"{rate:,.0f} images/s, {how}: {share:.1%} of the peak"


def flops_of(model: Any, size: int) -> float:
    """Multiply-adds of one image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() / 2


def fine_tune(machine: Machine) -> str:
    """All layers for a few epochs; both devices learn."""
    ours = machine.trained("tuned", "--strategy", "fine-tune", "--image-size", 64, "--epochs", 2)["metrics"]["accuracy"]
    assert ours > 0.5, f"accuracy {ours:.3f} after 2 epochs; chance is 0.1"
    return f"accuracy {ours:.3f} after 2 epochs"


def resume(machine: Machine) -> str:
    """Killed in training, gone on with."""
    folder = machine.out / "killed"
    command = [
        sys.executable, "-m", "regraft", "train", str(machine.images), "--out", str(folder), "--overwrite", "--quiet",
        "--strategy", "fine-tune", "--image-size", "64", "--epochs", "3", "--checkpoint-minutes", "0",
        "--device", machine.device,
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    place, waited = folder.with_name(f".{folder.name}.unfinished"), time.monotonic() + 180
    while not list(place.rglob("last.pt")) and time.monotonic() < waited and child.poll() is None:
        time.sleep(0.2)
    assert child.poll() is None, f"it ended before it could be killed: {child.communicate()[1][-400:]}"
    child.kill()
    child.communicate()
    assert list(place.rglob("last.pt")), "no checkpoint was written within three minutes"
    said = json.loads(machine.regraft(*command[3:5], "--out", folder, "--resume", "--quiet", "--json", *command[9:-2]))
    return f"accuracy {said['metrics']['accuracy']:.3f} after going on"


def memory(machine: Machine) -> str:
    """Too large a batch for the memory goes through in parts."""
    if not machine.gpu:
        raise LeftOut("the memory of a CPU is not limited here")
    script = (
        "import sys, torch; total = torch.cuda.get_device_properties(0).total_memory;"
        "torch.cuda.set_per_process_memory_fraction(min(1.0, 6e9 / total));"
        "from regraft.cli.main import main; sys.argv[0] = 'regraft'; main()"
    )
    arguments = ["train", machine.images, "--out", machine.out / "memory", "--overwrite", "--strategy", "fine-tune"]
    arguments += ["--image-size", 224, "--batch-size", 1024, "--epochs", 1, "--json", "--quiet", "--device", "cuda"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]
    return "batches of 1,024 images of 224 pixels within 6 GB"


def export(machine: Machine) -> str:
    """A run of this device gives its answers as a file on the CPU."""
    runtimes = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}
    forms = [name for name, module in runtimes.items() if importlib.util.find_spec(module)]
    command = [sys.executable, "-m", "regraft", "export", str(machine.out / "head"), "--to", ",".join(forms), "--json"]
    done = subprocess.run([*command, "--overwrite", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    apart = max(one["proof"]["largest_difference"] for one in json.loads(done.stdout)["exports"])
    return f"{', '.join(forms)}: probabilities at most {apart:.0e} apart"


CHECKS = (environment, peak, frozen_pass, head, step, fine_tune, resume, memory, export)


def outcome(check: Callable[[Machine], str], machine: Machine) -> tuple[str, str]:
    """What became of a check; the others are to run all the same."""
    try:
        return "ok", check(machine)
    except LeftOut as why:
        return "left out", str(why)
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}"


def main() -> None:
    """Run the checks, print them, and write them as JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--wheels", type=Path)
    asked.add_argument("--out", type=Path, default=Path(tempfile.gettempdir(), "gpu-check"))
    asked.add_argument("--seconds", type=float, default=420.0, help="after so many no further check begins")
    asked.add_argument("--device", default="auto")
    given = asked.parse_args()
    install(given.wheels)
    from regraft.network.engine import device_name

    given.out.mkdir(parents=True, exist_ok=True)
    machine, begun, rows = Machine(device_name(given.device), given.out, given.out / "images"), time.monotonic(), []
    write_images(machine.images)
    for check in CHECKS:
        started = time.monotonic()
        over = "left out", f"{given.seconds:.0f} seconds are over"
        state, said = over if started - begun > given.seconds else outcome(check, machine)
        seconds = time.monotonic() - started
        rows.append({"check": check.__name__, "state": state, "said": said, "seconds": round(seconds, 1)})
        print(f"| {check.__name__} | {state} | {said} | {seconds:.0f} s |", flush=True)
    Path(given.out, "gpu_check.json").write_text(json.dumps(rows, indent=2) + "\n")
    sys.exit(any(row["state"] == "failed" for row in rows))


if __name__ == "__main__":
    main()
