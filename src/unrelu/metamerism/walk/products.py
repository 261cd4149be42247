"""Products with the linearised outputs at a point of a walk, which need no matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator

from unrelu.stability.operator import JacobianOperator
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement


class Products:
    """The Jacobian J (m, d) of the outputs at a point, in the walk's units, by passes in both directions.

    In float32 where a walk's rows are (`WalkStatement.rough`), unless they shall be exact.
    """

    def __init__(self, statement: WalkStatement, u: np.ndarray, *, exact: bool = False) -> None:
        """Those at a point (d,)."""
        rough = None if exact else statement.rough
        network = rough or statement.network
        x = statement.input(u).reshape(network.input_shape)
        pattern = activation_pattern(statement.network, x)
        self._single = rough is not None
        self._of = JacobianOperator(network, pattern.single(network.device) if self._single else pattern)
        self._unit = statement.unit

    def forward(self, v: np.ndarray) -> np.ndarray:
        """`J v`: (d,) -> (m,)."""
        return self._unit * self._out(self._of.products(self._in(v)))

    def back(self, w: np.ndarray) -> np.ndarray:
        """`J' w`: (m,) -> (d,)."""
        return self._unit * self._out(self._of.adjoint_products(self._in(w)))

    def part(self, counted: np.ndarray, free: np.ndarray) -> LinearOperator:
        """The same as an operator, of some outputs (m,) and as some coordinates (d,) move, bool; 0 elsewhere."""
        return _Part(self, counted, free)

    def _in(self, v: np.ndarray) -> torch.Tensor:
        dtype = torch.float32 if self._single else torch.float64
        return torch.from_numpy(v[None]).to(self._of.network.device, dtype)

    @staticmethod
    def _out(values: torch.Tensor) -> np.ndarray:
        return values[0].cpu().numpy().astype(np.float64)


class _Part(LinearOperator):
    def __init__(self, products: Products, counted: np.ndarray, free: np.ndarray) -> None:
        super().__init__(np.dtype(np.float64), (counted.size, free.size))
        self._products, self._counted, self._free = products, counted, free

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return np.where(self._counted, self._products.forward(np.where(self._free, x.reshape(-1), 0.0)), 0.0)

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return np.where(self._free, self._products.back(np.where(self._counted, x.reshape(-1), 0.0)), 0.0)
