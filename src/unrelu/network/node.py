"""A node of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from unrelu.errors import UnsupportedOperator

if TYPE_CHECKING:
    from unrelu.operators.affine import AffineOperator
    from unrelu.operators.base import Operator, Shape
    from unrelu.operators.kinked import Kinked
    from unrelu.operators.piecewise_linear import PiecewiseLinear
    from unrelu.operators.smooth import Smooth


@dataclass(frozen=True, eq=False)
class Node:
    """One operator in its place.

    Attributes:
        name: unique in the network: the module path, with "#2" for a second call.
        operator: what it computes.
        inputs: names of the nodes it takes, in order.
        shape: sample shape of its result, without a batch axis.
    """

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def is_affine(self) -> bool:
        """Whether the operator is affine."""
        return self.operator.is_affine

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether the operator is piecewise linear, and not affine."""
        return self.operator.is_piecewise_linear

    @property
    def is_smooth(self) -> bool:
        """Whether the operator is smooth: linear at a point only."""
        return self.operator.is_smooth

    @property
    def is_layer(self) -> bool:
        """Whether the operator is a piecewise linear function of one number, elementwise: a ReLU, or one like it."""
        return self.operator.is_elementwise

    @property
    def affine(self) -> AffineOperator:
        """The operator, which is affine.

        Raises:
            UnsupportedOperator: if it is not.
        """
        if not self.is_affine:
            raise self._other("affine")
        return cast("AffineOperator", self.operator)

    @property
    def piecewise(self) -> PiecewiseLinear:
        """The operator, which is piecewise linear.

        Raises:
            UnsupportedOperator: if it is not.
        """
        if not self.is_piecewise_linear:
            raise self._other("piecewise linear")
        return cast("PiecewiseLinear", self.operator)

    @property
    def kinked(self) -> Kinked:
        """The operator, which is a piecewise linear function of one number.

        Raises:
            UnsupportedOperator: if it is not.
        """
        if not self.is_layer:
            raise self._other("a piecewise linear function of one number")
        return cast("Kinked", self.operator)

    @property
    def smooth(self) -> Smooth:
        """The operator, which is smooth.

        Raises:
            UnsupportedOperator: if it is not.
        """
        if not self.is_smooth:
            raise self._other("smooth")
        return cast("Smooth", self.operator)

    def _other(self, wanted: str) -> UnsupportedOperator:
        kind = type(self.operator).__name__
        if self.is_smooth:
            return UnsupportedOperator(
                f"node {self.name!r} ({kind}) is smooth, so it is linear on no region: there are no linear regions, "
                "preimages or paths through it; ask about a prefix that ends before it, or about a layer "
                "behind it on its own input (net.layer)."
            )
        return UnsupportedOperator(
            f"node {self.name!r} ({kind}) is not {wanted}; ask about a prefix that ends before it."
        )
