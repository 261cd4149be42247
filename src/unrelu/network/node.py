"""A node of the graph."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Operator, Shape
from unrelu.operators.kinked import Kinked
from unrelu.operators.piecewise_linear import PiecewiseLinear


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
        return isinstance(self.operator, AffineOperator)

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether the operator is piecewise linear, and not affine."""
        return isinstance(self.operator, PiecewiseLinear)

    @property
    def is_layer(self) -> bool:
        """Whether the operator is a piecewise linear function of one number, elementwise: a ReLU, or one like it."""
        return isinstance(self.operator, PiecewiseLinear) and self.operator.is_elementwise

    @property
    def affine(self) -> AffineOperator:
        """The operator, which is affine.

        Raises:
            TypeError: if it is not.
        """
        if not isinstance(self.operator, AffineOperator):
            raise TypeError(f"node {self.name!r} is not affine")
        return self.operator

    @property
    def piecewise(self) -> PiecewiseLinear:
        """The operator, which is piecewise linear.

        Raises:
            TypeError: if it is not.
        """
        if not isinstance(self.operator, PiecewiseLinear):
            raise TypeError(f"node {self.name!r} is not piecewise linear")
        return self.operator

    @property
    def kinked(self) -> Kinked:
        """The operator, which is a piecewise linear function of one number.

        Raises:
            TypeError: if it is not.
        """
        if not isinstance(self.operator, Kinked):
            raise TypeError(f"node {self.name!r} is not a function of one number")
        return self.operator
