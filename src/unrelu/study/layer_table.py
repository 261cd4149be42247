"""The layer table: counts and medians of all questions, a row per ReLU layer."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from unrelu.network.graph import INPUT
from unrelu.study.columns import COUNT, FLAG, SHAPE, TEXT, columns, table

if TYPE_CHECKING:
    from unrelu.study.study import Study

_OWN = columns(
    ("layer", TEXT, "name of the ReLU layer, in the order of the network"),
    ("input_size", COUNT, "d, coordinates of the layer's own input; null where it has no single input"),
    ("output_size", COUNT, "m, features of the layer"),
    ("output_shape", SHAPE, "sample shape of the features"),
    ("first", FLAG, "whether the layer is fed by the network's input"),
)


def layer_table(study: Study) -> pa.Table:
    """A row per ReLU layer of the network, from the other tables."""
    kinds = {name: kind for name, kind in study.kinds.items() if "layer" in kind.keys}
    fields = list(_OWN)
    for name, kind in kinds.items():
        text = f"why there are no {kind.title}; null where there are"
        fields += [*columns((f"{name}_left_out", TEXT, text)), *kind.of_layers]
    rows: list[dict[str, object]] = []
    for layer in study.info.layers:
        single = layer.sources[0] if len(layer.sources) == 1 else None
        row: dict[str, object] = {
            "layer": layer.name,
            "input_size": None if single is None else math.prod(study.info.node(single).shape),
            "output_size": math.prod(layer.shape),
            "output_shape": list(layer.shape),
            "first": single == INPUT,
        }
        for name, kind in kinds.items():
            asked = any(each.name == name for each in study.asked)
            own = (study[name] if asked else kind.schema.empty_table()).filter(pc.field("layer") == layer.name)
            row[f"{name}_left_out"] = None if own.num_rows else _left_out(study, name, layer.name)
            row |= kind.of_layer(own)
        rows.append(row)
    return table(pa.schema(fields), rows)


def _left_out(study: Study, name: str, layer: str) -> str | None:
    """Why a layer has no rows."""
    asked = next((each for each in study.asked if each.name == name), None)
    if asked is None:
        return "not asked for"
    if layer in asked.left_out:
        return asked.left_out[layer]
    parts = study.parts.get(name, ())
    reasons = Counter(each.reason for part in parts for each in part.failures if each.layer in (layer, ""))
    return next((reason for reason, _ in reasons.most_common(1)), None)
