"""Points drawn uniformly from a bounded polyhedron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError
from unrelu.parallel import Workers, in_threads
from unrelu.polyhedra.analytic_center import AnalyticCenter, ClearCenter, clear_center
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling.billiard import BilliardChains
from unrelu.polyhedra.sampling.diagnostics import effective_sample_size, split_r_hat, warn_of_disagreement
from unrelu.polyhedra.sampling.rounding import rounded_body
from unrelu.polyhedra.sampling.warming import DURATION, locked, warm_up
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.status import Status

CHAINS = 64
"""Chains by default; as many share each operation as the processor's cache likes, and the cores take turns."""

THIN = 4
"""Trajectories from point to point by default, after which points of well rounded bodies are nearly independent."""

GROUP = 32
"""Chains that share operations; with them in one array, a reflection costs little more than its arithmetic."""

DRAWS_PER_CHAIN = 32
"""Fewer chains are kept where each would give fewer points than this, since too little could be said about them."""

FUNCTIONALS = 50
"""Random linear functionals whose effective sample size is measured beside that of the coordinates."""

_BLOCK = 2**22
"""Numbers that a group of chains records before they become points: 32 MB."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Points drawn uniformly from the relative interior of a polyhedron, by independent Markov chains.

    Point i is draw `i // chains` of chain `i % chains`.

    Attributes:
        points: (n, d) float64, within the bounds exactly.
        violation: (n,) by how much each point breaks its worst row, in the row's own units: rounding error.
        effective_sample_size: (d,) how many independent points would give means of each coordinate as exact as the
            chains' draws do; NaN for coordinates that are constant, and where draws are too few to tell.
        r_hat: (d,) split R-hat of each coordinate, near 1 when the chains agree; NaN likewise.
        functional_effective_sample_size: (50,) the first for random linear functionals.
        dimension: k, of the affine hull as found.
        chains: number of chains.
        thin: trajectories from one draw of a chain to the next.
        method: how the points were drawn, in words.
    """

    points: np.ndarray
    violation: np.ndarray
    effective_sample_size: np.ndarray
    r_hat: np.ndarray
    functional_effective_sample_size: np.ndarray
    dimension: int
    chains: int
    thin: int
    method: str

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        """A line that says how much the points are worth."""
        return (
            f"Sample({len(self)} points in {self.dimension} dimensions, effective sample size "
            f"{_middle(self.effective_sample_size):.0f}, R-hat at most {_largest(self.r_hat):.3f})"
        )


def sample(
    polyhedron: Polyhedron,
    n: int,
    *,
    seed: int = 0,
    chains: int = CHAINS,
    thin: int = THIN,
    workers: int | None = None,
    progress: Progress | bool | None = None,
) -> Sample:
    """Draw points uniformly from a bounded polyhedron.

    The analytic centre's Hessian gives coordinates in which the body is round; a first run of the billiard walk
    improves them and is thrown away; then every chain moves on, and each `thin`-th end of a trajectory is a point.

    The same call gives the same points on the same machine, whatever the number of workers. Memory: the points, the
    Gram matrix of the facets (8 m^2 bytes for m facets, pairs of bounds counting once, up to 256 MB), a few (d, d)
    matrices and about 100 MB a worker.

    Args:
        polyhedron: a bounded set, which may be flat.
        n: number of points.
        seed: of everything random.
        chains: number of independent chains; fewer are kept after the first run where each would give fewer than 32
            points.
        thin: trajectories from one point of a chain to the next: more make the points more nearly independent.
        workers: threads; by default one a core.
        progress: where to show progress.

    Raises:
        InputError: if the set is empty or unbounded, or its interior was not found, or a number is not positive.

    Warns:
        SamplingWarning: if R-hat of some coordinate exceeds 1.05, as it does for few points.

    >>> square = Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(2))
    >>> sample(square, 1000, seed=1).points.mean(axis=0).round(1)
    array([0.5, 0.5])
    """
    found = draw(polyhedron, n, seed=seed, chains=chains, thin=thin, workers=workers, progress=progress)
    warn_of_disagreement(found.r_hat, n, stacklevel=2)
    return found


def draw(
    polyhedron: Polyhedron,
    n: int,
    *,
    seed: int = 0,
    chains: int = CHAINS,
    thin: int = THIN,
    workers: int | None = None,
    progress: Progress | bool | None = None,
) -> Sample:
    """`sample`, see there, without a warning: for callers who warn in their own name."""
    if min(n, chains, thin) < 1:
        raise InputError(f"a sample needs positive n, chains and thin, not {n}, {chains} and {thin}.")
    with Workers(1, blas=1).limited():  # sums, and so the chains, would depend on the number of threads
        return _sample(polyhedron, n, seed, chains, thin, workers, progress)


def _sample(
    polyhedron: Polyhedron,
    n: int,
    seed: int,
    chains: int,
    thin: int,
    workers: int | None,
    progress: Progress | bool | None,
) -> Sample:
    clear = _center(polyhedron)
    center = clear.center
    used = max(1, min(chains, n // DRAWS_PER_CHAIN))
    if center.dimension == 0:
        return _single_point(polyhedron, center, n, used, thin)
    shown = resolve_progress(progress)
    body = rounded_body(center.rows, center.point)
    if clear.own is not None:
        own = clear.own
        body = replace(body, centre=own.lifted(body.centre), basis=own.basis.matrix @ body.basis)
    n_groups = -(-chains // GROUP)
    seeds = np.random.SeedSequence(seed).spawn(n_groups + 1)
    groups = [
        BilliardChains(body, size, np.random.default_rng(own))
        for size, own in zip(_shares(chains, n_groups), seeds[1:], strict=True)
    ]
    warm_up(groups, workers, shown)
    for group, size in zip(groups, _shares(used, n_groups), strict=True):
        group.keep(size)
    groups = [group for group in groups if group.size]
    draws = -(-n // used)
    with shown.stage(f"sampling {center.dimension} dimensions", draws * used) as advance:
        points = _points(polyhedron, groups, draws, thin, workers, locked(advance))
    functionals = np.random.default_rng(seeds[0]).standard_normal((polyhedron.n_coordinates, FUNCTIONALS))
    by_chain = points.transpose(1, 0, 2)
    moves = np.linalg.norm(center.basis if clear.own is None else clear.own.orthonormal[0], axis=1) > 2.0**-44
    kept = points.reshape(-1, polyhedron.n_coordinates)[:n]
    return Sample(
        points=kept,
        violation=_violation(polyhedron, kept),
        effective_sample_size=np.where(moves, effective_sample_size(by_chain), np.nan),
        r_hat=np.where(moves, split_r_hat(by_chain), np.nan),
        functional_effective_sample_size=effective_sample_size(by_chain @ functionals),
        dimension=center.dimension,
        chains=used,
        thin=thin,
        method=f"billiard walk, {thin} trajectories of duration {DURATION:g} a point, after rounding",
    )


def _shares(number: int, parts: int) -> list[int]:
    """A number in so many parts that differ by at most one."""
    return [number // parts + (index < number % parts) for index in range(parts)]


def _center(polyhedron: Polyhedron) -> ClearCenter:
    clear = clear_center(polyhedron)
    center = clear.center
    if center.status is Status.OPTIMAL:
        return clear
    if center.status is Status.UNBOUNDED:
        raise InputError(
            "floats find no end of the polyhedron, and an unbounded one has no uniform distribution; bound it by a "
            "domain such as Box(0, 1)."
        )
    if center.status is Status.INFEASIBLE:
        raise InputError("the polyhedron is empty, so it has no points to sample; allow a larger tolerance.")
    if center.status is Status.INACCURATE:
        raise InputError(
            "the polyhedron is so thin that floats do not see where it ends, so points drawn from it would not be "
            "uniform; state its implicit equalities as equalities, or allow a larger tolerance."
        )
    raise InputError(
        "no point strictly inside the polyhedron was found, so whether it can be sampled is undecided; "
        "state its implicit equalities as equalities, or allow a larger tolerance."
    )


def _single_point(polyhedron: Polyhedron, center: AnalyticCenter, n: int, chains: int, thin: int) -> Sample:
    points = np.repeat(center.point[None], n, axis=0)
    nothing = np.full(polyhedron.n_coordinates, np.nan)
    return Sample(
        points=points,
        violation=_violation(polyhedron, points),
        effective_sample_size=nothing,
        r_hat=nothing,
        functional_effective_sample_size=np.full(FUNCTIONALS, np.nan),
        dimension=0,
        chains=chains,
        thin=thin,
        method="the only point, repeated",
    )


def _points(
    polyhedron: Polyhedron,
    groups: list[BilliardChains],
    draws: int,
    thin: int,
    workers: int | None,
    advance: Callable[[int], None],
) -> np.ndarray:
    """The draws of all chains: (draws, chains, d)."""
    d = polyhedron.n_coordinates
    body = groups[0].body
    body.prepare()
    points = np.empty((draws, sum(group.size for group in groups), d))
    starts = np.cumsum([0, *(group.size for group in groups)])

    def fill(index: int) -> None:
        group = groups[index]
        part = slice(starts[index], starts[index + 1])
        block = max(1, _BLOCK // (group.size * len(body.facets)))
        for start in range(0, draws, block):
            end = min(draws, start + block)
            y = group.run(end - start, thin=thin, duration=DURATION, advance=advance)
            x = body.points(y.reshape(-1, body.dimension)).reshape(group.size, end - start, d)
            points[start:end, part] = np.clip(x, polyhedron.lower, polyhedron.upper).transpose(1, 0, 2)

    list(in_threads(fill, range(len(groups)), workers=workers))
    return points


def _violation(polyhedron: Polyhedron, points: np.ndarray) -> np.ndarray:
    parts = [polyhedron.violation(points[start : start + 1000]) for start in range(0, len(points), 1000)]
    return np.concatenate(parts)


def _middle(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _largest(values: np.ndarray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")
