"""How well layers transfer, by depth (Yosinski et al., 2014; Raghu et al., 2019)."""

from regraft.evaluation.transferability.result import Transferability
from regraft.evaluation.transferability.study import transferability

__all__ = ["Transferability", "transferability"]
