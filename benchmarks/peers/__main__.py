"""regraft beside other tools, on the same images, weights and machine.

    uv run python -m benchmarks.peers DATA... --weights squeezenet1_1.safetensors [--peers fastai,tutorial] [--repeat 3]

DATA: folders with train/, val/ (also valid/, validation/) and test/, or train/ and one of the others. Makes an
environment for each peer, runs peers and regraft in turn, and writes a page with the tables and with whatever regraft
is slower or worse at. Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import platformdirs

from benchmarks.peers.contenders import CONTENDERS, OURS, PEERS, Contender
from benchmarks.peers.environments import environment, versions
from benchmarks.peers.machine import this_machine
from benchmarks.peers.measure import ROOT, run
from benchmarks.peers.page import Surroundings, page
from benchmarks.peers.parts import parts_of
from benchmarks.peers.result import Result, last_json
from benchmarks.peers.rounds import Setting, in_turn


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True, help="SqueezeNet 1.1 with torchvision's names")
    parser.add_argument("--peers", default=",".join(PEERS), help="of these (default: all), with commas between them")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: 3); 0 makes the page of --results anew")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument(
        "--results", type=Path, help="file of results: new ones are added, old ones go into the page too"
    )
    parser.add_argument("--environments", type=Path, default=platformdirs.user_cache_path("regraft-peers"))
    given = parser.parse_args()
    unknown = set(given.peers.split(",")) - set(PEERS)
    if unknown:
        parser.error(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    for data in given.data:
        parts_of(data)
    return given


def make_environments(peers: list[str], folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """The Pythons of the peers, and why there is none for some of them."""
    pythons, failures = {OURS: Path(sys.executable)}, {}
    for peer in peers:
        print(f"environment of {peer}", flush=True)
        try:
            pythons[peer] = environment(peer, folder)
        except RuntimeError as error:
            failures[peer] = str(error).splitlines()[-1][:200]
    return pythons, failures


def measure_yardstick(weights: Path) -> dict:
    """The machine's peak and the networks' multiply-adds, from a process of its own."""
    process = run([sys.executable, "-m", "benchmarks.peers.yardstick", str(weights)], {}, ROOT)
    if process.failure:
        raise SystemExit(f"the weights or the machine could not be measured: {process.failure}")
    return last_json(process.output)


def results_of(given: argparse.Namespace, asked: list[Contender], setting: Setting) -> Iterator[Result]:
    """Old results, then new ones, which are printed and kept as they come."""
    if given.results and given.results.exists():
        yield from (Result(**json.loads(line)) for line in given.results.read_text().splitlines())
    for data in given.data:
        for result in in_turn(asked, data.resolve(), given.repeat, setting):
            figures = f"accuracy {result.accuracy:.3f}, {result.wall:.1f} s, {result.memory / 2**30:.2f} GiB"
            print(f"{result.data:24} {result.contender:32} {result.failure or figures}", flush=True)
            if given.results:
                with given.results.open("a") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
            yield result


def main() -> None:
    """Make what is needed, run, write the page."""
    given = read_arguments()
    peers = [peer for peer in PEERS if peer in given.peers.split(",")]
    pythons, failures = make_environments(peers, given.environments)
    yardstick = measure_yardstick(given.weights.resolve())
    setting = Setting(given.weights.resolve(), pythons, yardstick["multiply_adds"])
    results = list(results_of(given, [c for c in CONTENDERS if c.environment in pythons], setting))
    results += [
        Result(c.name, data.name, 0.0, 0.0, 0, failure=f"its environment could not be made: {failures[c.environment]}")
        for data in given.data
        for c in CONTENDERS
        if c.environment in failures
    ]
    about = Surroundings(
        this_machine(),
        yardstick["bf16_peak"],
        yardstick["threads"],
        {name: versions(python) for name, python in pythons.items()},
        [peer for peer in PEERS if peer not in peers],
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page(results, given.data, about))
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
