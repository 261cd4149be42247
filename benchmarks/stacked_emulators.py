"""The emulators of some lines as plain NumPy, many inputs at once: a forward model that slows no method down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from benchmarks.emulators import Affine

ROWS = 64
"""Inputs that are multiplied through together: what lies between two layers stays in the processor's cache."""


def _array(values: Tensor) -> np.ndarray:
    return values.detach().numpy()


class StackedEmulators:
    """Networks of the same layers behind one another in arrays, on inputs scaled to the unit box.

    Attributes:
        evaluations: at how many inputs the networks were evaluated so far.
        jacobians: at how many their Jacobian was.
        boxes: on how many boxes they were bounded.
    """

    def __init__(self, modules: Sequence[nn.Sequential], lower: np.ndarray, upper: np.ndarray) -> None:
        weights: list[list[np.ndarray]] = []
        biases: list[list[np.ndarray]] = []
        for module in modules:
            first, last = module[0], module[-1]
            assert isinstance(first, Affine)
            assert isinstance(last, Affine)
            linear = [each for each in module if isinstance(each, nn.Linear)]
            W, b = ([_array(each.weight) for each in linear], [_array(each.bias) for each in linear])
            scale, shift = _array(first.scale) * (upper - lower), _array(first.shift) + _array(first.scale) * lower
            W[0], b[0] = W[0] * scale, b[0] + W[0] @ shift
            W[-1], b[-1] = W[-1] * _array(last.scale)[:, None], b[-1] * _array(last.scale) + _array(last.shift)
            weights.append(W)
            biases.append(b)
        self._weights = [np.stack(each) for each in zip(*weights, strict=True)]
        self._biases = [np.stack(each)[:, None, :] for each in zip(*biases, strict=True)]
        self._columns = [np.ascontiguousarray(W.transpose(0, 2, 1)) for W in self._weights]
        self._sizes = [np.abs(W) for W in self._columns]
        self.evaluations = self.jacobians = self.boxes = 0

    def values(self, v: np.ndarray) -> np.ndarray:
        """(n, d) of the unit box -> (n, m)."""
        self.evaluations += len(v)
        return np.concatenate([self._values(v[k : k + ROWS]) for k in range(0, len(v), ROWS)])

    def _values(self, v: np.ndarray) -> np.ndarray:
        h = v
        for W, b in zip(self._columns[:-1], self._biases[:-1], strict=True):
            h = np.maximum(h @ W + b, 0.0)
        return (h @ self._columns[-1] + self._biases[-1])[:, :, 0].T

    def jacobian(self, v: np.ndarray) -> np.ndarray:
        """(d,) -> (m, d)."""
        self.jacobians += 1
        h, J = v[None], np.eye(len(v))
        for W, columns, b in zip(self._weights[:-1], self._columns[:-1], self._biases[:-1], strict=True):
            before = h @ columns + b
            h, J = np.maximum(before, 0.0), (W @ J) * (before > 0)[:, 0, :, None]
        return (self._weights[-1] @ J)[:, 0]

    def bounds(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which ends the values on boxes (n, d) lie, (n, m) each, by interval arithmetic, layer by layer.

        Rounding errors are not added.
        """
        self.boxes += len(lower)
        parts = [self._bounds(lower[k : k + ROWS], upper[k : k + ROWS]) for k in range(0, len(lower), ROWS)]
        return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])

    def _bounds(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = lower, upper
        for k, (W, sizes, b) in enumerate(zip(self._columns, self._sizes, self._biases, strict=True)):
            middle, radius = (low + high) / 2 @ W + b, (high - low) / 2 @ sizes
            low, high = middle - radius, middle + radius
            if k + 1 < len(self._columns):
                low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
        return low[:, :, 0].T, high[:, :, 0].T
