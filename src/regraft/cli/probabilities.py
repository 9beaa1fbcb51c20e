"""What the probabilities of a run are worth, as a person reads it in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from regraft.cli.screen import add, say, show, table
from regraft.metrics.calibration import too_few_to_judge

SHOWN = (0.1, 0.2, 0.3)  # shares of the images that go to a person


def probabilities_in_words(metrics: Mapping[str, Any]) -> str:
    """One line for a training."""
    figures = metrics["probabilities"]
    scores = figures["negative_log_likelihood"]["value"], figures["brier"]["value"]
    said = "Probabilities: negative log likelihood {:.2f}, Brier {:.2f}".format(*scores)
    if calibration := figures["calibration"]:
        most, error = calibration["calibrated_most"], calibration["error"]
        verdict = "as good as calibrated" if error <= most else "not calibrated"
        found = f"calibration error {error:.1%} beyond chance: {verdict}"
        if too_few_to_judge(calibration):
            found = "too few images to judge the calibration"
        said += f"; {found} (chance alone gives up to {most:.1%} on so few images)"
    return said + "."


def show_probabilities(metrics: Mapping[str, Any]) -> None:
    """A short table for an evaluation."""
    made = table("probabilities", "", "95% interval")
    for row in rows_of(metrics["probabilities"]):
        add(made, *row)
    show(made)
    if calibration := metrics["probabilities"]["calibration"]:
        most, images = calibration["calibrated_most"], f"{metrics['images']:,} images"
        if too_few_to_judge(calibration):
            say(f"Too few images to judge the calibration error: chance alone gives up to {most:.1%} on {images}.")
        else:
            say(f"A calibrated model would show a calibration error up to {most:.1%} on {images}.")
    if (sets := metrics["probabilities"]["conformal"]) and sets["threshold"] > 0:
        say(f"Sets at {sets['level']:.0%}: {sets['mean_size']:.2f} classes on average, {sets['single']:.1%} have one.")


def rows_of(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, figure and interval."""
    for key, name in (("negative_log_likelihood", "negative log likelihood"), ("brier", "Brier score")):
        score = figures[key]
        yield name, f"{score['value']:.3f}", ends(score["interval"], ".3f")
    if (calibration := figures["calibration"]) and not too_few_to_judge(calibration):
        yield "calibration error beyond chance", f"{calibration['error']:.1%}", ""
    for row in figures["risk_coverage"]["kept"]:
        if row["to_a_person"] in SHOWN:
            name = f"accuracy without the least certain {row['to_a_person']:.0%}"
            yield name, f"{row['accuracy']:.1%}", ends(row["interval"], ".1%")
    if (sets := figures["conformal"]) and sets["threshold"] > 0:
        name = f"sets at {sets['level']:.0%} that hold the class"
        yield name, f"{sets['coverage']:.1%}", ends(sets["interval"], ".1%")


def ends(interval: Sequence[float] | None, form: str) -> str:
    """An interval in words; nothing where there is none."""
    return f"{interval[0]:{form}} to {interval[1]:{form}}" if interval else ""
