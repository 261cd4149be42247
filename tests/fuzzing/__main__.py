"""`PYTHONPATH=src:tests python -m fuzzing --cases 20000`: read files changed at random, and say how it ended.

Cases are read in processes of their own, with limits of time and memory. It is made from the target's name and its
number alone, so that one that failed is made again by `--target NAME --first NUMBER --cases 1`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzzing.apart import read_apart
from fuzzing.cases import outcome
from fuzzing.targets import TARGETS

BAD = ("FAILED", "CRASHED", "TOO SLOW", "TOO LARGE")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="fuzzing", description="Read files that were changed at random.")
    parser.add_argument("--target", choices=sorted(TARGETS), help="all if left out")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seconds", type=float, default=10.0, help="that a case may take")
    parser.add_argument("--mebibytes", type=int, default=1024, help="that its process may take")
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in [asked.target] if asked.target else sorted(TARGETS):
            outcome(name, asked.first, Path(folder))  # imports and makes what every case needs
            ends: Counter[str] = Counter()
            longest, most, start = 0.0, 0, time.monotonic()
            numbers = range(asked.first, asked.first + asked.cases)
            for done, case in enumerate(read_apart(name, numbers, Path(folder), asked.seconds, asked.mebibytes), 1):
                ends[case.end] += 1
                longest, most = max(longest, case.seconds), max(most, case.mebibytes)
                if case.end in BAD:
                    failed += 1
                    print(f"{name} {case.number}: {case.end} {case.said}", flush=True)
                if done % 1000 == 0:
                    print(
                        f"{name}: {done} cases so far, {failed} bad, the longest {longest:.1f} s, at most {most} MiB",
                        flush=True,
                    )
            said = ", ".join(f"{count} {end}" for end, count in ends.most_common())
            print(
                f"{name}: {asked.cases} cases in {time.monotonic() - start:.0f} s, the longest {longest:.1f} s, "
                f"at most {most} MiB: {said}",
                flush=True,
            )
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
