"""The chapter of receptive fields: what the middle position of each layer sees, drawn over one image."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from regraft.data.images import ImageFile
from regraft.errors import DataError
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.drawing import INFERNO, PAPER
from regraft.inspection.pictures import Picture, pictures
from regraft.inspection.receptive_field import ReceptiveField, receptive_fields
from regraft.inspection.subject import Subject

SIDE, EDGE, LINE, WIDE = 384, 6, 18, 250  # pixels: the image, a frame round it, a line of text, the text
INK = (30, 30, 30)
LEAD = (
    "Each square is what one value in the middle of a layer sees of the image."
    " The fields grow with depth; frames round the image stand for layers whose values see all of it."
)


def chapter_of(subject: Subject, files: Sequence[ImageFile]) -> Chapter:
    """The fields over the first of ``files`` that can be read; without figures where no layer has positions."""
    fields = receptive_fields(subject)
    if not fields:
        note = "No layer of this network has positions in the image: each value sees all of it."
        return Chapter("fields", "How much each layer sees", LEAD, (), (note,))
    first = next(iter(pictures(subject, files[:32], workers=1)), None)
    if first is None:
        raise DataError("no image could be read to draw on; regraft scan says what is wrong with them")
    caption = f"What layers see of {first.name}. " + " ".join(f"{one.cut.name}: {extent(one)}." for one in fields)
    figure = Figure("receptive-fields", caption, drawing(fields, first))
    whole = [one for one in fields if one.whole]
    notes = [f"From {whole[0].cut.name} on values also hang on {' and '.join(whole[0].whole)}."] if whole else []
    return Chapter("fields", "How much each layer sees", LEAD, (figure,), tuple(notes))


def extent(field: ReceptiveField) -> str:
    """The size in words."""
    wide, high = (field.across, field.down) if field.across and field.down else (None, None)
    size = (round(wide.size), round(high.size)) if wide and high else field.size()
    return f"{size[0]} x {size[1]} pixels" + (", the whole image" if field.larger else "")


def drawing(fields: Sequence[ReceptiveField], picture: Picture) -> Image.Image:
    """Squares over the image and the list of layers beside it."""
    outside = [place for place, one in enumerate(fields) if one.larger]
    margin = EDGE * (len(outside) + 1)
    high = max(SIDE + 2 * margin, LINE * (len(fields) + 1))
    sheet = Image.new("RGB", (SIDE + 2 * margin + WIDE, high), PAPER)
    sheet.paste(Image.fromarray(picture.pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC), (margin, margin))
    pen, times = ImageDraw.Draw(sheet), SIDE / fields[0].image
    for place, one in enumerate(fields):
        colour = tuple(int(value) for value in INFERNO[2 + place * (len(INFERNO) - 4) // max(1, len(fields) - 1)])
        middle = (one.shape[0] // 2, one.shape[1] // 2)
        box = [margin + round(side * times) for side in one.box(len(one.group_of) - 1, *middle)]
        if place in outside:
            step = EDGE * (outside.index(place) + 1)
            box = [margin - step, margin - step, margin + SIDE + step, margin + SIDE + step]
        pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=colour, width=3)
        top, left = margin + LINE * place, SIDE + 2 * margin + 2 * EDGE
        pen.rectangle((left, top, left + 10, top + 10), fill=colour)
        pen.text((left + 18, top - 1), f"{one.cut.name}: {extent(one)}", fill=INK)
    return sheet
