"""Everything that is found in a model, whether it can be read or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from unrelu.errors import UnknownNode
from unrelu.intake.draft import Draft, Signal
from unrelu.intake.unread_node import UnreadNode
from unrelu.network.graph import Network
from unrelu.network.source import Source


@dataclass(frozen=True, eq=False)
class Survey:
    """What was read of a model and what was not.

    Attributes:
        network: all nodes that were read. Its outputs are those of the model, and every node that nothing which was
            read takes. It is not compared with the model yet.
        unread: the nodes that were not read, in the model's order.
        n_outputs: how many outputs the model has.
        values: other names that values go by, those of an ONNX file's tensors, and the nodes that they are of.
    """

    network: Network
    unread: tuple[UnreadNode, ...]
    n_outputs: int
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """The node that the model can be read up to: its output if all is read, else the one with most before it."""
        if not self.unread and len(self.network.outputs) == 1:
            return self.network.outputs[0]
        # of equally long prefixes the last one
        sizes = [(len(self.network.ancestors([node.name])), k) for k, node in enumerate(self.network.nodes)]
        return self.network.nodes[max(sizes)[1]].name

    def upto(self, name: str) -> Survey:
        """The part that ends in a node, or in the one with that value; all of it if that is one that was not read.

        Raises:
            UnknownNode: if there is no such node.
        """
        names = [node.name for node in self.network.nodes]
        known = name if name in names else self.values.get(name)
        if known in names:
            return Survey(self.network.upto(known), (), 1)
        if name in (node.name for node in self.unread):
            return self
        raise UnknownNode(f"there is no node {name!r} to read the model up to; it has {', '.join(names)}.")


def survey_of(
    draft: Draft,
    known: Iterable[Signal],
    exits: Iterable[Signal],
    unread: Iterable[UnreadNode],
    source: Callable[[set[str]], Source],
    n_outputs: int,
    values: Mapping[str, str] | None = None,
) -> Survey:
    """Put together what an intake has read.

    Args:
        draft: all nodes that were written, also those of an operator that was refused halfway.
        known: the values that were read.
        exits: those of them that are outputs of the model.
        unread: what was not.
        source: the model, able to compute the nodes of these names.
        n_outputs: of the model.
        values: other names of values.
    """
    outputs = [signal.node for signal in exits]
    names = {signal.node for signal in known} | {draft.nodes[0].name}
    kept = set().union(*(draft.needed(Signal(name, ())) for name in names))
    nodes = tuple(node for node in draft.nodes if node.name in kept)
    taken = {name for node in nodes for name in node.inputs}
    ends = [node.name for node in nodes if node.name not in taken and node.name not in outputs]
    return Survey(
        Network(nodes, (*dict.fromkeys(outputs), *ends), source(kept)), tuple(unread), n_outputs, values or {}
    )
