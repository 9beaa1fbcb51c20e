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
from collections.abc import Callable, Iterator, Sequence
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
Expected = dict[str, float] | None  # probabilities by class; None: whatever comes is right
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


def seconds_of(process: int) -> float:
    """Seconds that processors have worked for a process, which hang less on what else a machine does than a rate."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def send(port: int, uploads: Sequence[tuple[Upload, Expected]], clients: int, tally: Tally) -> None:
    """Send all of them from so many clients at once."""

    def one_client(own: Sequence[tuple[Upload, Expected]]) -> list[tuple[Expected, int, bytes, float]]:
        client, answers = Client(port), []
        for upload, expected in own:
            began = time.perf_counter()
            status, body = client.post(upload)
            answers.append((expected, status, body, time.perf_counter() - began))
        return answers

    with ThreadPoolExecutor(clients) as pool:
        answers = [one for own in pool.map(one_client, (uploads[i::clients] for i in range(clients))) for one in own]
    for expected, status, body, seconds in answers:
        tally.statuses[status] += 1
        tally.lost += status == 0
        tally.wrong += status == 200 and expected is not None and not is_same(body, expected)
        tally.seconds.append(seconds)


def is_same(body: bytes, expected: dict[str, float]) -> bool:
    """Whether an answer is the one that the classifier gives."""
    scores = {one["label"]: one["score"] for one in json.loads(body)}
    return scores.keys() == expected.keys() and all(abs(scores[name] - expected[name]) < AS_SURE for name in scores)


def bare(classifier: Classifier, pixels: np.ndarray) -> None:
    """The network alone, on images that are decoded."""
    engine = classifier.engine
    batches = [np.stack(group) for group in batched(islice(cycle(pixels), BARE), engine.batch)]
    for _ in map_ahead(engine.run, batches, streams_of(engine.name), chunk=1, ahead=1):
        pass


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


@dataclass
class Rate:
    """Images a second and processor time an image, round by round."""

    rates: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def time(self, images: int, process: int, work: Callable[[], object]) -> None:
        """One round."""
        began, worked = time.perf_counter(), seconds_of(process)
        work()
        self.rates.append(images / (time.perf_counter() - began))
        self.worked.append((seconds_of(process) - worked) / images)


def load_test(run: Path, folder: Path, asked: argparse.Namespace) -> bool:
    """Requests from many clients; whether all was right."""
    images = images_in(folder, Random(asked.seed), BARE)
    classifier, me = load(run), os.getpid()
    expected = [dict(zip(p.classes, p.probabilities.tolist(), strict=True)) for p in classifier.predict(images)]
    decoded = np.stack([pixels_of(classifier, image) for image in images])
    pairs = zip([Upload("/predict", one, HEADERS) for one in images], expected, strict=True)
    uploads = list(islice(cycle(pairs), asked.requests))
    alone, decoding, served, memory, tally = Rate(), Rate(), Rate(), [], Tally()
    with serving(run) as (port, process):
        send(port, uploads[:64], asked.clients, Tally())
        for own in (uploads[place::ROUNDS] for place in range(ROUNDS)):
            alone.time(BARE, me, lambda: bare(classifier, decoded))
            decoding.time(BARE, me, lambda: classifier.predict(list(islice(cycle(images), BARE))))
            served.time(len(own), process, lambda own=own: send(port, own, asked.clients, tally))
            memory.append(memory_of(process))
        peak, lone = memory_of(process, "VmHWM"), Tally()
        send(port, uploads[:LONE], 1, lone)
        network = lone_seconds(classifier, decoded)
    kind = f"{classifier.strategy} at {classifier.preprocessing.size} pixels, {classifier.engine.name}"
    size = sum(map(len, images)) / len(images) / 1000
    print(f"{run.name}: {kind}, {platform.machine()}, {os.cpu_count()} processors; images of {size:.1f} kB")
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(tally.statuses.items()))
    print(f"{asked.clients} clients, {asked.requests:,} requests: {answers}; {tally.lost} lost, {tally.wrong} wrong")
    print(f"{'':32}{'images/s':>9}{'ms of a processor':>19}{'server / this':>15}{'by processor time':>19}")
    for name, one in (("server", served), ("network, images decoded", alone), ("classifier, decoding too", decoding)):
        share = median(ours / theirs for ours, theirs in zip(served.rates, one.rates, strict=True))
        by_work = median(theirs / ours for ours, theirs in zip(served.worked, one.worked, strict=True))
        print(f"{name:32}{median(one.rates):9,.0f}{1000 * median(one.worked):19.2f}{share:15.2f}{by_work:19.2f}")
    latest = np.quantile(tally.seconds, 0.99)
    print(f"An answer takes {median(tally.seconds):.3f} s (99%: {latest:.3f} s);", end=" ")
    print(f"for a lone client {median(lone.seconds):.4f} s, the network {network:.4f} s of them")
    print(f"Memory {', '.join(f'{one:.0f}' for one in memory)} MB after the rounds, {peak:.0f} MB at most")
    return not tally.lost and not tally.wrong and set(tally.statuses) == {200}


def images_in(folder: Path, draw: Random, most: int) -> list[bytes]:
    """Some of the images in a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".png", ".jpg", ".jpeg"}]
    return [path.read_bytes() for path in draw.sample(paths, min(len(paths), most))]


def pixels_of(classifier: Classifier, image: bytes) -> np.ndarray:
    """One image as the network takes it."""
    from regraft.data.content import Given
    from regraft.evaluation.reading import Reader

    read = Reader(classifier.preprocessing, classifier.rendering).read(("", Given(lambda: image)))
    assert read.pixels is not None, "the images are sound"
    return read.pixels


def fuzz_test(run: Path, folder: Path, asked: argparse.Namespace) -> bool:
    """Malformed uploads; whether none gave a 5xx, and the server answered after them."""
    draw = Random(asked.seed)
    sound = images_in(folder, draw, 20)
    tally, last = Tally(), Tally()
    with serving(run) as (port, process):
        uploads = list(malformed(asked.malformed, draw, sound, run.name))
        send(port, [(upload, None) for upload in uploads], 4, tally)
        send(port, [(Upload("/predict", sound[0], HEADERS), None)], 1, last)
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
