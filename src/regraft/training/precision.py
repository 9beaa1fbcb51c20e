"""Lightning Fabric for one device: in bf16 where the hardware has it, with the history for TensorBoard if installed."""

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric


def precision_of(device: torch.device) -> Any:
    """bf16 mixed precision where the hardware has it, else float32."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capabilities: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return "bf16-mixed" if capabilities().get("avx512_bf16") or capabilities().get("amx_bf16") else "32-true"


def fabric_for(device: torch.device, folder: Path, epoch: int) -> Fabric:
    """Fabric for one device, which writes the history from ``epoch`` on below ``folder``."""
    for part in ("lightning.fabric", "lightning.pytorch"):  # whichever was imported last says which precision it uses
        logging.getLogger(part).setLevel(logging.WARNING)
    loggers: list[Any] = []
    if any(importlib.util.find_spec(name) for name in ("tensorboard", "tensorboardX")):
        from lightning.fabric.loggers.tensorboard import TensorBoardLogger

        loggers = [TensorBoardLogger(folder / "tensorboard", name="", version="", purge_step=epoch)]
    devices: Any = [device.index] if device.index is not None else 1
    return Fabric(accelerator=device.type, devices=devices, precision=precision_of(device), loggers=loggers)
