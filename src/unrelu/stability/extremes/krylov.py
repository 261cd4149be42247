"""Eigenvectors at one end of a large Gram matrix by block Lanczos, as far as time allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

BASIS_BYTES = 2**31
"""Memory for the basis and its products, together."""

BASIS_VECTORS = 600
"""Vectors in a basis, at most: with more, orthogonalising and the small eigenproblem would cost more than products."""

PATIENCE = 100
"""Steps without any progress above rounding after which a search ends."""

_EPSILON = float(np.finfo(np.float64).eps)

_ROUNDING = 16 * _EPSILON  # of the largest eigenvalue: residuals cannot be told from it


@dataclass(frozen=True, eq=False)
class EndVectors:
    """What a search found.

    Attributes:
        vectors: (k, n) orthonormal rows, the end's own first.
        finished: whether their residuals are as small as asked, or as rounding allows.
    """

    vectors: Tensor
    finished: bool


def search_end(
    gram: Callable[[Tensor], Tensor],
    start: Tensor,
    k: int,
    *,
    largest: bool,
    rtol: float,
    deadline: float,
    advance: Callable[[int], None],
    ignore: float = 0.0,
) -> EndVectors:
    """The k outermost eigenvectors of a symmetric positive semidefinite operator G.

    Block Lanczos with full reorthogonalisation (twice) and thick restarts (Wu and Simon, 2000), in the form of a
    Rayleigh-Ritz search: the basis grows by the residuals of the wanted Ritz vectors.

    Args:
        gram: `G v` for each row of a block (b, n).
        start: (b, n), b at least k; where fewer than k rows are linearly independent, they span the range of G.
        k: how many, at most n.
        largest: which end.
        rtol: residuals `||G v - t v||` up to `rtol * t` are small enough.
        deadline: of `time.perf_counter`; the best so far is returned then.
        advance: told the number of products.
        ignore: eigenvalues up to this part of the largest are passed over, zeros of G that rounding let in, as long as
            there are k others.

    Returns:
        Always k vectors: where G has fewer eigenvalues that are not 0, some of zeros.
    """
    n = start.shape[1]
    room = max(4 * len(start), min(BASIS_VECTORS, BASIS_BYTES // (16 * n), n))
    generator = torch.Generator().manual_seed(0)
    V = _orthonormal(start, start.new_zeros(0, n))
    if len(V) < k:  # what the range of G has no room for is an eigenvector of a zero, as any vector beside it is
        noise = torch.randn(k, n, dtype=torch.float64, generator=generator).to(V.device)
        V = torch.cat([V, _orthonormal(noise, V)[: k - len(V)]])
    W = gram(V)
    advance(len(V))
    H = W @ V.T
    patience = _Patience()
    while True:
        values, Y = torch.linalg.eigh((H + H.T) / 2)
        order = torch.arange(len(values) - 1, -1, -1) if largest else torch.arange(len(values))
        order = order.to(V.device)
        passed = int((values <= ignore * values[-1]).sum()) if ignore else 0
        enough = passed + k <= len(order)
        pick = order[passed:][:k] if enough else order[-k:]
        X = Y[:, pick].T @ V
        R = Y[:, pick].T @ W - values[pick, None] * X
        residuals, scale = R.norm(dim=1), float(values[-1])
        small = residuals <= torch.clamp(rtol * values[pick], min=_ROUNDING * scale)
        finished = len(V) >= n or (enough and bool(small.all()))
        stuck = patience.at_an_end(float(values[pick].sum()), float(residuals.sum()), 8 * _EPSILON * scale)
        if finished or stuck or time.perf_counter() > deadline:
            return EndVectors(X, finished)
        fresh = _orthonormal(R[~small], V)
        if not len(fresh):
            noise = torch.randn(k, n, dtype=torch.float64, generator=generator).to(V.device)
            fresh = _orthonormal(gram(noise), V)
            if not len(fresh):  # all of the operator's range is in the basis
                return EndVectors(X, True)
        if len(V) + len(fresh) > room:
            kept = order[: max(k + 2, room // 2)]
            V, W, H = Y[:, kept].T @ V, Y[:, kept].T @ W, torch.diag(values[kept])
        image = gram(fresh)
        advance(len(fresh))
        cross = V @ image.T
        H = torch.cat([torch.cat([H, cross], dim=1), torch.cat([cross.T, fresh @ image.T], dim=1)])
        V, W = torch.cat([V, fresh]), torch.cat([W, image])


@dataclass(eq=False)
class _Patience:
    """Sees when rounding keeps a search from getting any further."""

    best: float = math.inf
    value: float = math.inf
    waited: int = 0

    def at_an_end(self, value: float, residual: float, rounding: float) -> bool:
        """Whether for long neither the Ritz values moved by more than rounding nor the residuals fell by half."""
        if abs(value - self.value) > rounding or residual < self.best / 2:
            self.best, self.value, self.waited = min(residual, self.best), value, 0
            return False
        self.waited += 1
        return self.waited >= PATIENCE


def _orthonormal(block: Tensor, basis: Tensor) -> Tensor:
    """Rows that span what a block adds to an orthonormal basis."""
    block = block[block.norm(dim=1) > 0]
    for _ in range(2):
        block = block / block.norm(dim=1, keepdim=True)
        block = block - (block @ basis.T) @ basis
        if not len(block):
            return block
        # of nearly dependent rows only the independent part, in the order of its size
        Q, R = torch.linalg.qr(block.T)
        block = Q.T[R.diagonal().abs() > 1e-10]
    return block - (block @ basis.T) @ basis if len(block) else block
