"""Lightning Fabric for one device: in bf16 where the hardware has it, with the history for TensorBoard if installed."""

import logging
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger


def precision_of(device: torch.device) -> Any:
    """bf16 mixed precision where the hardware has it, else float32."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capabilities: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return "bf16-mixed" if capabilities().get("avx512_bf16") or capabilities().get("amx_bf16") else "32-true"


def fabric_for(device: torch.device, folder: Path, epoch: int, writes: bool = True) -> Fabric:
    """Fabric for one device.

    One that ``writes`` writes the history from ``epoch`` on, where a writer for TensorBoard is installed.
    """
    loggers: list[Any] = []
    with suppress(ModuleNotFoundError):
        if writes:
            loggers.append(TensorBoardLogger(folder / "tensorboard", name="", version="", purge_step=epoch))
    devices: Any = [device.index] if device.index is not None else 1
    log = logging.getLogger("lightning_fabric")
    level = log.level
    log.setLevel(logging.WARNING)  # it says which precision it uses
    try:
        return Fabric(accelerator=device.type, devices=devices, precision=precision_of(device), loggers=loggers)
    finally:
        log.setLevel(level)


def log(fabric: Fabric, figures: Mapping[str, float], step: int) -> None:
    """Write an epoch's figures for TensorBoard; it is worth no failure, as they go into history.csv too."""
    with suppress(Exception):  # of the writer, and of Lightning around it: a full disk, a folder that is gone
        fabric.log_dict({name: value for name, value in figures.items() if math.isfinite(value)}, step=step)
        for logger in fabric.loggers:
            logger.save()
