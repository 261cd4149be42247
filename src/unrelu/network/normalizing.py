"""A network with the normalisation of its inputs before it, so that it takes them as they are looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import InputError, ShapeError, UnknownNode
from unrelu.network.arrays import Array, as_tensor
from unrelu.network.graph import INPUT, Network
from unrelu.network.node import Node
from unrelu.network.source import Source
from unrelu.operators import Elementwise, Quotient, Shape

NAME = "normalized"
"""What the node is called that holds the normalised inputs; the one before it is "normalized.center"."""


@dataclass(frozen=True, eq=False)
class NormalizedSource:
    """The model that a network was read from, behind `(x - mean) / std` in the model's own dtype.

    Attributes:
        model: what was read.
        mean: float64, of a shape that broadcasts to that of a sample.
        std: the same.
        places: what the network calls the centred and the normalised inputs.
    """

    model: Source
    mean: Tensor
    std: Tensor
    places: tuple[str, str]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the network's nodes that are computed here too."""
        return (INPUT, *self.places, *(name for name in self.model.nodes if name != INPUT))

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes: the inputs are brought to the model's dtype, normalised in it, and given to it.

        Args:
            batch: (n, *input_shape), any float dtype.
            names: some of `nodes`.

        Raises:
            UnknownNode: if the model does not compute a node.
        """
        missing = [name for name in names if name not in self.nodes]
        if missing:
            raise UnknownNode(f"no model has a node {missing[0]!r}; it has {', '.join(self.nodes)}.")
        entry = self.model.values(batch, (INPUT,))[INPUT] if INPUT in self.model.nodes else batch
        centred = entry - self.mean.to(entry)
        found = {INPUT: entry, self.places[0]: centred, self.places[1]: centred / self.std.to(entry)}
        inner = tuple(name for name in names if name not in found)
        behind = self.model.values(found[self.places[1]], inner) if inner else {}
        return {name: found[name] if name in found else behind[name] for name in names}


def normalized_network(
    network: Network, mean: Array | Sequence[float] | float, std: Array | Sequence[float] | float
) -> Network:
    """The network behind `(x - mean) / std`; see `Network.normalized`.

    Raises:
        ShapeError: if there are neither one number nor one for each channel or coordinate.
        InputError: if a number is not finite, or of std not positive.
    """
    shape = network.input_shape
    shift, scale = _fitting(mean, "mean", shape), _fitting(std, "std", shape)
    if not bool((scale > 0).all()):
        raise InputError("std must be positive: it is what normalised inputs were divided by.")
    taken, whole = set[str](), network
    while True:  # a prefix keeps the names of the network that it is taken from
        taken |= {node.name for node in whole.nodes}
        if whole.whole is None:
            break
        whole = whole.whole
    places = _free(f"{NAME}.center", taken), _free(NAME, taken)
    return _behind(network, shift.to(network.device), scale.to(network.device), places)


def begins_normalized(network: Network) -> bool:
    """Whether the network itself begins by multiplying and shifting its inputs one by one, as normalising does."""
    moved, found = {INPUT}, False
    for node in network.nodes[1:]:
        if not moved.intersection(node.inputs):
            continue
        if node.operator.is_scaling:
            found = True
        elif node.is_affine and node.operator.roundings == 0 and len(node.inputs) == 1:
            moved.add(node.name)
        else:
            return False
    return found


def _behind(network: Network, mean: Tensor, std: Tensor, places: tuple[str, str]) -> Network:
    center, last = places
    entry, shape = network.nodes[0], network.input_shape
    one = torch.ones((), dtype=torch.float64, device=network.device)
    first = (
        entry,
        Node(center, Elementwise(one, -mean), (INPUT,), shape),
        Node(last, Quotient(std), (center,), shape),
    )
    names: Mapping[str, str] = {INPUT: last}
    rest = (replace(node, inputs=tuple(names.get(name, name) for name in node.inputs)) for node in network.nodes[1:])
    source = network.source
    return replace(
        network,
        nodes=(*first, *rest),
        outputs=tuple(names.get(name, name) for name in network.outputs),
        source=None if source is None else NormalizedSource(source, mean.cpu(), std.cpu(), places),
        whole=None if network.whole is None else _behind(network.whole, mean, std, places),
    )


def _free(wish: str, taken: set[str]) -> str:
    name, k = wish, 1
    while name in taken:
        k += 1
        name = f"{wish}#{k}"
    return name


def _fitting(values: Array | Sequence[float] | float, what: str, shape: Shape) -> Tensor:
    """Float64, of a shape that broadcasts to that of a sample."""
    numbers = as_tensor(values if isinstance(values, Tensor) else np.asarray(values), f"the {what}")
    if numbers.numel() == 1:
        return numbers.reshape(())
    if tuple(numbers.shape) == shape:
        return numbers
    if len(shape) > 1 and numbers.ndim == 1:
        if len(numbers) == shape[0]:
            return numbers.reshape(-1, *[1] * (len(shape) - 1))
        if len(numbers) == shape[-1] and len(shape) == 3:  # channels last, as Keras has them
            return numbers
    kinds = [] if len(shape) < 2 else [f"one for each of {shape[0]} channels"]
    kinds.append(f"one for each of {math.prod(shape)} inputs, in the shape {shape}")
    raise ShapeError(f"the {what} has shape {tuple(numbers.shape)}; give one number, {', or '.join(kinds)}.")
