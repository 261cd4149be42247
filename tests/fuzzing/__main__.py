"""`PYTHONPATH=src:tests python -m fuzzing --cases 20000`: read files changed at random, and say how it ended.

Every case is made from the target's name and its number alone, so that one that failed is made again by
`--target NAME --first NUMBER --cases 1`.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from fuzzing.cases import outcome
from fuzzing.targets import TARGETS


def _most() -> int:
    """The most memory that this process has had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


class _TooSlow(BaseException):
    """Not an `Exception`, which what is tested may catch."""


def _stop(*_: object) -> None:
    raise _TooSlow


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="fuzzing", description="Read files that were changed at random.")
    parser.add_argument("--target", choices=sorted(TARGETS), help="all if left out")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seconds", type=float, default=20.0, help="that a case may take, or it is named and given up")
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, _stop)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in [asked.target] if asked.target else sorted(TARGETS):
            outcome(name, asked.first, Path(folder))  # imports what is needed, which takes memory too
            ends: Counter[str] = Counter()
            longest, before, start = 0.0, _most(), time.monotonic()
            for number in range(asked.first, asked.first + asked.cases):
                begun = time.monotonic()
                signal.setitimer(signal.ITIMER_REAL, asked.seconds)
                try:
                    ends[outcome(name, number, Path(folder))] += 1
                except _TooSlow:
                    ends["TOO SLOW"] += 1
                    print(f"{name} {number}: more than {asked.seconds} s", flush=True)
                except Exception:
                    failed += 1
                    ends["FAILED"] += 1
                    print(f"{name} {number}:\n{traceback.format_exc()[-1500:]}", flush=True)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                longest = max(longest, time.monotonic() - begun)
            said = ", ".join(f"{count} {end}" for end, count in ends.most_common())
            print(
                f"{name}: {asked.cases} cases in {time.monotonic() - start:.0f} s, the longest {longest:.1f} s, "
                f"memory +{_most() - before} MiB: {said}",
                flush=True,
            )
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
