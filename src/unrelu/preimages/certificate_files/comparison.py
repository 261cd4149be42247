"""Whether saved certificates are about the network and the inputs that someone else has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from unrelu.errors import JoinedLayer, TooLarge
from unrelu.network.agreement import forward_passes
from unrelu.network.fingerprints import array_sha256
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.rigor.matrices import Matrix

if TYPE_CHECKING:
    from unrelu.preimages.certificate_files.load import SavedCertificates

BATCH = 256
"""Inputs pushed through the network at once: as many as `unrelu.analyze` takes, so that sums round alike."""


@dataclass(frozen=True)
class Comparison:
    """Whether certificates in a folder are about a network's layer and about given data.

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

    Args:
        saved: the certificates.
        network: the network.
        data: (n, *input_shape) inputs of the network; of certificates about features (n, m) features. None to compare
            the layer only, and for certificates about sets of features, which know no inputs.
    """
    said = saved.index.layer
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
        inputs = _same_inputs(saved, network, name, data)
        return Comparison(inputs.holds, f"{name}: {same.said}; {inputs.said}" if inputs.holds else inputs.said)
    return Comparison(False, why)


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


def _same_inputs(saved: SavedCertificates, network: Network, name: str, data: np.ndarray) -> Comparison:
    data = np.asarray(data, dtype=np.float64)
    if saved.index.statement == "features":
        fed = data.reshape(len(data), -1)
        what, prefix = "vectors of features", None
    else:
        what, prefix = "inputs", network.upto(network.affine_sources(network.node(name).inputs[0])[0])
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
