"""regraft beside other tools, on the same images, weights and machine: ``python -m benchmarks.peers --help``."""
