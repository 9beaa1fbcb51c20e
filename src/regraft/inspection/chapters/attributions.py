"""The pictures of attributions: an image beside its maps, each with what the controls say of it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from regraft.errors import BackboneError, DataError, RecipeError
from regraft.inspection.answers import class_name
from regraft.inspection.attribution import GRAD_CAM, METHODS, OCCLUSION, Attribution
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.controls import controls_of, on_cells, randomised
from regraft.inspection.drawing import grid, over, resized
from regraft.inspection.examples import Example
from regraft.inspection.faithfulness import Faithfulness, faithfulness
from regraft.inspection.subject import Subject

SIDE = 208  # pixels of a picture
STEPS = 5  # of a curve: half of what the method takes by itself, since there are three maps an image
TITLES = {GRAD_CAM: "Grad-CAM"}  # others are written as they are named
LEAD = (
    "Where the network finds what speaks for a class. From left to right: the image, {methods}. A map is only worth"
    " reading if it beats maps that know nothing of the image: taking out what it marks must change the answer more."
    " One that does not is crossed by what it fails to beat."
)


def chapter_of(subject: Subject, examples: Sequence[Example], methods: Sequence[str] = tuple(METHODS)) -> Chapter:
    """Each example with its maps by each of ``methods``; a method that this network or installation lacks is named."""
    if not examples:
        raise DataError("there is no image to explain; give some that open in a viewer")
    pixels = np.stack([example.picture.pixels for example in examples])
    labels = np.array([example.label for example in examples])
    maps, tests, notes = dict[str, Attribution](), dict[str, Faithfulness](), list[str]()
    for method in methods:
        try:
            maps[method] = METHODS[method](subject, pixels, list(labels))
        except (BackboneError, RecipeError) as error:
            notes.append(f"Without {title(method)}: {error}.")
            continue
        tests[method] = tested(subject, pixels, labels, maps[method])
        notes += maps[method].notes
    figures = tuple(
        figure_of(subject, example, place, maps, tests, len(examples)) for place, example in enumerate(examples)
    )
    named = ", ".join(title(method) for method in maps)
    return Chapter("attributions", "Where the answer comes from", LEAD.format(methods=named), figures, tuple(notes))


def tested(subject: Subject, pixels: np.ndarray, labels: np.ndarray, maps: Attribution) -> Faithfulness:
    """Maps against their controls; occlusion, the slowest, without the network with random weights."""
    random = None
    if maps.method != OCCLUSION:
        random = METHODS[maps.method](randomised(subject), pixels, list(labels)).values
    controls = controls_of(maps.values, len(pixels[0]), random=random)
    return faithfulness(subject, pixels, labels, maps.values, controls, steps=STEPS)


def figure_of(
    subject: Subject,
    example: Example,
    place: int,
    maps: dict[str, Attribution],
    tests: dict[str, Faithfulness],
    count: int,
) -> Figure:
    """One image and its maps side by side."""
    pictures = [resized(example.picture.pixels, SIDE)]
    for method, own in maps.items():
        unbeaten = tests[method].unbeaten(place)
        picture = laid_over(example.picture.pixels, own.values[place])
        pictures.append(crossed(picture, f"no better than\n{unbeaten[0]}") if unbeaten else picture)
    failing = {method: names for method, test in tests.items() if (names := test.unbeaten(place))}
    digits = len(str(count - 1))
    caption = f"{answer_of(subject, example)} {' '.join(result_of(method, tests[method], place) for method in tests)}"
    return Figure(
        f"attributions-{place:0{digits}}", caption, grid(pictures, len(pictures)), warning=warning_of(failing)
    )


def answer_of(subject: Subject, example: Example) -> str:
    """The network's answer in words."""
    name = class_name(subject, example.label)
    labelled = f"; labelled {example.truth}" if example.truth and example.truth != name else ""
    return f"{example.picture.name}: {name}, {example.probability:.1%} ({example.kind}{labelled})."


def result_of(method: str, test: Faithfulness, place: int) -> str:
    """What the controls say of one map."""
    unbeaten = test.unbeaten(place)
    area = test.areas[place, :, 0].mean()
    beaten = len(test.controls) - len(unbeaten)
    lost = f"; it does not beat {', '.join(unbeaten)}" if unbeaten else ""
    return begun(title(method)) + f": area {area:.2f}, beats {beaten} of {len(test.controls)} controls{lost}."


def warning_of(failing: dict[str, tuple[str, ...]]) -> str | None:
    """The sentence across a picture some of whose maps do not beat their controls."""
    if not failing:
        return None
    names, first = [title(method) for method in failing], {unbeaten[0] for unbeaten in failing.values()}
    others = first.pop() if len(first) == 1 else "maps that know nothing of the image"
    if len(names) == 1:
        return begun(f"{names[0]} does no better than {others}: do not read it as the reason.")
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return begun(f"{listed} do no better than {others}: do not read them as the reason.")


def title(method: str) -> str:
    """A method's name in a sentence."""
    return TITLES.get(method, method)


def begun(sentence: str) -> str:
    """A sentence with a capital letter."""
    return sentence[:1].upper() + sentence[1:]


def laid_over(pixels: np.ndarray, values: np.ndarray) -> Image.Image:
    """What speaks for the class, over the image."""
    positive = on_cells(values[None], len(pixels))[0].clip(0)
    return over(np.asarray(resized(pixels, SIDE)), positive)


def crossed(picture: Image.Image, words: str) -> Image.Image:
    """A picture with words across it."""
    sheet, font = picture.convert("RGB"), ImageFont.load_default(SIDE // 14)
    draw, middle = ImageDraw.Draw(sheet), sheet.height // 2
    draw.rectangle((0, middle - SIDE // 9, sheet.width, middle + SIDE // 9), fill=(255, 255, 255))
    draw.text((sheet.width / 2, middle), words, fill=(150, 0, 0), font=font, anchor="mm", align="center")
    return sheet
