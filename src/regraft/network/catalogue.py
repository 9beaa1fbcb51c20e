"""What can be grafted: the backbones that can be named, and what is known of each before it is loaded."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from regraft.network.demonstration import SIZE as DEMONSTRATION_SIZE
from regraft.network.hub import TORCHVISION, file_of
from regraft.network.libraries import create, in_hub_cache, torchvision_file
from regraft.network.load import embedded
from regraft.recipe import DEMONSTRATION, EMBEDDED

MOST_BUILT = 60  # backbones of which parameters are counted, where the library does not say


@dataclass(frozen=True)
class Known:
    """A backbone that can be named."""

    name: str
    pretrained: bool  # whether pre-trained weights exist
    here: bool  # whether they are on this machine
    input_size: int | None = None  # pixels a side
    parameters: int | None = None  # None where they were not counted
    url: str | None = None  # of the file of weights, where it has to be fetched

    @property
    def megabytes(self) -> float | None:
        """Of the weights in single precision."""
        return self.parameters and 4 * self.parameters / 1e6

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return vars(self) | {"megabytes": self.megabytes}


def known_backbones(part: str = "") -> list[Known]:
    """Backbones whose name holds ``part``, timm's once for each of their weights; parameters where few match."""
    import timm
    import torchvision

    theirs = [TORCHVISION + short for short in torchvision.models.list_models(module=torchvision.models)]
    tagged = timm.list_models(pretrained=True)
    untaught = sorted(set(timm.list_models()) - {name.partition(".")[0] for name in tagged})
    names = [name for name in (EMBEDDED, DEMONSTRATION, *theirs, *tagged, *untaught) if part in name]
    return [known(name, len(names) <= MOST_BUILT) for name in names]


def known(name: str, counted: bool) -> Known:
    """What is known of a backbone before it is loaded; ``counted``: whether its parameters are."""
    import timm

    if name == EMBEDDED:
        own = embedded()
        return Known(name, True, True, own.preprocessing.size, own.description.all_parameters)
    if name == DEMONSTRATION:
        return Known(name, False, False, DEMONSTRATION_SIZE, count("regraft", name) if counted else None)
    if name.startswith(TORCHVISION):
        return known_of_torchvision(name)
    config = timm.get_pretrained_cfg(name)
    pretrained = bool(config and config.has_weights)
    parameters = count("timm", name.partition(".")[0]) if counted else None
    if not pretrained:
        return Known(name, False, False, config.input_size[-1] if config else None, parameters)
    here = bool(in_hub_cache(config.hf_hub_id))
    url = f"https://huggingface.co/{config.hf_hub_id}" if config.hf_hub_id else None
    return Known(name, True, here, config.input_size[-1], parameters, None if here else url and file_of(url))


def known_of_torchvision(name: str) -> Known:
    """The same of torchvision's, which says it all of itself."""
    import torchvision

    short = name.removeprefix(TORCHVISION)
    default = torchvision.models.get_model_weights(short).DEFAULT
    here, side = torchvision_file(short).exists(), default.transforms().crop_size[0]
    return Known(name, True, here, side, default.meta["num_params"], None if here else default.url)


@cache
def count(library: str, name: str) -> int:
    """A network's parameters, counted without memory for them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in create(library, name, {}).parameters())
