"""Nothing that is installed beside regraft tells anybody that it is used."""

import subprocess
import sys

WATCHED = """
import socket
def refuse(self, address):
    raise AssertionError(f"somebody calls {address}")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *host: refuse(None, host)
import regraft.network.engine as engine
import openvino
assert engine.best_engine("cpu").startswith("openvino")
openvino.convert_model
import openvino.tools.ovc.telemetry_utils as told
assert told.tm.__name__ == "openvino.tools.ovc.telemetry_stub", told.tm
"""


def test_openvino_is_silent() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
