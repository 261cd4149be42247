"""Files that were made to hurt whoever reads them, and a process that reads one and says what it took."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).parents[2] / "src"

_MEASURED = """
import sys
sys.path[:0] = {paths!r}
import numpy as np, pathlib
from unrelu.errors import UnreluError
from unrelu.network.load import load
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.study.inputs.read import read_samples
from unrelu.study.saving import load_study
import onnx.reference, unrelu.intake.onnx.intake
def most():  # not ru_maxrss, which begins with that of the process that started this one
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = most()
for code, where in {cases!r}:
    try:
        eval(code, globals(), dict(where=pathlib.Path(where)))
        print("no error")
    except UnreluError as error:
        print(type(error).__name__, str(error).replace("\\n", " "))
print((most() - before) // 1024)
"""


def reading(*cases: tuple[str, Path]) -> tuple[list[str], int]:
    """Run lines of code on files, one after the other in a process of its own that has a minute.

    Args:
        cases: each a line of code with `where`, the path, in it; and that path.

    Returns:
        The error that each ended with, and the MiB by which the process grew at most.
    """
    script = _MEASURED.format(paths=[str(SOURCES)], cases=[(code, str(where)) for code, where in cases])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
    )
    assert done.returncode == 0, done.stderr
    *said, grown = done.stdout.splitlines()
    return said, int(grown)


def zip_of_zeros(path: Path, shape: tuple[int, ...], name: str = "x") -> None:
    """A `.npz` with an array of zeros, packed a thousand times, written without holding it."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    left = 4 * int(np.prod(shape))
    chunk = bytes(2**20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{name}.npy", "w") as member:
        member.write(header.getvalue())
        while left > 0:
            member.write(chunk[: min(left, len(chunk))])
            left -= len(chunk)
