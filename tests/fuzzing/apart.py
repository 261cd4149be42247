"""Cases in a process of their own, which may crash, hang or take too much without harm."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzing.cases import outcome

TOGETHER = 200
"""Cases that one process reads after each other, as making one takes as long as reading a few."""

PATIENCE = 60
"""Times its seconds of computing after which a case is given up that does not compute, on a machine that others use."""

_END = b"\0"


@dataclass(frozen=True)
class Case:
    """How a case ended.

    Attributes:
        number: of it.
        end: as `outcome` says, or FAILED, CRASHED, TOO SLOW, TOO LARGE.
        said: the end of the traceback, or the signal.
        seconds: of computing that it took.
        mebibytes: the most that its process had, with all that it shares with this one.
    """

    number: int
    end: str
    said: str
    seconds: float
    mebibytes: int


def most() -> int:
    """The most memory that this process has had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def read_apart(target: str, numbers: range, folder: Path, seconds: float, mebibytes: int) -> Iterator[Case]:
    """Read cases in copies of this process.

    Args:
        target: what reads them.
        numbers: of the cases.
        folder: for their files.
        seconds: of computing that a case may take.
        mebibytes: that it may have at most, resident; it is refused twice as much beyond what this process has mapped.
    """
    left = list(numbers)
    while left:
        done = 0
        for case in _in_one_process(target, left[:TOGETHER], folder, seconds, mebibytes):
            done += 1
            yield case
        left = left[done:]


def _in_one_process(target: str, numbers: list[int], folder: Path, seconds: float, mebibytes: int) -> Iterator[Case]:
    """Those that one process gets done, the last of them perhaps in a way that ended it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _read_all(target, numbers, folder, writer, mebibytes)
    os.close(writer)
    held = b""
    try:
        for number in numbers:
            begun, before = time.monotonic(), _computed(child)
            while _END not in held:
                ready = select.select([reader], [], [], 0.2)[0]
                some = os.read(reader, 2**16) if ready else b""
                over = _computed(child) - before > seconds or time.monotonic() - begun > PATIENCE * seconds
                if over or (ready and not some):
                    said = f"more than {seconds} s" if over else "the process ended"
                    yield Case(number, "TOO SLOW" if over else "CRASHED", said, time.monotonic() - begun, 0)
                    return
                held += some
            line, _, held = held.partition(_END)
            held_most, taken, end, more = line.decode("utf-8", "replace").split("\n", 3)
            bad = "TOO LARGE" if int(held_most) > mebibytes else "TOO SLOW" if float(taken) > seconds else end
            yield Case(number, bad, more or f"{end} in {taken} s", float(taken), int(held_most))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)


def _computed(child: int) -> float:
    """Seconds that a process has computed; none once it is gone."""
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read_all(target: str, numbers: list[int], folder: Path, writer: int, mebibytes: int) -> None:
    """What the copy does; it does not come back."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = mapped + 2 * mebibytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in numbers:
        Path("/proc/self/clear_refs").write_text("5")  # what the most memory was is forgotten
        begun = time.process_time()
        try:
            said = f"{outcome(target, number, folder)}\n"
        except BaseException:
            said = f"FAILED\n{traceback.format_exc()[-1500:]}"
        os.write(
            writer,
            f"{most()}\n{time.process_time() - begun:.2f}\n{said}".encode("utf-8", "replace").replace(_END, b" ")
            + _END,
        )
    os._exit(0)
