"""The plan in sentences: one figure each, the deciding one first."""

from collections.abc import Iterator

from regraft.network.cuts import word_for
from regraft.planning.cases import MEANING, in_words
from regraft.planning.costs import Choice, chance, early_point
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.similarity.measure import Similarity

CLASSES_SHOWN = 4  # of the target, with the source classes that they resemble
BLOWN_UP = 2  # times, from which images are said to be
LIKENESS = ((0.9, "almost like"), (0.5, "rather like"), (0.1, "rather unlike"), (0.0, "nothing like"))
CERTAINTY = ((0.25, "sure about"), (0.6, "fairly sure about"), (float("inf"), "lost on"))  # by share of most entropy
GOING_ON = {
    "head": "go on with the run's head, its layers frozen",
    "fine-tune": "go on with the run's layers and head, training all of them",
}
SMALLEST_INPUT = 32  # pixels a side that is proposed, and the step between others


def headline_of(choice: Choice, ruled: str, run: str | None = None) -> str:
    """The verdict in two sentences at most; ``ruled``: the strategy of the rule, where another was asked for.

    ``run``: gone on from; its layers and cuts leave the rule no choice but whether to train them all.
    """
    case = f"{in_words(f'{choice.size.verdict}-{choice.verdict}', run)}: "
    if run:
        return f"{case}{GOING_ON[choice.strategy]}."
    meaning = MEANING[choice.strategy]
    if choice.strategy == ruled:
        return f"{case}{meaning}."
    return f"The settings ask to {meaning}. {case}the rule is {ruled}{promised(ruled, choice.similarity)}."


def promised(strategy: str, similarity: Similarity) -> str:
    """What is known of a frozen strategy before it is trained: the simple classifier's accuracy at its cut."""
    if strategy not in FROZEN_STRATEGIES:
        return ""
    point = early_point(similarity) if strategy == "early-layers" else similarity.profile[-1]
    return f", where a simple classifier gets {point.accuracy:.1%}"


def reasons_for(choice: Choice, similar_from: float) -> Iterator[str]:
    """Why this case and this strategy: a figure each, the deciding one first."""
    size, similarity, score = choice.size, choice.similarity, choice.similarity.score
    interval = f"95% interval {score.low:.2f} to {score.high:.2f}"
    yield f"Similarity {score.value:.2f} ({interval}); from {similar_from:.2f} it counts as similar."
    if score.reaches_across(similar_from):
        yield f"The interval reaches across {similar_from:.2f}, so the verdict may be wrong: compare strategies."
    different = "different " if size.distinct < size.images else ""
    yield f"{size.distinct:,} {different}training images; from {size.threshold:,} on they count as many."
    if size.near_threshold:
        yield f"That is near {size.threshold:,}: a comparison of strategies is worth its time."
    if choice.strategy == "early-layers":
        point = next((point for point in similarity.profile if point.cut == choice.cuts[-1]), None)
        if point:
            named = cut_in_words(point.cut, similarity)
            yield f"The cut is after the {named}, where a simple classifier gets {point.accuracy:.1%}."
    if similarity.labels_say_nothing:
        yield (
            f"No simple classifier does better than always naming the largest class ({similarity.chance:.1%})."
            " The labels look unrelated to the images: check them first."
        )


def cut_in_words(cut: str, similarity: Similarity) -> str:
    """A cut by what a person can picture, its module's name in brackets."""
    places = [point.cut for point in similarity.profile]
    return f"{word_for(places.index(cut), len(places))} ({cut})"


def rivals_in_words(strategy: str, recipe: Recipe, seconds: float | None, epochs: int | None) -> Iterator[str]:
    """What is tried beside the rule's strategy, unless one was asked for.

    ``seconds`` and ``epochs``: of fine-tuning.
    """
    planning = recipe.planning
    if not recipe.left_open or strategy not in FROZEN_STRATEGIES:
        return
    limited = recipe.stopping.time_limit is not None and not planning.fast
    if recipe.network.continue_from is None:
        yield "Heads on other layers are tried too, on the same features; held-out images choose."
    if limited:
        yield "Fine-tuning is tried too, in the time that is left."
    elif seconds is not None:
        many = "1 epoch takes" if epochs == 1 else f"{epochs} epochs take"
        taken = f"{many} about {max(1, round(seconds)):,} s here"
        yield f"Fine-tuning is tried too: {taken} (--fast leaves it out)."


def details_of(choice: Choice, image_side: int, input_side: int) -> Iterator[str]:
    """What else is known. In pixels: the images' short side, usually, and the side of the network's input."""
    size, similarity = choice.size, choice.similarity
    yield from evidence_in_words(similarity)
    yield from profile_in_words(similarity)
    yield f"The smallest of the {size.classes:,} classes has {size.smallest_class:,} training images."
    if size.distinct < size.images:
        yield f"{size.images - size.distinct:,} training images are copies of others."
    nearer = max(SMALLEST_INPUT, SMALLEST_INPUT * round(image_side / SMALLEST_INPUT))
    yield f"Images go in at {input_side} pixels a side; the short side of half of them has {image_side} or more."
    if image_side * BLOWN_UP <= input_side and nearer < input_side:
        yield (
            f"Half of the images have a short side of {image_side} pixels or less, blown up to {input_side}:"
            f" compare --image-size {nearer}."
        )
    if len(choice.cuts) > 1:
        yield f"The head takes the features of {len(choice.cuts)} cuts joined: {', '.join(choice.cuts)}."
    yield from confidence_in_words(similarity)


def evidence_in_words(similarity: Similarity) -> Iterator[str]:
    """What the score was made of."""
    evidence, score = similarity.evidence, similarity.score
    if evidence.domain is not None:
        likeness = next(words for least, words in LIKENESS if score.value >= least)
        yield f"To this network your images look {likeness} the photographs it learned from."
        verdict = f"{evidence.domain:+.2f} on {similarity.judged:,} images (photographs: +1)"
        yield f"A classifier of domains says so: {verdict}."
        return
    if "log_shift" in score.moved:
        yield f"What moved the score most is {score.decided_by}."
    else:
        yield "The source is no set of photographs, and too little is known of it: the gain from depth decides alone."
        yield "`regraft reference` makes statistics of it, from images of 12 pixels or more that it was trained on."
    yield f"The log ratio of the early cuts' least error to the last cut's is {evidence.gain:.2f}."
    if "log_shift" in score.moved:
        yield f"The log of the shift, relative to the source's images shrunk to nothing, is {evidence.log_shift:.2f}."


def profile_in_words(similarity: Similarity) -> Iterator[str]:
    """How the last cut compares with the best one before it."""
    *earlier, last = similarity.profile
    if not earlier:
        yield "The network has one cut only, so there is no depth profile."
        return
    rival = max(earlier, key=lambda point: point.accuracy)
    yield (
        f"A simple classifier on the last layer ({last.cut}) gets {last.accuracy:.1%}, on the best earlier one,"
        f" {cut_in_words(rival.cut, similarity)}, {rival.accuracy:.1%}."
    )
    apart, doubt = f"{100 * abs(rival.behind_last):.1f} points", chance(rival.behind_last, rival.standard_error)
    if doubt:
        yield f"The difference, {apart}, {doubt}."
    elif rival.behind_last > 0:
        yield f"The last layers are worth {apart}, more than chance explains."
    else:
        yield f"The last layers cost {apart}, more than chance explains: they hurt on these images."


def confidence_in_words(similarity: Similarity) -> Iterator[str]:
    """What the source's classifier takes the classes for, for information."""
    known = similarity.confidence
    if known is None:
        return
    for target, names in list(known.nearest.items())[:CLASSES_SHOWN]:
        yield f"To the source's classifier `{target}` looks like {' or '.join(n.split(',')[0] for n in names[:2])}."
    share = known.entropy / known.most
    yield f"The network's old classifier is {next(words for most, words in CERTAINTY if share <= most)} your images."
