"""A node of the graph."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.operators import AffineOperator, MaxPool, Operator, ReLU, Shape


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
    def is_relu(self) -> bool:
        """Whether the operator is a ReLU."""
        return isinstance(self.operator, ReLU)

    @property
    def is_max_pool(self) -> bool:
        """Whether the operator is a max pooling."""
        return isinstance(self.operator, MaxPool)
