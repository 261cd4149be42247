"""The records of the bounds against the functions that compute each single one."""

from __future__ import annotations

import numpy as np
import pytest

import unrelu as ur
from small_studies import dense_network, dense_study, joined_study, pictures
from unrelu.errors import InputError
from unrelu.study.analyze import analyze
from unrelu.study.questions import RowRemoval, Verdicts, row_removal


def test_every_row_is_what_the_functions_say() -> None:
    x, _ = pictures()
    rows = dense_study()["row_removal"].to_pylist()
    assert [(row["layer"], row["input"]) for row in rows] == [(name, k) for name in ("relu1", "relu2") for k in (0, 1)]
    for row in rows:
        layer = dense_network().layer(row["layer"])
        h = np.asarray(dense_network().layer_input(row["layer"], x))[row["input"]]
        lace, weak = ur.bounds.interlacing(layer, at=h), ur.bounds.weak_correlation(layer, at=h)
        left = np.where((layer.dense_weight @ h + layer.bias > 0)[:, None], layer.dense_weight, 0.0)
        values = np.linalg.svd(left, compute_uv=False)
        assert (row["n_removed"], row["rank"]) == (lace.n_removed, np.linalg.matrix_rank(left))
        assert row["smallest_nonzero"] == pytest.approx(values[row["rank"] - 1])
        assert row["largest"] == pytest.approx(values[0])
        assert row["interlacing"] == (pytest.approx(lace.smallest_nonzero_bound) if lace.applies else None)
        assert row["interlacing_by_rank"] == pytest.approx(lace.smallest_nonzero_bound_by_rank)
        assert row["smallest"] == pytest.approx(weak.smallest)
        assert row["correlation"] == pytest.approx(weak.smallest_bound)
        assert row["correlation_along"] == pytest.approx(weak.along.min())
        assert row["correlation_over_span"] == pytest.approx(weak.over_span)
        assert row["correlation_applies"] is weak.applies
        assert row["correlation_nonzero"] == (
            pytest.approx(weak.smallest_nonzero_bound) if weak.applies_to_nonzero else None
        )
        assert row["correlation_nonzero_over_span"] == pytest.approx(weak.over_span_projected)


def test_layers_without_a_matrix_are_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = joined_study().layers.to_pylist()
    assert first["row_removal_left_out"] is None
    assert "several nodes at once" in second["row_removal_left_out"]
    x, _ = pictures()
    monkeypatch.setattr(row_removal, "WORK", 16 * 28 * 16 - 1)
    study = analyze(dense_network(), x[:2], questions=[RowRemoval(2)], progress=False)
    first, second = study.layers.to_pylist()
    assert first["row_removal_left_out"] == "the decompositions of its 28 x 16 matrix would take too long"
    assert second["row_removal_left_out"] is None
    assert study["row_removal"].num_rows == 2


def test_bounds_can_be_left_out() -> None:
    x, _ = pictures()
    study = analyze(dense_network(), x[:2], questions=[RowRemoval(0)], progress=False)
    assert study["row_removal"].num_rows == 0
    assert study.layers["row_removal_left_out"].to_pylist() == ["not asked for"] * 2
    study = analyze(dense_network(), x[:2], questions=[Verdicts(layers=[])], progress=False)
    assert study.layers["row_removal_left_out"].to_pylist() == ["not asked for"] * 2
    study = analyze(dense_network(), x[:2], questions=[RowRemoval(1, layers=["relu2"])], progress=False)
    assert study["row_removal"]["layer"].to_pylist() == ["relu2"]
    assert study.layers["row_removal_left_out"].to_pylist() == ["not asked for", None]
    with pytest.raises(InputError, match="RowRemoval must be 0 or more"):
        analyze(dense_network(), x[:2], questions=[RowRemoval(-1)], progress=False)


def test_a_layer_of_zeros_has_no_smallest_value() -> None:
    dead = ur.Network.from_layers([(np.zeros((2, 2)), np.ones(2)), (np.eye(2), np.zeros(2))])
    (row,) = analyze(dead, np.ones((1, 2)), progress=False)["row_removal"].to_pylist()
    assert row["smallest_nonzero_before"] is row["smallest_nonzero"] is row["correlation"] is None
    assert not row["correlation_applies"]
