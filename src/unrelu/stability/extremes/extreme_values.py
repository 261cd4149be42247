"""Both ends of the spectrum of a Jacobian that is too large for a matrix."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from unrelu.errors import InputError
from unrelu.network.expected import expect_network
from unrelu.progress import resolve_progress
from unrelu.stability.extremes.banded import BandFactor, BandPlan, band_factor, band_plan, local_rows, proved_floor
from unrelu.stability.extremes.krylov import search_end
from unrelu.stability.extremes.result import Claim, ExtremeSingularValues, SingularTriplet
from unrelu.stability.extremes.side import Side, smaller_side
from unrelu.stability.operator import JacobianOperator, jacobian_operator

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network
    from unrelu.progress import Progress

DENSE_SIDE = 2000
"""Up to this many rows or columns J is decomposed whole: seconds."""

DENSE_BYTES = 2**29
"""Memory that J may take then."""

FLOOR = 0.99
"""The proof of a lower bound factorises `J'J` less the square of this part of the smallest value found; what rounding
may do to it, and so the proved bound, lies a little lower."""

REFINEMENTS = 3
"""Most rounds of refinement of what the inverse of the Gram matrix gives."""

NARROW = 1e-7
"""Where the network is narrower inside than at both ends, the Gram matrix has structural zeros, which rounding turns
into values below about this part of the largest: none below it is told from them. Where fewer values than asked for are
above it, the rest are given as the zeros that they are up to that."""

_FLOPS = 1e10  # a second, of a Cholesky factor on one core; only to tell whether there is time for one


def extreme_singular_values(
    prefix: Network,
    at: Array,
    k: int = 3,
    relu: bool = True,
    rtol: float = 1e-6,
    budget: float | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> ExtremeSingularValues:
    """Several of the largest and of the smallest non-structural singular values of a network's Jacobian.

    Where J is small it is decomposed whole. Else the largest come from block Lanczos on the smaller side of J. The
    smallest come from Lanczos on the inverse of `J'J` (ARPACK), by the Cholesky factor of a band, where receptive
    fields are small and no structural zeros are left in it; a second factorisation then proves that nothing lies
    below `floor`. Where no band fits, the smallest come from block Lanczos too, which needs about as many products
    as the condition number: give it a budget, and read what it reached.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.diag([3.0, 2.0, 0.5]), np.ones(3)), (np.eye(3), np.zeros(3))])
    >>> found = extreme_singular_values(net.upto("relu1"), at=np.ones(3), k=1)
    >>> [round(triplet.value, 12) for triplet in (*found.largest, *found.smallest)]
    [3.0, 0.5]

    Args:
        prefix: a network, usually `net.upto("relu3")`.
        at: the point, of the network's input shape.
        k: how many at each end.
        relu: False to leave out the ReLU that the prefix ends in.
        rtol: a value has converged when both its residuals are at most `rtol` times itself.
        budget: seconds after which nothing new is begun and the best so far is returned; None for no end.
        seed: of the random starts.
        progress: see `unrelu.progress.resolve_progress`; one step a product; Lanczos ends long
            before its bar, whose length is what exact arithmetic needs at most.

    Raises:
        InputError: if the point or an argument is out of range, or if `relu` is False and the prefix does not end
            in a ReLU.
        ModelError: if a pre-activation overflows, or a node is neither affine, piecewise linear nor smooth.
    """
    expect_network(prefix)
    if k < 1 or not 0 < rtol < 1 or (budget is not None and budget <= 0):
        raise InputError(f"k must be at least 1, rtol in (0, 1) and budget positive, not {k}, {rtol} and {budget}.")
    begun = time.perf_counter()
    operator = jacobian_operator(prefix, at, relu)
    side = smaller_side(operator)
    k = min(k, side.rank)
    task = _Task(side, k, rtol, begun, math.inf if budget is None else begun + budget, seed)
    shown = resolve_progress(progress)
    floor = None
    if k == 0:
        largest, smallest, method = (), (), "no non-structural singular values"
    elif side.n <= DENSE_SIDE and 8 * side.n * max(operator.shape) <= DENSE_BYTES:
        largest, smallest, method = task.dense()
    else:
        largest = task.largest(shown)
        banded = not side.transposed and side.has_only_structural_zeros_left_out and k < side.n  # ARPACK's, all but one
        plan = band_plan(operator.network) if banded else None
        if plan is not None and task.has_time_for(plan):
            smallest, floor, method = task.smallest_by_band(plan, shown)
        else:
            smallest, method = task.smallest_by_lanczos(shown)
    return ExtremeSingularValues(
        layer=", ".join(prefix.outputs),
        shape=(operator.shape[0], operator.shape[1]),
        structural_rank=side.rank,
        largest=largest,
        smallest=smallest,
        floor=floor,
        method=method,
        n_products=operator.n_products,
        seconds=time.perf_counter() - begun,
    )


_Triplets = tuple[SingularTriplet, ...]


class _Task:
    """One Jacobian, and how much time there is for it."""

    def __init__(self, side: Side, k: int, rtol: float, begun: float, deadline: float, seed: int) -> None:
        self.side, self.k, self.rtol, self.seed = side, k, rtol, seed
        self.begun, self.deadline = begun, deadline

    @property
    def operator(self) -> JacobianOperator:
        return self.side.operator

    def dense(self) -> tuple[_Triplets, _Triplets, str]:
        """All of A by LAPACK, whose left vectors are kept: `A v / s` is one up to `eps sigma_1 / s` only."""
        side = self.side
        unit = torch.eye(side.n, dtype=torch.float64, device=self.operator.network.device)
        A = side.apply(unit).cpu().numpy()  # (n, rows of A): its transpose
        right, values, left = np.linalg.svd(A, full_matrices=False)
        known = np.arange(side.rank)
        both = []
        for end in (known[: self.k], known[::-1][: self.k]):
            u, v = (torch.from_numpy(part[end]).to(unit.device) for part in (left, right.T))
            both.append(self.measured(values[end].tolist(), u, v, Claim.COMPLETE))
        return both[0], both[1], f"LAPACK gesdd of a matrix with {side.n} columns"

    def largest(self, progress: Progress) -> _Triplets:
        """By block Lanczos; a fifth of the time left at most."""
        share = self.begun + (self.deadline - self.begun) / 5
        with progress.stage("largest singular values", self.side.n) as advance:
            found = search_end(
                self.side.gram,
                self.side.start(self.k + 2, self.seed),
                self.k,
                largest=True,
                rtol=self.rtol,
                deadline=share,
                advance=advance,
            )
        return self.triplets(found.vectors, largest=True, claim=Claim.AT_LEAST)

    def smallest_by_lanczos(self, progress: Progress) -> tuple[_Triplets, str]:
        """By block Lanczos, whatever is reached in time."""
        confined = not self.side.has_only_structural_zeros_left_out
        claim = Claim.NEAR if confined else Claim.AT_MOST
        with progress.stage("smallest singular values", self.side.n) as advance:
            found = search_end(
                self.side.gram,
                self.side.start(self.k + 2, self.seed),
                self.k,
                largest=False,
                rtol=self.rtol,
                deadline=self.deadline,
                advance=advance,
                ignore=NARROW**2 if confined else 0.0,
            )
        ended = "" if found.finished else ", stopped by the budget or by rounding"
        return self.triplets(found.vectors, largest=False, claim=claim), f"block Lanczos{ended}"

    def has_time_for(self, plan: BandPlan) -> bool:
        """Whether two factorisations and the probes will probably end before the deadline."""
        now = time.perf_counter()
        if self.deadline == math.inf:
            return True
        _ = self.operator @ np.ones((self.operator.shape[1], 2))
        each = (time.perf_counter() - now) / 2
        return now + each * plan.probes + 1.5 * plan.flops / _FLOPS < self.deadline

    def smallest_by_band(self, plan: BandPlan, progress: Progress) -> tuple[_Triplets, float | None, str]:
        """By ARPACK on the inverse of the Gram matrix, and a proof that nothing is far below."""
        with progress.stage("Jacobian by probes", plan.probes) as advance:
            rows = local_rows(self.operator, plan, advance)
        with progress.stage("inverse of the Gram matrix", 2) as advance:
            start = time.perf_counter()
            factor = band_factor(rows)
            taken = time.perf_counter() - start
            advance(1)
            square: Any = (plan.n, plan.n)
            inverse = LinearOperator(square, matvec=factor.solve, dtype=np.float64)  # pyright: ignore[reportCallIssue]
            begin = np.random.default_rng(self.seed).standard_normal(plan.n)
            try:
                _, vectors = eigsh(inverse, k=self.k, which="LA", v0=begin)
            except ArpackNoConvergence as stopped:  # its vectors so far are as good as any
                missing = self.k - stopped.eigenvectors.shape[1]
                others = np.random.default_rng(self.seed).standard_normal((plan.n, missing))
                vectors = np.hstack([others, stopped.eigenvectors])
            advance(1)
        found = torch.from_numpy(vectors.T[::-1].copy()).to(self.operator.network.device)
        smallest = self.refined(self.triplets(found, largest=False, claim=Claim.AT_MOST), factor)
        floor = None
        if factor.shift == 0 and time.perf_counter() + taken < self.deadline:
            with progress.stage("proof of a lower bound", 1) as advance:
                floor = proved_floor(rows, FLOOR * smallest[0].value)
                advance(1)
        method = (
            f"ARPACK on the inverse of J'J, a band of {plan.band} of {plan.n}, from {plan.probes} probes"
            f"{f', shifted by {factor.shift:.1e}' if factor.shift else ''}"
        )
        return smallest, floor, method

    def refined(self, smallest: _Triplets, factor: BandFactor) -> _Triplets:
        """Better vectors, by the inverse of the Gram matrix on residuals, which are not those of squares.

        `J v / s` is a left vector up to `eps sigma_1 / s` only, which J' makes large again; less `J (J'J)^-1 e`, with
        e = J'u - s v, it is one to the last digits. Where the right vectors are not good enough either, their
        corrections `(J'J)^-1 e` join them for another Rayleigh-Ritz step with J itself.
        """
        for _ in range(REFINEMENTS):
            if all(triplet.converged for triplet in smallest):
                break
            corrections = [
                factor.solve(self.operator.T @ triplet.left - triplet.value * triplet.right) for triplet in smallest
            ]
            turned = tuple(
                self._with_left(triplet, triplet.left - self.operator @ correction)
                for triplet, correction in zip(smallest, corrections, strict=True)
            )
            if all(triplet.converged for triplet in turned):
                return turned
            lengths = [np.linalg.norm(correction) for correction in corrections]
            units = [part / length for part, length in zip(corrections, lengths, strict=True) if length > 0]
            both = np.array([triplet.right for triplet in smallest] + units)
            on_device = torch.from_numpy(both).to(self.operator.network.device)
            smallest = self.triplets(on_device, largest=False, claim=Claim.AT_MOST)[: self.k]
        return smallest

    def _with_left(self, triplet: SingularTriplet, left: np.ndarray) -> SingularTriplet:
        """The triplet with another left vector, where that makes the larger of its residuals smaller."""
        u, s, v = left / np.linalg.norm(left), triplet.value, triplet.right
        first = float(np.linalg.norm(self.operator.T @ u - s * v))
        second = float(np.linalg.norm(self.operator @ v - s * u))
        if max(first, second) >= max(triplet.left_residual, triplet.right_residual):
            return triplet
        converged = max(first, second) <= self.rtol * s
        return replace(triplet, left=u, left_residual=first, right_residual=second, converged=converged)

    def triplets(self, vectors: Tensor, *, largest: bool, claim: Claim) -> _Triplets:
        """Rayleigh-Ritz with A itself on the span of some vectors (rows), which squares nothing, and residuals."""
        basis = torch.linalg.qr(vectors.T).Q
        image = self.side.apply(basis.T.contiguous())
        U, s, Vt = torch.linalg.svd(image.T, full_matrices=False)
        ends = torch.arange(len(s)) if largest else torch.arange(len(s) - 1, -1, -1)
        left, right = U.T[ends], (Vt @ basis.T)[ends]
        return self.measured(s[ends].tolist(), left, right, claim)

    def measured(self, values: Sequence[float], left: Tensor, right: Tensor, claim: Claim) -> _Triplets:
        """Values with unit vectors of A (rows) as triplets of J, and their residuals by products with A."""
        onto, back = self.side.apply(right), self.side.adjoint(left)
        found = []
        for i, value in enumerate(values):
            first = float((onto[i] - value * left[i]).norm())
            second = float((back[i] - value * right[i]).norm())
            u, v = left[i], right[i]
            if self.side.transposed:
                u, v, first, second = self._whole(v), u, second, first
            found.append(
                SingularTriplet(
                    value=value,
                    left=u.cpu().numpy(),
                    right=v.cpu().numpy(),
                    left_residual=second,
                    right_residual=first,
                    claim=claim,
                    converged=max(first, second) <= self.rtol * value,
                )
            )
        return tuple(found)

    def _whole(self, live: Tensor) -> Tensor:
        return live.new_zeros(self.operator.shape[0]).index_copy_(0, self.side.live, live)
