"""One ReLU layer: an affine map and a ReLU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.errors import ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.operators import Shape


@dataclass(frozen=True, eq=False)
class ReLULayer:
    """`f(x) = ReLU(A x + b)`, on inputs flattened in C order.

    Attributes:
        weight: A, (m, d) float64, read-only.
        bias: b, (m,) float64, read-only.
        name: the ReLU's name in its network, or "".
        input_shape: sample shape of x; its size is d.
        output_shape: sample shape of f(x); its size is m.
        folding_error: every number of A and b differs by at most this from the exact composition of the
            affine nodes it was folded from; 0 where nothing was rounded.
    """

    weight: np.ndarray
    bias: np.ndarray
    name: str = ""
    input_shape: Shape = ()
    output_shape: Shape = ()
    folding_error: float = 0.0

    def __init__(
        self,
        weight: Array,
        bias: Array,
        *,
        name: str = "",
        input_shape: Shape | None = None,
        output_shape: Shape | None = None,
        folding_error: float = 0.0,
    ) -> None:
        """Make a layer straight from arrays.

        Args:
            weight: A, (m, d), any float dtype.
            bias: b, (m,), any float dtype.
            name: what to call the layer.
            input_shape: sample shape of the input; (d,) by default.
            output_shape: sample shape of the output; (m,) by default.
            folding_error: see the class.

        Raises:
            InputError: if the arrays are not real and finite, or do not fit together.
        """
        A = as_numpy(weight, "the weight of the layer")
        b = as_numpy(bias, "the bias of the layer")
        if A.ndim != 2 or 0 in A.shape or b.shape != A.shape[:1]:
            raise ShapeError(f"a layer needs a weight (m, d) and a bias (m,), not {A.shape} and {b.shape}.")
        input_shape = (A.shape[1],) if input_shape is None else tuple(input_shape)
        output_shape = (A.shape[0],) if output_shape is None else tuple(output_shape)
        if (math.prod(output_shape), math.prod(input_shape)) != A.shape:
            raise ShapeError(f"shapes {input_shape} and {output_shape} do not fit a weight of shape {A.shape}.")
        A.flags.writeable = False
        b.flags.writeable = False
        for key, value in {
            "weight": A,
            "bias": b,
            "name": name,
            "input_shape": input_shape,
            "output_shape": output_shape,
            "folding_error": float(folding_error),
        }.items():
            object.__setattr__(self, key, value)

    @property
    def n_inputs(self) -> int:
        """d, the number of input coordinates."""
        return self.weight.shape[1]

    @property
    def n_outputs(self) -> int:
        """m, the number of features."""
        return self.weight.shape[0]
