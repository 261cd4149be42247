"""The sum and the difference of two nodes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import sparse
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch
    from unrelu.rigor.matrices import SparseRows


@dataclass(frozen=True, eq=False)
class _Pairwise(AffineOperator):
    @property
    def roundings(self) -> int:
        """The one addition."""
        return 1

    @property
    def exact_on_units(self) -> bool:
        """Exact for unit vectors, but not for what they become on their way through other nodes."""
        return False

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape."""
        first, second = shapes
        if first != second:
            raise ShapeError(f"samples of shapes {first} and {second} cannot be added.")
        return first

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The same on the common extent."""
        return self.linear(*(patch.widened(extent) for patch in operands))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """To both, with their signs."""
        return [cotangents, cotangents if self.sign == 1 else -cotangents]

    @property
    @abstractmethod
    def sign(self) -> float:
        """Of the second operand."""

    def matrix(self, shapes: Sequence[Shape]) -> SparseRows:
        """The same place of both."""
        units = sparse.csr_array(sparse.eye_array(math.prod(shapes[0])))
        return sparse.csr_array(sparse.hstack([units, self.sign * units], format="csr"))


@dataclass(frozen=True, eq=False)
class Add(_Pairwise):
    """`(x, y) -> x + y` for two samples of the same shape."""

    @property
    def sign(self) -> float:
        """Plus."""
        return 1.0

    def linear(self, *inputs: Tensor) -> Tensor:
        """The sums."""
        return inputs[0] + inputs[1]


@dataclass(frozen=True, eq=False)
class Subtract(_Pairwise):
    """`(x, y) -> x - y` for two samples of the same shape."""

    @property
    def sign(self) -> float:
        """Minus."""
        return -1.0

    def linear(self, *inputs: Tensor) -> Tensor:
        """The differences."""
        return inputs[0] - inputs[1]

    def absolute(self) -> Add:
        """`(x, y) -> x + y`."""
        return Add()
