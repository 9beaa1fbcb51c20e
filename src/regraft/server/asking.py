"""From what the page asks for to the words of the command line."""

from collections.abc import Mapping
from typing import Any

from regraft.errors import RegraftError
from regraft.recipe import Recipe
from regraft.recipe.command import options_of
from regraft.recipe.recipe import seconds_of
from regraft.runs.job import name_of
from regraft.server.job import Asked
from regraft.server.refused import Refused
from regraft.server.workshop import Workshop

VERBS = ("plan", "train")
OPTIONS = {"strategy": str, "image_size": int, "time_limit": str, "fast": bool}  # that the page has
TRAINING_ONLY = ("time_limit",)


def asked_for(values: Mapping[str, Any], workshop: Workshop, device: str) -> Asked:
    """A job from {"verb", "data", "options"}; Refused for what the command line would refuse."""
    verb, known_as, options = values.get("verb"), values.get("data"), values.get("options", {})
    if verb not in VERBS:
        raise Refused(422, f'"verb" is no job; give one of {", ".join(VERBS)}')
    if not isinstance(known_as, str):
        raise Refused(422, '"data" is missing; choose a folder, or upload a zip')
    if not isinstance(options, dict) or not options.keys() <= OPTIONS.keys():
        raise Refused(422, f'"options" has others than {", ".join(OPTIONS)}; leave them out')
    path, name = workshop.data(known_as)
    recipe = recipe_of({**options, "device": device}, verb)
    out = workshop.free_plan() if verb == "plan" else workshop.free_run(name_of(path))
    words = (verb, str(path), *options_of(recipe), "--out", str(out), "--json", "--progress", "json")
    return Asked(verb, name, words, str(out), known_as, {name: value for name, value in options.items() if value})


def recipe_of(options: Mapping[str, Any], verb: str) -> Recipe:
    """The recipe that the options make; what is empty is left open."""
    wanted = {name: value for name, value in options.items() if value not in (None, "", False)}
    for name, value in wanted.items():
        kind = OPTIONS.get(name, str)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Refused(422, f"{name.replace('_', ' ')} cannot be {value!r:.40}; give another value")
    try:
        if "time_limit" in wanted:
            wanted["time_limit"] = seconds_of(wanted["time_limit"])
        recipe = Recipe().but(**wanted)
    except RegraftError as error:
        raise Refused(422, str(error)) from None
    return recipe.but(**dict.fromkeys(TRAINING_ONLY, None)) if verb == "plan" else recipe
