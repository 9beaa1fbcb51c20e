"""What the figures say, in sentences; a fall or a gain is named only where it lies beyond its interval."""

from collections.abc import Iterator, Sequence

from regraft.evaluation.transferability.crossed import Estimate
from regraft.evaluation.transferability.figures import (
    AGAIN,
    BOOST,
    CO_ADAPTATION,
    FEATURES,
    LEARNED,
    SCALE,
    SPECIFICITY,
    TRANSFER,
    Contrast,
    Point,
)
from regraft.evaluation.transferability.variants import MEAN_VAR, SCRATCH, Variant


def clearly_above(own: Estimate, chance: float) -> bool:
    """Whether a network learned something that its first layers can be judged by."""
    return own.low > chance


def reading_of(
    points: Sequence[Point],
    contrasts: Sequence[Contrast],
    chance: float,
    measure: str,
    guess: str,
    images: int,
    depth: int,
) -> Iterator[str]:
    """The sentences. ``guess``: what reaches ``chance``; ``images``: that train; ``depth``: the n of all layers."""
    by_variant = {point.variant: point.accuracy for point in points}
    own = by_variant[Variant(SCRATCH)]
    yield f"From scratch the own network reaches {measure} {with_interval(own)}; {guess} reaches {chance:.1%}."
    if clearly_above(own, chance):
        yield from on_own_layers(contrasts, depth)
    else:
        yield "That is near chance: its interval does not lie above. So the own layers were not tried (BnB)."
        yield "Whether a fall comes from co-adaptation or from specificity cannot be told here, and is not named."
    learned = gains(contrasts, LEARNED)
    yield from on(
        learned,
        "What the frozen layers learned counts: AnB beats RnB, frozen random layers, at {}.",
        "Frozen random layers beat the transferred ones at {}: RnB lies above AnB.",
        "At no n do frozen transferred layers differ from frozen random ones by more than the interval.",
    )
    yield from on_fine_tuning(contrasts)
    if Variant(MEAN_VAR) in by_variant:
        yield from on_scale(by_variant[Variant(MEAN_VAR)], contrasts)
    yield from on_fewer_images(contrasts, images)


def on_own_layers(contrasts: Sequence[Contrast], depth: int) -> Iterator[str]:
    """Co-adaptation and specificity.

    Above all layers lies the head alone, which needs no layer beside it: where BnB falls there, time was too short.
    """
    falls = gains(contrasts, CO_ADAPTATION)
    short = [one for one in falls if one.layers == depth and one.gain.above]
    falls = [one for one in falls if one.layers < depth]
    named = "BnB falls below the own network" if short else "Co-adaptation: the own layers, frozen under new ones, lose"
    yield from on(
        falls,
        f"{named} at {{}}.",
        "BnB lies above the own network at {}: it starts from trained layers, which can hide co-adaptation.",
        "Co-adaptation: at no n does BnB fall below the own network by more than the interval.",
    )
    if short:
        yield f"At {places(short)} BnB loses too, though only its head is trained there: too few steps."
        yield "So the falls may come from that as well as from co-adaptation, which is not named."
    yield from on(
        gains(contrasts, SPECIFICITY),
        "Specificity: the transferred layers fall behind the own ones (AnB below BnB) at {}.",
        "The transferred layers are better than the own ones (AnB above BnB) at {}.",
        "Specificity: at no n does AnB fall below BnB by more than the interval.",
    )


def on_fine_tuning(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """What transferred layers give where all are trained on."""
    yield from on(
        gains(contrasts, BOOST),
        "Trained on, transferred layers gain over the own network (AnB+) at {}.",
        "Trained on, transferred layers fall behind the own network (AnB+) at {}.",
        "At no n does AnB+ differ from the own network by more than the interval.",
    )
    if again := gains(contrasts, AGAIN):
        yield from on(
            again,
            "The own layers trained a second time gain too (BnB+) at {}: part of a gain is longer training.",
            "The own layers trained a second time lose (BnB+) at {}.",
            "The own layers trained a second time (BnB+) stay within the interval of the own network.",
        )
        yield from on(
            gains(contrasts, TRANSFER),
            "Beyond that, transfer gains (AnB+ above BnB+) at {}.",
            "AnB+ lies below BnB+ at {}: what was learned on the own images helps more.",
            "AnB+ and BnB+ differ at no n by more than the interval: no gain from the other classes is shown.",
        )


def on_scale(mean_var: Estimate, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Features, or only their scale (Raghu et al., 2019)."""
    (scale,), features = gains(contrasts, SCALE), gains(contrasts, FEATURES)
    yield f"With the weights' scale alone (Mean-Var) it reaches {with_interval(mean_var)}."
    if scale.gain.above:
        yield f"That is {in_points(scale.gain)} more than from scratch: the scale alone helps."
    elif scale.gain.below:
        yield f"That is {in_points(scale.gain, -1)} less than from scratch."
    else:
        yield "Mean-Var differs from the own network by no more than the interval: no use of scale alone is shown."
    for one in features:
        if one.gain.above:
            yield f"All pre-trained layers, trained on, reach {in_points(one.gain)} more: not scale alone, features."
        elif one.gain.below:
            yield f"All pre-trained layers, trained on, reach {in_points(one.gain, -1)} less than Mean-Var."
        else:
            yield "All pre-trained layers, trained on, differ from Mean-Var by no more than the interval."


def on_fewer_images(contrasts: Sequence[Contrast], images: int) -> Iterator[str]:
    """Where transfer matters: the gain of all transferred layers by the number of images."""
    fewer = [one for one in contrasts if one.question == BOOST and one.better.share < 1]
    if not fewer:
        return
    last = max(one.layers for one in contrasts)
    full = [one for one in contrasts if one.question == BOOST and one.better == Variant(one.better.kind, last)]
    listed = (f"{signed(one.gain)} with {round(images * one.better.share):,}" for one in (*full, *fewer))
    yield f"Gain of AnB+ over from scratch by training images, at n = {last}: {'; '.join(listed)}."
    large, small = full[0].gain, fewer[-1].gain
    if small.low > large.high:
        yield "The fewer images, the more transfer gives: the intervals of the largest and the smallest set part."
    else:
        yield "Whether transfer gives more with fewer images is not shown: the intervals overlap."


def on(found: Sequence[Contrast], gain: str, loss: str, nothing: str) -> Iterator[str]:
    """The sentences on one question: where it is surely above zero, surely below, or neither anywhere."""
    if not found:
        return
    up, down = [one for one in found if one.gain.above], [one for one in found if one.gain.below]
    if up:
        yield gain.format(places(up))
    if down:
        yield loss.format(places(down, -1))
    if not up and not down:
        yield nothing


def gains(contrasts: Sequence[Contrast], question: str) -> list[Contrast]:
    """The contrasts with all images that answer a question, by n."""
    found = [one for one in contrasts if one.question == question and one.better.share == 1]
    return sorted(found, key=lambda one: one.layers)


def places(found: Sequence[Contrast], sign: int = 1) -> str:
    """At which n, and by how much."""
    return ", ".join(f"n = {one.layers} by {in_points(one.gain, sign)}" for one in found)


def in_points(gain: Estimate, sign: int = 1) -> str:
    """A difference in points with its interval; ``sign`` -1 turns it round."""
    low, high = sorted((100 * sign * gain.low, 100 * sign * gain.high))
    return f"{100 * sign * gain.value:.1f} points ({low:.1f} to {high:.1f})"


def signed(gain: Estimate) -> str:
    """A difference in points with its sign and interval."""
    return f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"


def with_interval(figure: Estimate) -> str:
    """A share with its interval."""
    return f"{figure.value:.1%} (95% interval {figure.low:.1%} to {figure.high:.1%})"
