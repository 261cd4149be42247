"""One node of a model that was checked."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.checking.node_kind import NodeKind
from unrelu.network.node_deviation import NodeDeviation
from unrelu.operators import Shape


@dataclass(frozen=True)
class NodeCheck:
    """One node.

    Attributes:
        name: of the node, as `upto` takes it.
        operator: what it computes: the operator that it was read as, or in the model's own words where it was not read.
        kind: affine, piecewise linear, smooth, refused, or behind a node that is.
        inputs: names of the nodes that it takes.
        input_shapes: their sample shapes; None where the model does not tell.
        output_shape: sample shape of its result; None where the model does not tell.
        parameters: how many numbers its weights have; None where it was not read.
        why: why it is refused, or what it is behind; "" where it was read.
        deviation: how far its value is from the model's own; None where the model does not compute it by itself, or
            there is no model to compare with.
    """

    name: str
    operator: str
    kind: NodeKind
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape | None, ...]
    output_shape: Shape | None
    parameters: int | None
    why: str
    deviation: NodeDeviation | None

    @property
    def is_read(self) -> bool:
        """Whether it was read."""
        return self.kind not in (NodeKind.REFUSED, NodeKind.BEHIND)
