"""The metadata on top of a model card, as Hugging Face reads it (huggingface/hub-docs, modelcard.md)."""

import json
import re
from collections.abc import Iterator

from regraft.network.origin import Origin
from regraft.runs.facts import Facts
from regraft.visible import visible

HUB_LICENCES = frozenset((  # of those that weights come under, the ones that the Hub has a word for
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "isc", "mpl-2.0",
    "openrail", "creativeml-openrail-m", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "gpl-2.0",
    "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "unlicense", "gemma", "other", "unknown",
))  # fmt: skip
METRICS = (("accuracy", "accuracy", "Accuracy"), ("balanced_accuracy", "balanced_accuracy", "Balanced accuracy"),
           ("f1", "macro_f1", "Macro F1"))  # fmt: skip
TASK = "image-classification"
UNKNOWN = "unknown"


def front_matter(facts: Facts, name: str) -> str:
    """The block of YAML; ``name``: of the data."""
    return "\n".join(["---", *lines_of(facts, name), "---"])


def lines_of(facts: Facts, name: str) -> Iterator[str]:
    """Its lines. Every text is quoted as JSON, which YAML reads as it is."""
    origin = facts.made_with.origin if facts.made_with else None
    yield f"library_name: {'timm' if opens_in_timm(facts) else 'regraft'}"
    yield f"pipeline_tag: {TASK}"
    yield from licence_lines(origin)
    if origin and origin.hub:
        yield f"base_model: {quoted(origin.hub)}"
    yield f"tags: {json.dumps([TASK, 'regraft', 'transfer-learning', facts.config.strategy])}"
    yield f"metrics: {json.dumps([kind for kind, _, _ in METRICS])}"
    yield "model-index:"
    yield f"- name: {quoted(f'{name} ({facts.config.strategy})')}"
    yield "  results:"
    yield f"  - task: {{type: {TASK}, name: Image Classification}}"
    yield "    dataset:"
    yield "      type: local-images"  # required; the images are none of the Hub's
    yield f"      name: {quoted(name)}"
    yield f"      split: {quoted(facts.figures.split)}"
    yield "    metrics:"
    for kind, own, title in METRICS:
        yield f"    - {{type: {kind}, value: {number(getattr(facts.figures, own))}, name: {title}}}"


def licence_lines(origin: Origin | None) -> Iterator[str]:
    """The licence of the weights that the model has from elsewhere; unknown where nobody says it."""
    licence = (origin.licence if origin else None) or UNKNOWN
    if licence.lower() in HUB_LICENCES:
        yield f"license: {licence.lower()}"
        return
    linked = re.match("https?://", licence)
    yield "license: other"
    yield f"license_name: {quoted('as-linked' if linked else re.sub(r'[^a-z0-9.-]+', '-', licence.lower()))}"
    if linked:
        yield f"license_link: {quoted(licence)}"


def opens_in_timm(facts: Facts) -> bool:
    """Whether timm opens the model folder: then its weights have timm's names."""
    return facts.config.architecture.library == "timm" and bool(facts.config.names)


def quoted(text: str) -> str:
    """A text as a scalar of YAML."""
    return json.dumps(visible(text), ensure_ascii=False)


def number(value: float) -> str:
    """A number as YAML reads it, to the last digit: with a point before an exponent."""
    text = json.dumps(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
