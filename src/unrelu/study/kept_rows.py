"""What the metamers of a study keep, and what still sees the rest, as records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrelu.network.graph import Network


def kept_rows(net: Network, layer: str, metamers: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
    """A row for the node whose features the metamers keep (`schemas.KEPT`); none where there are no metamers.

    Args:
        net: the network.
        layer: name of the node.
        metamers: their rows (`schemas.METAMERS`).
    """
    if not metamers:
        return []
    said = [(row["metamer_predicted"], row["original_predicted"]) for row in metamers]
    forward_errors = [row["forward_error"] for row in metamers if row["forward_error"] is not None]
    bypassed_by = net.upto(layer).bypassed_by
    return [
        {
            "layer": layer,
            "output_size": math.prod(net.node(layer).shape),
            "relu": net.node(layer).is_layer,
            "cut": not bypassed_by,
            "bypassed_by": list(bypassed_by),
            "n_metamers": len(metamers),
            "optimal": sum(row["optimal"] for row in metamers),
            "regional": sum(row["regional"] for row in metamers),
            "same_class": sum(a == b for a, b in said) if None not in said[0] else None,
            "feature_error": max(row["feature_error"] for row in metamers),
            "forward_error": max(forward_errors, default=None),
        }
    ]
