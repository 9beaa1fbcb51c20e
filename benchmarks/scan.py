"""What a scan costs: seconds to read the files, to read and decode them, and for the whole scan; memory at its peak.

uv run python benchmarks/scan.py FOLDER
"""

import argparse
import resource
import time
from pathlib import Path

from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.data.prefetch import map_ahead
from regraft.data.scan import scan


def main() -> None:
    """Time the three, the scan last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    started = time.perf_counter()
    files = find_images(folder).files
    print(f"{len(files):,} files; listing {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    total = sum(len(file.content.read()) for file in files)  # type: ignore[arg-type]
    reading = time.perf_counter() - started
    started = time.perf_counter()
    for _ in map_ahead(lambda file: decode(file.content.read()), files):
        pass
    decoding = time.perf_counter() - started
    del files
    started = time.perf_counter()
    images = scan(folder)
    whole = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"reading {total / 1e6:,.0f} MB {reading:.1f} s; reading and decoding {decoding:.1f} s; scan {whole:.1f} s")
    print(f"{len(images.files):,} images, {len(images.faults):,} findings; {peak:,.0f} MiB at the peak")


if __name__ == "__main__":
    main()
