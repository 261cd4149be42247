"""One layer: an affine map and a ReLU, or another piecewise linear function of each number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from unrelu.errors import InputError, ShapeError, TooLarge
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array, as_numpy, as_sparse
from unrelu.network.units import Units
from unrelu.operators import ReLU, Shape
from unrelu.operators.kinked import Kinked
from unrelu.rigor.matrices import SparseRows

DENSE_LIMIT = 4 * 2**30
"""Bytes that the matrix of one layer may take when it is stored whole."""


@dataclass(frozen=True, eq=False)
class ReLULayer(FrozenArrays):
    """`f(x) = ReLU(A x + b)`, or another activation in place of the ReLU, on inputs flattened in C order.

    Attributes:
        weight: A, (m, d) float64, read-only: a NumPy array, or a SciPy `csr_array` where few of its numbers are other
            than zero, as those of a large convolution are.
        bias: b, (m,) float64, read-only.
        name: the ReLU's name in its network, or "".
        input_shape: sample shape of x; its size is d.
        output_shape: sample shape of f(x); its size is m.
        folding_error: every number of A and b differs by at most this from the exact composition of the
            affine nodes it was folded from; 0 where nothing was rounded.
        activation: a piecewise linear function of one number, applied to each: an operator such as `ReLU()`,
            `LeakyReLU(slope)` or `Clamp(lower, upper)` of `unrelu.operators`.
    """

    weight: np.ndarray | SparseRows
    bias: np.ndarray
    name: str = ""
    input_shape: Shape = ()
    output_shape: Shape = ()
    folding_error: float = 0.0
    activation: Kinked = field(default_factory=ReLU)

    def __init__(
        self,
        weight: Array | SparseRows,
        bias: Array,
        *,
        name: str = "",
        input_shape: Shape | None = None,
        output_shape: Shape | None = None,
        folding_error: float = 0.0,
        activation: Kinked | None = None,
    ) -> None:
        """Make a layer straight from arrays.

        Args:
            weight: A, (m, d), any float dtype; dense, or any SciPy sparse array, which is kept as a `csr_array`.
            bias: b, (m,), any float dtype.
            name: what to call the layer.
            input_shape: sample shape of the input; (d,) by default.
            output_shape: sample shape of the output; (m,) by default.
            folding_error: see the class.
            activation: see the class; the ReLU by default. Its numbers broadcast to the sample shape of the output.

        Raises:
            InputError: if the arrays are not real and finite, or do not fit together, or the activation is no
                continuous piecewise linear function of one number.
        """
        activation = ReLU() if activation is None else activation
        if not isinstance(activation, Kinked):
            raise InputError(
                "the activation of a layer is a piecewise linear operator of unrelu.operators, such as ReLU() or "
                f"LeakyReLU(slope), not {type(activation).__name__}."
            )
        what = "the weight of the layer"
        A = as_sparse(weight, what) if sparse.issparse(weight) else as_numpy(weight, what)
        b = as_numpy(bias, "the bias of the layer")
        if A.ndim != 2 or 0 in A.shape or b.shape != A.shape[:1]:
            raise ShapeError(f"a layer needs a weight (m, d) and a bias (m,), not {A.shape} and {b.shape}.")
        input_shape = (A.shape[1],) if input_shape is None else tuple(input_shape)
        output_shape = (A.shape[0],) if output_shape is None else tuple(output_shape)
        if (math.prod(output_shape), math.prod(input_shape)) != A.shape:
            raise ShapeError(f"shapes {input_shape} and {output_shape} do not fit a weight of shape {A.shape}.")
        activation.output_shape(output_shape)
        freeze((A, b))
        for key, value in {
            "weight": A,
            "bias": b,
            "name": name,
            "input_shape": input_shape,
            "output_shape": output_shape,
            "folding_error": float(folding_error),
            "activation": activation,
        }.items():
            object.__setattr__(self, key, value)
        if not activation.is_rectifier:
            _ = self.units  # which refuses what is no such function

    def __repr__(self) -> str:
        """A line with the name and the sizes."""
        name = f"{self.name!r}: " if self.name else ""
        other = "" if self.is_rectifier else f", {type(self.activation).__name__}"
        return f"ReLULayer({name}{self.n_outputs} features of {self.n_inputs} inputs{other})"

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`f(x)` in float64: (n, d) -> (n, m)."""
        return self.units.values(x @ self.weight.T + self.bias)

    @property
    def is_rectifier(self) -> bool:
        """Whether the activation is the ReLU itself."""
        return self.activation.is_rectifier

    @cached_property
    def units(self) -> Units:
        """The activation of each feature."""
        return Units.of(self.activation, self.output_shape)

    def expect_relu(self, what: str) -> None:
        """Refuse a layer with another activation.

        Args:
            what: the question that is about ReLUs only, as the beginning of a sentence.

        Raises:
            InputError: if the activation is not the ReLU.
        """
        if not self.is_rectifier:
            raise InputError(f"{what} is about ReLU layers, and this one has a {type(self.activation).__name__}.")

    @property
    def n_inputs(self) -> int:
        """d, the number of input coordinates."""
        return self.weight.shape[1]

    @property
    def n_outputs(self) -> int:
        """m, the number of features."""
        return self.weight.shape[0]

    @property
    def is_sparse(self) -> bool:
        """Whether `weight` is a sparse array."""
        return not isinstance(self.weight, np.ndarray)

    @property
    def dense_weight(self) -> np.ndarray:
        """A, (m, d), as a NumPy array; of a sparse layer it is made anew each time.

        Raises:
            TooLarge: if it would take more than `DENSE_LIMIT` bytes.
        """
        if isinstance(self.weight, np.ndarray):
            return self.weight
        m, d = self.weight.shape
        if 8 * m * d > DENSE_LIMIT:
            raise TooLarge(
                f"this needs the sparse layer {self.name!r} as a dense matrix of {m} x {d}, which would take "
                f"{8 * d * m / 2**30:.1f} GiB (limit {DENSE_LIMIT / 2**30:.0f} GiB); ask about a window of the input "
                "or a smaller layer."
            )
        return self.weight.toarray()
