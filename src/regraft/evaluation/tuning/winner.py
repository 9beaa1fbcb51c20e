"""Which trial is kept: by the rule that ``train`` keeps candidates by, and never a worse one than ``train``'s own."""

from collections.abc import Sequence

import numpy as np

from regraft.evaluation.tuning.book import HEAD, NETWORK, Entry
from regraft.evaluation.tuning.outcomes import Outcome
from regraft.training.choosing import PRACTICALLY_EQUAL, best_of, gain_of

OF_TRAIN = ("the plan", "train's own")  # origins of trials that train would make too


def winner_of(entries: Sequence[Entry], counts: np.ndarray | None) -> Entry | None:
    """The trial to keep; None where none ran to its end. ``counts``: what an image of each row counts."""
    ended = [entry for entry in entries if entry.complete]
    best, own = kept_among(ended, counts), kept_among([one for one in ended if one.origin in OF_TRAIN], counts)
    if best and own and gain(best, own, counts) < 0:
        return own
    return best


def kept_among(entries: Sequence[Entry], counts: np.ndarray | None) -> Entry | None:
    """The best head, or the best whole network where it is better by what that is worth."""
    head = best_head([entry for entry in entries if entry.kind == HEAD], counts)
    networks = [entry for entry in entries if entry.kind == NETWORK]
    network = best_network(networks)
    if head is None or network is None:
        return head or network
    mine, theirs = outcome_of(network).judged, outcome_of(head).judged
    return network if gain_of(mine, theirs, counts).expected > PRACTICALLY_EQUAL else head


def best_head(entries: Sequence[Entry], counts: np.ndarray | None) -> Entry | None:
    """As ``train`` chooses among heads: by the gain to expect over the first; of near ones by the smaller loss."""
    if not entries:
        return None
    judged = [outcome_of(entry).judged for entry in entries]
    gains = [gain_of(one, judged[0], counts) for one in judged]
    return entries[best_of(judged, gains)]


def best_network(entries: Sequence[Entry]) -> Entry | None:
    """The one that validates best; of equals the first."""
    return max(entries, key=lambda entry: outcome_of(entry).figures.shared or 0.0, default=None)


def gain(one: Entry, other: Entry, counts: np.ndarray | None) -> float:
    """What one trial has over another on the images that judged both."""
    return gain_of(outcome_of(one).judged, outcome_of(other).judged, counts).expected


def outcome_of(entry: Entry) -> Outcome:
    """What a trial that ended came to."""
    assert entry.outcome, "it has ended"
    return entry.outcome
