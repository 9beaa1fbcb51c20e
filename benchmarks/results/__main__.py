"""Run the contestants over repeated splits of image sets, one at a time, and write docs/results.md.

Results go to a file of JSON lines as they come; what is in it already is not run again.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.peers.environments import environment
from benchmarks.results.contestants import CONTESTANTS, Contestant, Setting, run_one
from benchmarks.results.page import page
from benchmarks.results.splits import parted

ENVIRONMENTS = Path.home() / ".cache" / "regraft-peers"


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="*", help="folders of classes, or of parts with classes")
    parser.add_argument("--results", type=Path, required=True, help="JSON lines, added to")
    parser.add_argument("--network", choices=("embedded", "squeezenet"), default="embedded")
    parser.add_argument("--weights", type=Path, help="of SqueezeNet 1.1, with torchvision's names")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, help="training images at most")
    parser.add_argument("--only", default=",".join(one.name for one in CONTESTANTS), help="contestants, by name")
    parser.add_argument("--page", type=Path, help="where the page goes")
    given = parser.parse_args()
    chosen = [one for one in CONTESTANTS if one.name in given.only.split(",")]
    chosen = [one for one in chosen if given.network == "squeezenet" or not one.squeezenet_only]
    pythons = {one.peer: environment(one.peer, ENVIRONMENTS) for one in chosen if one.peer not in {"", "logistic"}}
    setting = Setting(given.network, given.weights and given.weights.resolve(), pythons)
    for row in missing(chosen, setting, given):
        with given.results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    if given.page:
        given.page.write_text(page(rows_of(given.results)))


def missing(chosen: list[Contestant], setting: Setting, given: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Results that are not in the file yet, one after another."""
    known = {tuple(row[key] for key in ("set", "network", "repeat", "contestant")) for row in rows_of(given.results)}
    for repeat in range(given.repeats):
        for data in given.data:
            with tempfile.TemporaryDirectory(prefix="split-") as folder:
                place = Path(folder) / data.name
                for contestant in chosen:
                    key = (data.name, setting.network, repeat, contestant.name)
                    if key in known:
                        continue
                    place = place if place.exists() else parted(data, repeat, given.most, place)
                    images = {part: sum(1 for _ in (place / part).glob("*/*")) for part in ("train", "test")}
                    named = dict(zip(("set", "network", "repeat", "contestant"), key, strict=True))
                    yield named | images | asdict(run_one(contestant, place, repeat, setting))


def rows_of(results: Path) -> list[dict[str, object]]:
    """All results so far."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


if __name__ == "__main__":
    main()
