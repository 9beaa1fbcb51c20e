"""Pre-trained networks: load, cut, graft, run, save."""

import sys

# OpenVINO tells Google Analytics of every import unless this package is missing; then it has a stand-in of its own.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
