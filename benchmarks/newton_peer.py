"""What a local method finds when it is started everywhere: Levenberg-Marquardt from thousands of points at once.

A network is piecewise linear, so that Newton's step is exact as soon as it stays on its piece. Inputs are scaled to the
unit box and outputs by their ranges; a coordinate at an end of the box that wants to go further out is held there for
the step, and the step is cut off at the box.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

import unrelu as ur
from benchmarks.peer_solutions import PeerSolutions, distinct

SOLVED = 1e-10
"""Largest residual of a solution, in units of the outputs' ranges."""


def newton_solutions(
    network: ur.Network,
    measured: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    starts: int = 4000,
    steps: int = 100,
    seed: int = 0,
) -> PeerSolutions:
    """The different solutions that are found from uniformly random starts.

    Args:
        network: F, of inputs (d,).
        measured: (m,) y.
        lower: (d,) of the box.
        upper: (d,) the same as the lower one where an input is known.
        starts: how many.
        steps: at most, each a forward pass and m backward ones.
        seed: of the starts.
    """
    begin = time.perf_counter()
    search = NewtonSearch(network, measured, lower, upper)
    v, found = search.descend(torch.from_numpy(np.random.default_rng(seed).random((starts, search.n_free))), steps)
    solved = torch.nonzero(found <= SOLVED)[:, 0]
    points, sizes = search.points(v[solved]).numpy(), found[solved].numpy()
    kept = distinct(points, sizes, lower, upper)
    return PeerSolutions(
        method="multi-start Levenberg-Marquardt",
        points=points[kept],
        residuals=sizes[kept],
        seconds=time.perf_counter() - begin,
        finished=True,
        claims_all=False,
        seconds_to_each=(),
        runs=starts,
    )


def _step(v: Tensor, residual: Tensor, J: Tensor, damping: Tensor) -> Tensor:
    """`-(J'J + damping diag)^-1 J'r` in the coordinates that are not held at an end of the box."""
    gradient = torch.einsum("nij,ni->nj", J, residual)
    held = ((v <= 0) & (gradient > 0)) | ((v >= 1) & (gradient < 0))
    A = torch.where(held[:, None, :], 0.0, J)
    normal = A.transpose(1, 2) @ A
    size = torch.diagonal(normal, dim1=1, dim2=2)
    extra = damping[:, None] * size.clamp(min=1e-12) + held.double()
    step = torch.linalg.solve(normal + torch.diag_embed(extra), -torch.where(held, 0.0, gradient)[..., None])[..., 0]
    # Squaring the condition loses digits of the step, which the next step finds in the residual.
    return torch.where(held, 0.0, step)


class NewtonSearch:
    """The problem in the unit box of the free inputs, outputs in units of their ranges over a thousand inputs."""

    def __init__(self, network: ur.Network, measured: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
        self.network = network
        self.free = torch.from_numpy(np.flatnonzero(upper > lower))
        self.lower, self.width = torch.from_numpy(lower), torch.from_numpy(upper - lower)
        self.y = torch.from_numpy(np.asarray(measured, dtype=np.float64))
        sample = self.points(torch.from_numpy(np.random.default_rng(0).random((1000, len(self.free)))))
        values = self._forward(sample)
        self.range = values.amax(dim=0) - values.amin(dim=0)
        self.range[self.range == 0] = 1.0

    @property
    def n_free(self) -> int:
        """How many inputs are not known."""
        return len(self.free)

    def descend(self, v: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Where starts (n, free) end, and the largest residual of each, (n,)."""
        residual, J = self.residuals(v)
        damping = torch.full((len(v),), 1e-3, dtype=torch.float64)
        going = torch.arange(len(v))
        for _ in range(steps):
            going = going[(residual[going].abs().amax(dim=1) > SOLVED / 100) & (damping[going] < 1e8)]
            if not len(going):
                break
            at, r, slopes, lam = v[going], residual[going], J[going], damping[going]
            moved = (at + _step(at, r, slopes, lam)).clamp(0.0, 1.0)
            new_r, new_J = self.residuals(moved)
            better = (new_r**2).sum(dim=1) < (r**2).sum(dim=1)
            took = going[better]
            v[took], residual[took], J[took] = moved[better], new_r[better], new_J[better]
            damping[going] = torch.where(better, (lam / 10).clamp(min=1e-16), lam * 10)
        return v, residual.abs().amax(dim=1)

    def points(self, v: Tensor) -> Tensor:
        """(n, free) -> (n, d)."""
        x = self.lower.expand(len(v), -1).clone()
        x[:, self.free] += self.width[self.free] * v
        return torch.minimum(x, self.lower + self.width)

    def residuals(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """`F(x) - y` in units of the ranges (n, m), and its Jacobian (n, m, free)."""
        points = self.points(v).requires_grad_()
        values = (self._forward(points) - self.y) / self.range
        rows = [
            torch.autograd.grad(values[:, k].sum(), points, retain_graph=k + 1 < values.shape[1])[0]
            for k in range(values.shape[1])
        ]
        J = torch.stack(rows, dim=1)[:, :, self.free] * self.width[self.free]
        return values.detach(), J

    def _forward(self, x: Tensor) -> Tensor:
        values = self.network.values(x, self.network.outputs)
        return torch.cat([values[name].flatten(1) for name in self.network.outputs], dim=1)
