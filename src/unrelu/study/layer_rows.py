"""The layer table: counts and medians of the other tables, a row per ReLU layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unrelu.network.graph import INPUT
from unrelu.study.schemas import LAYERS, table

if TYPE_CHECKING:
    from unrelu.network.graph import Network

_KINDS = ("singleton", "bounded", "unbounded", "empty", "undecided")
_PROVABLE = ("singleton", "bounded", "unbounded", "empty")


@dataclass(frozen=True)
class LeftOut:
    """Why some layers have no verdicts, no spectra or no bounds.

    Attributes:
        verdicts: the reason by layer.
        spectra: the reason by layer.
        bounds: the reason by layer.
        folding_errors: bound on the rounding of the composed weights, of the layers that were composed.
    """

    verdicts: Mapping[str, str]
    spectra: Mapping[str, str]
    bounds: Mapping[str, str]
    folding_errors: Mapping[str, float]


def layer_table(net: Network, verdicts: pa.Table, priors: pa.Table, spectra: pa.Table, left_out: LeftOut) -> pa.Table:
    """A row per ReLU layer of the network, from the other tables (`schemas.LAYERS`)."""
    rows: list[dict[str, object]] = []
    for name in net.layers:
        node = net.node(name)
        sources = net.affine_sources(node.inputs[0])
        single = sources[0] if len(sources) == 1 else None
        rows.append(
            {
                "layer": name,
                "input_size": None if single is None else math.prod(net.node(single).shape),
                "output_size": math.prod(node.shape),
                "output_shape": list(node.shape),
                "first": single == INPUT,
                "folding_error": left_out.folding_errors.get(name),
                "verdicts_left_out": left_out.verdicts.get(name),
                "spectra_left_out": left_out.spectra.get(name),
                "bounds_left_out": left_out.bounds.get(name),
                **_of_verdicts(verdicts.filter(pc.field("layer") == name)),
                **_of_priors(priors.filter(pc.field("layer") == name)),
                **_of_spectra(spectra.filter(pc.field("layer") == name)),
            }
        )
    return table(LAYERS, rows)


def _of_verdicts(verdicts: pa.Table) -> dict[str, object]:
    kinds = verdicts["kind"].to_pylist()
    finite = [value is True for value in verdicts["bounded"].to_pylist()]
    proved = verdicts["proved"].to_pylist()
    checked = bool(proved) and None not in proved
    active = verdicts["n_active"].to_pylist()
    reasons = Counter(reason for reason in verdicts["reason"].to_pylist() if reason is not None)
    return {
        "n_verdicts": verdicts.num_rows,
        **{kind: kinds.count(kind) for kind in _KINDS},
        "undecided_reason": next((reason for reason, _ in reasons.most_common(1)), None),
        "finite": sum(finite),
        **{
            f"{kind}_proved": sum(p for k, p in zip(kinds, proved, strict=True) if k == kind) if checked else None
            for kind in _PROVABLE
        },
        "finite_proved": sum(p for f, p in zip(finite, proved, strict=True) if f) if checked else None,
        "proved": sum(proved) if checked else None,
        "active_min": min(active, default=None),
        "active_median": _median(active),
        "active_max": max(active, default=None),
        "dimension_lower_median": _median(verdicts["dimension_lower"].to_pylist()),
        "dimension_upper_median": _median(verdicts["dimension_upper"].to_pylist()),
    }


def _of_priors(priors: pa.Table) -> dict[str, object]:
    unique, proved = priors["unique"].to_pylist(), priors["proved"].to_pylist()
    expected = priors["expected"].to_pylist()
    checked = bool(proved) and None not in proved
    row: dict[str, object] = {
        "n_prior": priors.num_rows,
        "prior_open": unique.count(None),
        "prior_expected": math.fsum(expected) if expected and None not in expected else None,
    }
    for value, column in ((True, "prior_unique"), (False, "prior_not_unique")):
        row[column] = unique.count(value)
        row[f"{column}_proved"] = sum(p for u, p in zip(unique, proved, strict=True) if u is value) if checked else None
    return row


def _of_spectra(spectra: pa.Table) -> dict[str, object]:
    row: dict[str, object] = {}
    for relu, suffix in ((True, "with_relu"), (False, "without_relu")):
        part = spectra.filter(pc.field("relu") == relu)
        ranks = part["rank"].to_pylist()
        sizes = part["n_inputs"].to_pylist()
        row[f"rank_{suffix}"] = _median(ranks)
        row[f"invariant_{suffix}"] = _median(d - r for d, r in zip(sizes, ranks, strict=True))
        row[f"largest_{suffix}"] = _median(part["largest"].to_pylist())
        row[f"smallest_nonzero_{suffix}"] = _median(part["smallest_nonzero"].to_pylist())
        row[f"condition_{suffix}"] = _median(part["condition_number"].to_pylist())
        if relu:
            row["n_spectra"] = part.num_rows
            row["structural_rank_with_relu"] = _median(part["structural_rank"].to_pylist())
    return row


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
