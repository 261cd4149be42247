"""Whether saved certificates are about the network and the inputs that someone else has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from unrelu.errors import JoinedLayer, TooLarge
from unrelu.network.agreement import forward_passes
from unrelu.network.fingerprints import array_sha256, operator_sha256, weights_sha256
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.rigor.matrices import Matrix

if TYPE_CHECKING:
    from unrelu.preimages.certificate_files.load import SavedCertificates

BATCH = 256
"""Inputs pushed through the network at once: as many as `unrelu.analyze` takes, so that sums round alike."""

LARGEST = 4096
"""Numbers of a node of which some are picked."""


@dataclass(frozen=True)
class Comparison:
    """Whether certificates in a folder are about a network's layer, or a part of it, and about given data.

    Attributes:
        holds: whether they are.
        said: in a sentence, what is the same up to what, or the first thing that differs.
    """

    holds: bool
    said: str


def compare(saved: SavedCertificates, network: Network, data: np.ndarray | None = None) -> Comparison:
    """Compare what certificates are about with a network, and with data.

    The layer is the network's of the same name (of a layer without a name any that is equal). Its numbers are the same
    to the last bit; where affine nodes were composed, they may differ by as much as both compositions round. So are
    the inputs: each is one of the data, or, where the layer lies deeper in the network, what its nodes make of the
    first of them, up to the rounding of another forward pass.

    Of a network that was asked for some of its outputs only, those are picked from what is the network's.

    A prefix is the network's up to the same nodes, or its part up to there from a node that all paths run through, node
    by node to the last bit (`weights_sha256`).

    Args:
        saved: the certificates.
        network: the network.
        data: (n, *input_shape) inputs of the network; of certificates about features (n, m) features. None to compare
            the layer or prefix only, and for certificates about sets of features or all solutions, which know no
            inputs.
    """
    if saved.index.layer is None:
        return _same_prefix(saved, network, data)
    said = saved.layer.name
    names = (said,) if said else network.layers
    if said and said not in network.layers:
        return Comparison(False, f"the network has no ReLU layer {said!r}; it has {', '.join(network.layers)}")
    why = "the network has no ReLU layer"
    for name in names:
        try:
            same = _same_layer(saved.layer, network.layer(name))
        except (JoinedLayer, TooLarge) as error:
            same = Comparison(False, str(error))
        if not same.holds:
            why = same.said
            continue
        if data is None or saved.index.statement == "sets":
            return Comparison(True, f"{name}: {same.said}")
        before = None
        if saved.index.statement != "features":
            before = network.upto(network.affine_sources(network.node(name).inputs[0])[0])
        return _with_inputs(f"{name}: {same.said}", _same_inputs(saved, before, data))
    return Comparison(False, why)


def _with_inputs(said: str, inputs: Comparison) -> Comparison:
    return Comparison(inputs.holds, f"{said}; {inputs.said}" if inputs.holds else inputs.said)


def _same_prefix(saved: SavedCertificates, network: Network, data: np.ndarray | None) -> Comparison:
    theirs, picked = _before_picking(saved.prefix, network)
    ends = ", ".join(theirs.outputs)
    missing = [name for name in theirs.outputs if name not in {node.name for node in network.nodes}]
    if missing:
        return Comparison(
            False, f"the network has no node {missing[0]!r}, in which the prefix of the certificates ends"
        )
    whole = network.upto(*theirs.outputs)
    first = whole.nodes[0].name
    inside = [name for name in whole.cuts if name not in (first, *whole.outputs)]
    for start in (first, *(name for name in inside if whole.node(name).shape == theirs.input_shape)):
        part = whole if start == first else whole.between(start, *theirs.outputs)
        if weights_sha256(part) != weights_sha256(theirs):
            continue
        said = f"the network up to {ends}" if part is whole else f"the network from {start} to {ends}"
        said = f"{said}: every number is the network's"
        said = f"{said}, and some of its outputs are picked" if picked else said
        if data is None:
            return Comparison(True, said)
        return _with_inputs(said, _same_inputs(saved, whole.upto(start), data))
    return Comparison(False, _first_difference(theirs, whole))


def _before_picking(theirs: Network, mine: Network) -> tuple[Network, bool]:
    """The network without nodes at its ends that only pick some of their operand's numbers; whether there were any."""
    known = {node.name for node in mine.nodes}
    ends: list[str] = []
    for name in theirs.outputs:
        while name not in known and _picks(theirs, name):
            (name,) = theirs.node(name).inputs
        ends.append(name)
    return (theirs, False) if tuple(ends) == theirs.outputs else (theirs.upto(*ends), True)


def _picks(network: Network, name: str) -> bool:
    """Whether a node's numbers are each one of the node's before it, in whatever shape."""
    node = network.node(name)
    if not node.is_affine or len(node.inputs) != 1:
        return False
    shape = network.node(node.inputs[0]).shape
    size = math.prod(shape)
    if size > LARGEST:
        return False
    one = torch.eye(size, dtype=torch.float64, device=network.device).reshape(size, *shape)
    rows = node.affine.linear(one).reshape(size, -1)
    constant = node.affine.apply(torch.zeros_like(one[:1]))
    return not bool(constant.any()) and bool((((rows == 0) | (rows == 1)).all(dim=0) & (rows.sum(dim=0) == 1)).all())


def _first_difference(theirs: Network, mine: Network) -> str:
    for node in theirs.nodes:
        if node.name not in {each.name for each in mine.nodes}:
            return f"the network has no node {node.name!r} before {', '.join(mine.outputs)}"
        other = mine.node(node.name)
        if (node.inputs, node.shape) != (other.inputs, other.shape):
            return f"node {node.name!r} takes or gives something else in the network"
        if operator_sha256(node.operator) != operator_sha256(other.operator):
            return f"node {node.name!r} is another operator in the network, or has other numbers"
    return "the network has other nodes"


def _same_layer(theirs: ReLULayer, mine: ReLULayer) -> Comparison:
    for name in ("input_shape", "output_shape"):
        if getattr(theirs, name) != getattr(mine, name):
            shapes = f"{getattr(theirs, name)} where the network has {getattr(mine, name)}"
            return Comparison(False, f"the layer's {name.replace('_', ' ')} is {shapes}")
    if not theirs.units.equals(mine.units):
        kinds = f"{type(theirs.activation).__name__} where the network has {type(mine.activation).__name__}"
        return Comparison(False, f"the layer's activation is another: {kinds}, or its numbers differ")
    if not 0.5 * mine.folding_error <= theirs.folding_error <= 2 * mine.folding_error:
        errors = f"{theirs.folding_error:.3g} where that of the network's layer is {mine.folding_error:.3g}"
        return Comparison(False, f"the layer is said to be composed up to an error of {errors}")
    if all(array_sha256(getattr(theirs, name)) == array_sha256(getattr(mine, name)) for name in ("weight", "bias")):
        return Comparison(True, "weight and bias are the network's")
    off = max(_largest_difference(theirs.weight, mine.weight), float(np.abs(theirs.bias - mine.bias).max()))
    if off <= mine.folding_error + theirs.folding_error:
        return Comparison(True, f"weight and bias are the network's up to {off:.2g}, the rounding of composed nodes")
    return Comparison(False, f"weight or bias differ from the network's by up to {off:.3g}")


def _largest_difference(first: Matrix, second: Matrix) -> float:
    difference = first - second  # pyright: ignore[reportOperatorIssue]
    return float(abs(difference).max()) if sparse.issparse(difference) else float(np.abs(difference).max())


def _same_inputs(saved: SavedCertificates, prefix: Network | None, data: np.ndarray) -> Comparison:
    """Whether the inputs are data, or what the prefix before them makes of the data; features if there is none."""
    data = np.asarray(data, dtype=np.float64)
    if prefix is None:
        fed = data.reshape(len(data), -1)
        what = "vectors of features"
    else:
        what = "inputs"
        fed = np.concatenate(
            [np.asarray(prefix(data[start : start + BATCH])) for start in range(0, len(data), BATCH)]
        ).reshape(len(data), -1)
    places = {row.tobytes(): index for index, row in reversed(list(enumerate(fed + 0.0)))}  # -0 is 0
    found = [places.get(row.tobytes()) for row in saved.inputs + 0.0]
    n = len(saved)
    if None not in found:
        in_order = np.array_equal(saved.inputs, fed[:n])
        which = f"the first {n}" if in_order else f"{len(set(found))} different ones"
        return Comparison(True, f"the {what} are {which} of the {len(fed)} in the data")
    first = found.index(None)
    if prefix is None or len(prefix.nodes) == 1 or n > len(fed):
        return Comparison(False, f"number {first} of its {what} is none of the data")
    worst = 0.0
    for start in range(0, n, BATCH):
        batch = torch.from_numpy(data[start : min(start + BATCH, n)])
        values, error = (part.reshape(len(batch), -1).cpu().numpy() for part in forward_passes(prefix, batch))
        off = np.abs(saved.inputs[start : start + len(batch)] - values)
        if bool((off > error).any()):
            index = int(np.flatnonzero((off > error).any(axis=1))[0])
            return Comparison(
                False,
                f"number {start + index} of its inputs is not what the network makes of number {start + index} of the "
                f"data: they differ by {off[index].max():.3g}, which no rounding explains",
            )
        worst = max(worst, float(off.max()))
    return Comparison(
        True, f"the inputs are what the network makes of the first {n} of the data, up to {worst:.2g}, its rounding"
    )
