"""The networks that are compared, by the names that Yosinski et al. (2014) gave them."""

from dataclasses import dataclass

SCRATCH, MEAN_VAR = "scratch", "Mean-Var"
ANB, ANB_PLUS, BNB, BNB_PLUS, RNB = "AnB", "AnB+", "BnB", "BnB+", "RnB"
BY_CUT = (ANB, ANB_PLUS, BNB, BNB_PLUS, RNB)
OWN = (BNB, BNB_PLUS)  # say something only where the own network learned something
FROZEN = (ANB, BNB, RNB)
MEANS = {
    SCRATCH: "every layer random, all trained: the own network",
    ANB: "first n layers transferred and frozen, the rest random and trained",
    ANB_PLUS: "first n layers transferred, the rest random, all trained",
    BNB: "first n layers of the own network, frozen; the rest random again and trained",
    BNB_PLUS: "first n layers of the own network, the rest random again, all trained",
    RNB: "first n layers random and frozen, the rest random and trained",
    MEAN_VAR: "every weight drawn anew with its layer's pre-trained mean and variance, all trained",
}
SHORT = {
    SCRATCH: "from scratch",
    ANB: "AnB: transferred, frozen",
    ANB_PLUS: "AnB+: transferred, trained on",
    BNB: "BnB: own layers, frozen",
    BNB_PLUS: "BnB+: own layers, trained on",
    RNB: "RnB: random, frozen",
    MEAN_VAR: "Mean-Var: scale alone",
}


@dataclass(frozen=True)
class Variant:
    """One kind of network."""

    kind: str
    layers: int = 0  # n: how many of the cuts, from the input on, its first layers reach to; 0: none
    share: float = 1.0  # of the training images
