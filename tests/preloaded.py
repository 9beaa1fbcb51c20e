"""What processes of the tests import: imported once, in the server that they are forked from."""

import importlib
import os
import pkgutil
from contextlib import suppress

os.environ |= {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}  # read when the libraries are loaded

ROOMS = ("cli", "data", "evaluation.tuning", "features", "network", "planning", "runs", "similarity", "training")
LIBRARIES = (
    "openvino.frontend.pytorch", "optuna.storages.journal", "safetensors.torch", "tensorboardX",
    "timm.models._features_fx", "torch.distributed.distributed_c10d", "torchvision.models.feature_extraction",
)  # fmt: skip

for room in ROOMS:
    package = importlib.import_module(f"regraft.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"regraft.{room}."):
        importlib.import_module(module.name)
for library in LIBRARIES:
    with suppress(ImportError):  # not all are installed everywhere
        importlib.import_module(library)

from regraft.runs import card, report  # noqa: E402 - what it loads must be quiet

for page in (card, report):
    page.template()  # compiled once
