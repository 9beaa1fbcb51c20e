"""A server under 32 clients: nothing lost, memory flat, and its rate beside that of the bare network; then a fuzzer.

    uv run python -m benchmarks.serving [RUN IMAGES] [--requests 10000] [--clients 32] [--malformed 500] [--seed 0]

RUN: a run on the embedded network, by default a head on scikit-learn's digits, which it trains first; IMAGES: files to
send. The server is a process of its own, the clients are another. Three rates are measured in turn, so that whatever
else the machine does meets all of them: the bare network on images that are decoded already, the run's own classifier
with decoding, and the server. Exits 1 where an answer is missing, wrong, or a 5xx.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median

import numpy as np

from benchmarks.malformed import Upload, malformed
from regraft import Recipe, load
from regraft.data.digits import write_digits
from regraft.data.prefetch import batched, map_ahead
from regraft.evaluation.classifier import Classifier
from regraft.network.engine import streams_of
from regraft.runs.job import train

ROUNDS = 5
BARE = 512  # images that time the bare network, before and after each round
LONE = 50  # requests of a client that is alone
PATIENCE = 120.0  # seconds for one answer
HEADERS = {"Content-Type": "image/*"}
AS_SURE = 2e-6  # that two probabilities may differ by, beyond how they are rounded


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)


class Client:
    """One connection, kept as long as it lasts."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def post(self, upload: Upload) -> tuple[int, bytes]:
        """Status and body; 0 where none came."""
        for _ in range(2):  # a server may close a connection after it has refused what came on it
            try:
                self.connection.request("POST", upload.path, upload.body, upload.headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except OSError:
                self.connection.close()
        return 0, b""


@contextmanager
def serving(run: Path) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its port and its process's number."""
    command = [sys.executable, "-m", "regraft", "serve", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout, "its output is read"
        try:
            found = re.search(r":(\d+)", started.stdout.readline().partition("//")[2])
            assert found, "the server did not start"
            yield int(found[1]), started.pid
        finally:
            started.terminate()


def memory_of(process: int, what: str = "VmRSS") -> float:
    """Megabytes of a process; VmHWM is the most that it ever had."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(rf"{what}:\s+(\d+)", text)[0]) / 1024


def send(
    port: int, uploads: Sequence[Upload], clients: int, expected: Sequence[dict[str, float]], tally: Tally
) -> float:
    """Send all of them from so many clients at once; the seconds that it took."""

    def one_client(own: Sequence[tuple[int, Upload]]) -> list[tuple[int, int, bytes, float]]:
        client, answers = Client(port), []
        for place, upload in own:
            began = time.perf_counter()
            answers.append((place, *client.post(upload), time.perf_counter() - began))
        return answers

    numbered = list(enumerate(uploads))
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        answers = [one for own in pool.map(one_client, (numbered[i::clients] for i in range(clients))) for one in own]
        took = time.perf_counter() - began
    for place, status, body, seconds in answers:
        tally.statuses[status] += 1
        tally.lost += status == 0
        tally.wrong += status == 200 and bool(expected) and not is_same(body, expected[place % len(expected)])
        tally.seconds.append(seconds)
    return took


def is_same(body: bytes, expected: dict[str, float]) -> bool:
    """Whether an answer is the one that the classifier gives."""
    scores = {one["label"]: one["score"] for one in json.loads(body)}
    return scores.keys() == expected.keys() and all(abs(scores[name] - expected[name]) < AS_SURE for name in scores)


def bare_rate(classifier: Classifier, pixels: np.ndarray) -> float:
    """Images a second of the network alone, on images that are decoded."""
    engine = classifier.engine
    batches = [np.stack(group) for group in batched(islice(cycle(pixels), BARE), engine.batch)]
    began = time.perf_counter()
    for _ in map_ahead(engine.run, batches, streams_of(engine.name), chunk=1, ahead=1):
        pass
    return BARE / (time.perf_counter() - began)


def decoding_rate(classifier: Classifier, images: Sequence[bytes]) -> float:
    """Images a second of the classifier on encoded images, in this process."""
    began = time.perf_counter()
    classifier.predict(list(islice(cycle(images), BARE)))
    return BARE / (time.perf_counter() - began)


def lone_seconds(classifier: Classifier, pixels: np.ndarray) -> float:
    """The median seconds of the network for one image."""
    seconds = []
    for image in islice(cycle(pixels), LONE):
        began = time.perf_counter()
        classifier.engine.run(image[None])
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def digits_run(folder: Path) -> tuple[Path, Path]:
    """A head on the embedded network, trained on digits, and the digits."""
    write_digits(folder / "digits")
    run = train(folder / "digits", Recipe(strategy="head"), folder / "run", progress=False)
    return run.folder, folder / "digits"


def load_test(run: Path, folder: Path, asked: argparse.Namespace) -> bool:
    """Requests from many clients; whether all was right."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".png", ".jpg", ".jpeg"}]
    images = [path.read_bytes() for path in Random(asked.seed).sample(paths, min(len(paths), BARE))]
    classifier = load(run)
    expected = [dict(zip(p.classes, p.probabilities.tolist(), strict=True)) for p in classifier.predict(images)]
    decoded = np.stack([classifier_pixels(classifier, image) for image in images])
    uploads = list(islice(cycle([Upload("/predict", image, HEADERS) for image in images]), asked.requests))
    bare, decoding, served, memory, tally = [], [], [], [], Tally()
    with serving(run) as (port, process):
        send(port, uploads[:64], asked.clients, (), Tally())
        for place in range(ROUNDS):
            own = uploads[place::ROUNDS]
            order = [expected[number % len(images)] for number in range(asked.requests)][place::ROUNDS]
            before = bare_rate(classifier, decoded), decoding_rate(classifier, images)
            served.append(len(own) / send(port, own, asked.clients, order, tally))
            bare.append((before[0] + bare_rate(classifier, decoded)) / 2)
            decoding.append((before[1] + decoding_rate(classifier, images)) / 2)
            memory.append(memory_of(process))
        peak = memory_of(process, "VmHWM")
        lone = Tally()
        send(port, uploads[:LONE], 1, expected, lone)
        network = lone_seconds(classifier, decoded)
    size = classifier.preprocessing.size
    print(
        f"{run.name}: {classifier.strategy} at {size} pixels, {classifier.engine.name}, {platform.machine()},", end=" "
    )
    print(f"{os.cpu_count()} processors; images of {sum(map(len, images)) / len(images) / 1000:.1f} kB")
    print(f"{sum(tally.statuses.values()):,} requests from {asked.clients} clients: {tally.lost} lost,", end=" ")
    print(f"{tally.wrong} wrong, statuses {dict(tally.statuses)}")
    print(f"Served {median(served):,.0f} a second (median of {ROUNDS} rounds)")
    for name, rates in (("the bare network on decoded images", bare), ("the classifier with decoding", decoding)):
        shares = [one / other for one, other in zip(served, rates, strict=True)]
        print(f"  {median(shares):.2f} of {name}, {median(rates):,.0f} a second", end="; ")
        print(f"rounds {min(shares):.2f} to {max(shares):.2f}")
    print(
        f"Seconds for an answer: median {median(tally.seconds):.3f}, 99% {np.quantile(tally.seconds, 0.99):.3f};",
        end=" ",
    )
    print(f"of a lone client {median(lone.seconds):.4f}, of which the network takes {network:.4f}")
    print(f"Memory {' '.join(f'{one:.0f}' for one in memory)} MB after the rounds, {peak:.0f} MB at most")
    return not tally.lost and not tally.wrong and set(tally.statuses) == {200}


def classifier_pixels(classifier: Classifier, image: bytes) -> np.ndarray:
    """One image as the network takes it."""
    from regraft.data.content import Given
    from regraft.evaluation.reading import Reader

    read = Reader(classifier.preprocessing, classifier.rendering).read(("", Given(lambda: image)))
    assert read.pixels is not None, "the images are sound"
    return read.pixels


def fuzz_test(run: Path, folder: Path, asked: argparse.Namespace) -> bool:
    """Malformed uploads; whether none gave a 5xx, and the server answered after them."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".png", ".jpg", ".jpeg"}]
    draw = Random(asked.seed)
    sound = [path.read_bytes() for path in draw.sample(paths, min(len(paths), 20))]
    tally, last = Tally(), Tally()
    with serving(run) as (port, process):
        uploads = list(malformed(asked.malformed, draw, sound, run.name))
        send(port, uploads, 4, (), tally)
        send(port, [Upload("/predict", sound[0], HEADERS)], 1, (), last)
        peak = memory_of(process, "VmHWM")
    print(
        f"{asked.malformed:,} malformed uploads: {dict(sorted(tally.statuses.items()))}, {peak:.0f} MB at most;",
        end=" ",
    )
    print("afterwards the server answers" if set(last.statuses) == {200} else "the server no longer answers")
    return max(tally.statuses) < 500 and not tally.lost and set(last.statuses) == {200}


def main() -> int:
    """All of it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("images", type=Path, nargs="?")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--malformed", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run, images = (asked.run, asked.images) if asked.images else digits_run(Path(folder))
        fine = [load_test(run, images, asked)] if asked.requests else []
        fine += [fuzz_test(run, images, asked)] if asked.malformed else []
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
