"""hopsy on one polytope, run by an interpreter that has it: python hopsy_peer.py IN.npz OUT.npz.

IN holds A, b of `{ y : A y <= b }`, and the numbers chains, draws, thinning, processes. OUT gets the draws
(chains, draws, k), the seconds that rounding and sampling took, imports apart, and hopsy's version. hopsy is no
dependency of unrelu; this file needs it and NumPy only.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np

warnings.filterwarnings("ignore")


def main() -> None:
    import hopsy  # pyright: ignore[reportMissingImports]

    given = np.load(sys.argv[1])
    chains, draws, thinning, processes = (int(given[name]) for name in ("chains", "draws", "thinning", "processes"))
    start, processor = time.perf_counter(), os.times()
    problem = hopsy.round(hopsy.Problem(given["A"], given["b"]))
    centre = hopsy.compute_chebyshev_center(problem)
    rounded = time.perf_counter()
    walkers = [
        hopsy.MarkovChain(problem, proposal=hopsy.UniformCoordinateHitAndRunProposal, starting_point=centre)
        for _ in range(chains)
    ]
    generators = [hopsy.RandomNumberGenerator(seed) for seed in range(chains)]
    # A tenth on top, thrown away.
    spare = max(1, draws // 10)
    _, states = hopsy.sample(
        walkers, generators, n_samples=draws + spare, thinning=thinning, n_threads=processes, progress_bar=False
    )
    end, after = time.perf_counter(), os.times()
    # User and system time of this process and of those it started and waited for.
    used = sum(after[:4]) - sum(processor[:4])
    np.savez(
        sys.argv[2],
        states=states[:, spare:],
        rounding=rounded - start,
        sampling=end - rounded,
        processor=used,
        version=version("hopsy"),
    )


if __name__ == "__main__":
    main()
