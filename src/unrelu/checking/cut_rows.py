"""The layers and cuts of a network."""

from __future__ import annotations

import math
from collections.abc import Iterator

from unrelu.checking.cut_check import CutCheck
from unrelu.checking.folding_cost import plan_layer
from unrelu.errors import UnreluError
from unrelu.network.graph import Network


def cut_rows(network: Network) -> Iterator[CutCheck]:
    """Every cut and every layer, in order, without the input."""
    cuts, layers = set(network.cuts), set(network.layers)
    for node in network.nodes[1:]:
        if node.name not in cuts | layers:
            continue
        m, is_cut = math.prod(node.shape), node.name in cuts
        if node.name not in layers:
            kind = "affine" if node.is_affine else "smooth" if node.is_smooth else "a choice among several numbers"
            yield CutCheck(node.name, is_cut, False, m, None, "", f"it is {kind}, not a function of each number")
            continue
        try:
            plan = plan_layer(network, node.name)
        except UnreluError as error:
            yield CutCheck(node.name, is_cut, False, m, None, "", str(error))
            continue
        why = "" if plan.fits else f"its matrix would take {8 * m * plan.d / 2**30:.1f} GiB"
        yield CutCheck(node.name, is_cut, plan.fits, m, plan.d, plan.origin, why)
