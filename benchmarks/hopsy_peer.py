"""hopsy on one polytope, run by an interpreter that has it: python hopsy_peer.py IN.npz OUT.npz.

IN holds A, b of `{ y : A y <= b }`, and the numbers chains, draws, thinning, processes. OUT gets the draws
(chains, draws, k) and the seconds that rounding and sampling took, imports apart. hopsy is no dependency of unrelu;
this file needs it and NumPy only.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def main() -> None:
    import hopsy  # pyright: ignore[reportMissingImports]

    given = np.load(sys.argv[1])
    chains, draws, thinning, processes = (int(given[name]) for name in ("chains", "draws", "thinning", "processes"))
    start = time.perf_counter()
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
    end = time.perf_counter()
    np.savez(sys.argv[2], states=states[:, spare:], rounding=rounded - start, sampling=end - rounded)


if __name__ == "__main__":
    main()
