"""Several networks of one input as one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from unrelu.errors import InputError, ShapeError, UnknownNode
from unrelu.network.expected import expect_network
from unrelu.network.graph import INPUT, Network
from unrelu.network.node import Node
from unrelu.network.source import Source


@dataclass(frozen=True, eq=False)
class JoinedSource:
    """The models that joined networks were read from, as one.

    Attributes:
        parts: for each network its label and the model it was read from, in order; at least one.
    """

    parts: Mapping[str, Source]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the joined network's nodes that the models compute too."""
        return tuple(
            dict.fromkeys(_joined(label, name) for label, source in self.parts.items() for name in source.nodes)
        )

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes, each by its own model, dtype and device.

        Args:
            batch: (n, *input_shape), any float dtype.
            names: some of `nodes`; "input" is what the first model that knows it makes of the batch.

        Raises:
            UnknownNode: if no model computes a node.
        """
        found: dict[str, Tensor] = {}
        for label, source in self.parts.items():
            asked = {
                joined: name
                for name in source.nodes
                if (joined := _joined(label, name)) in names and joined not in found
            }
            if asked:
                values = source.values(batch, tuple(asked.values()))
                found |= {joined: values[name] for joined, name in asked.items()}
        missing = [name for name in names if name not in found]
        if missing:
            raise UnknownNode(f"no model has a node {missing[0]!r}; they have {', '.join(self.nodes)}.")
        return {name: found[name] for name in names}


def joined_network(networks: Sequence[Network], names: Sequence[str] | None) -> Network:
    """Several networks of one input as one; see `Network.joined`.

    Raises:
        ShapeError: if the shapes of their inputs differ.
        InputError: if there is no network, or the names do not fit.
    """
    if not networks:
        raise InputError("there is no network to join; give at least one.")
    for network in networks:
        expect_network(network)
    labels = [str(k) for k in range(1, len(networks) + 1)] if names is None else [str(name) for name in names]
    if len(labels) != len(networks) or len(set(labels)) != len(labels) or "" in labels:
        raise InputError(
            f"{len(networks)} networks are joined under as many different names, not under {', '.join(labels)!r}."
        )
    first = networks[0]
    for label, network in zip(labels, networks, strict=True):
        if network.input_shape != first.input_shape:
            raise ShapeError(
                f"the networks {labels[0]!r} and {label!r} take inputs of the shapes {first.input_shape} and "
                f"{network.input_shape}; join networks of the same inputs, in the same order."
            )
    pairs = [(label, network.to(first.device)) for label, network in zip(labels, networks, strict=True)]
    sources = {label: network.source for label, network in pairs if network.source is not None}
    return Network(
        nodes=(first.nodes[0], *(_renamed(label, node) for label, network in pairs for node in network.nodes[1:])),
        outputs=tuple(_joined(label, name) for label, network in pairs for name in network.outputs),
        source=JoinedSource(sources) if len(sources) == len(networks) else None,
        bypassed_by=tuple(_joined(label, name) for label, network in pairs for name in network.bypassed_by),
        head=", ".join(_joined(label, network.head) for label, network in pairs if network.head),
    )


def _renamed(label: str, node: Node) -> Node:
    return replace(node, name=_joined(label, node.name), inputs=tuple(_joined(label, name) for name in node.inputs))


def _joined(label: str, name: str) -> str:
    """What a network's node is called among the others; the input is one."""
    return INPUT if name == INPUT else f"{label}.{name}"
