"""Before and after a row is pruned, in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import unrelu as ur
from study.own_question import FeatureSums
from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.questions import Metamers, Question, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.analyze import analyze
from unrelu.study.study import Study

X = np.array([[0.25, 0.25], [1.0, 0.5], [0.5, 0.25], [0.75, 0.75], [0.0, 0.5]])
"""Inputs of which the second and the fourth have a sum above 1."""

ABOVE = [1, 3]


def network(second: float = 1.0, third: float = 1.0, last: str = "relu1") -> Network:
    """max(x1, 0), max(second x2, 0), max(x1 + x2 - 1, 0), and their sums."""
    weight = np.array([[1.0, 0.0], [0.0, second], [third, third]])
    net = Network.from_layers([(weight, np.array([0.0, 0.0, -1.0])), (np.array([[1.0, 1, 0], [0, 1, 1]]), np.zeros(2))])
    if last == "relu1":
        return net
    from dataclasses import replace

    names = {"relu1": last}
    nodes = [
        replace(node, name=names.get(node.name, node.name), inputs=tuple(names.get(name, name) for name in node.inputs))
        for node in net.nodes
    ]
    return replace(net, nodes=tuple(nodes))


def study(*questions: Question, net: Network | None = None, x: np.ndarray = X, name: str = "one") -> Study:
    return analyze(network() if net is None else net, x, questions=questions, name=name, progress=False, workers=1)


def pruned(*questions: Question) -> Study:
    """Without the row that sees x2 alone."""
    return study(*questions, net=network(second=0.0), name="pruned")


def test_pruning_a_row_frees_the_inputs_that_it_alone_pinned_down() -> None:
    """With x1 and x2 seen, each input is the only one; without x2, those with x1 + x2 <= 1 leave x2 free below."""
    found = study(Verdicts()).compare(pruned(Verdicts()))
    rows = found["verdicts"].to_pylist()
    assert [row["input"] for row in rows] == list(range(5))
    assert [row["kind_before"] for row in rows] == ["singleton"] * 4 + ["unbounded"]  # at x1 = 0 only x2 is seen
    assert [row["kind_after"] for row in rows] == ["singleton" if index in ABOVE else "unbounded" for index in range(5)]
    changed = found.changed("verdicts", "kind")
    assert changed["input"].to_pylist() == [0, 2]
    assert changed["n_active_before"].to_pylist() == [2, 2]
    assert changed["n_active_after"].to_pylist() == [1, 1]
    assert found.changed("verdicts", "n_active")["input"].to_pylist() == [0, 1, 2, 3, 4]
    assert found.changed("verdicts", "proved").num_rows == 0


def test_columns_stand_side_by_side_and_keys_once() -> None:
    found = study(Verdicts()).compare(pruned(Verdicts()))["verdicts"]
    others = [name for name in Verdicts.schema.names if name not in Verdicts.keys]
    assert found.column_names == [
        *Verdicts.keys,
        *(f"{name}_{side}" for name in others for side in ("before", "after")),
    ]
    for name in others:
        assert found[f"{name}_before"].to_pylist() == study(Verdicts())["verdicts"][name].to_pylist()
        assert found[f"{name}_after"].to_pylist() == pruned(Verdicts())["verdicts"][name].to_pylist()


def test_a_study_against_itself_has_changed_nothing() -> None:
    asked = (Verdicts(), Uniqueness(ur.Box(0, 1)), Spectra(3), RowRemoval(2), Metamers(1))
    found = study(*asked).compare(study(*asked))
    assert list(found.tables) == ["inputs", "verdicts", "uniqueness", "spectra", "row_removal", "metamers"]
    for name, joined in found.tables.items():
        assert joined.num_rows == study(*asked)[name].num_rows > 0
        for column in joined.column_names:
            if column.endswith("_before"):
                assert found.changed(name, column.removesuffix("_before")).num_rows == 0


def test_singular_values_before_and_after() -> None:
    """The Jacobian at (1/4, 1/4) is the unit matrix with a row of zeros; without x2 its second value is 0."""
    rows = study(Spectra(1)).compare(pruned(Spectra(1))).changed("spectra", "values").to_pylist()
    with_relu = next(row for row in rows if row["relu"])
    assert with_relu["input"] == 0
    np.testing.assert_allclose(with_relu["values_before"], [1, 1], rtol=1e-15)
    np.testing.assert_allclose(with_relu["values_after"], [1, 0], atol=1e-15)
    assert (with_relu["rank_before"], with_relu["rank_after"]) == (2, 1)


def test_what_is_null_on_one_side_has_changed() -> None:
    found = study(Verdicts(verify=False)).compare(study(Verdicts()))
    assert found.changed("verdicts", "proved").num_rows == 5
    assert found.changed("verdicts", "kind").num_rows == 0
    unproved = study(Verdicts(verify=False)).compare(pruned(Verdicts(verify=False)))
    assert unproved.changed("verdicts", "proved").num_rows == 0  # null on both


def test_rows_of_one_side_only_are_in_neither() -> None:
    before, after = study(FeatureSums(refused=(0, 1))), study(FeatureSums(refused=(1, 2)))
    found = before.compare(after)
    assert found["feature_sums"]["input"].to_pylist() == [3, 4]
    fewer = study(Spectra(2)).compare(pruned(Spectra(4)))
    assert sorted(set(fewer["spectra"]["input"].to_pylist())) == [0, 1]


def test_layers_are_told_by_name() -> None:
    text = str(study(Verdicts(), Spectra(5)).compare(pruned(Verdicts(), Spectra(5))))
    assert text.splitlines() == [
        "one before, pruned after",
        "  relu1: 4 of 5 preimages bounded → 2 of 5 preimages bounded, 1 to 3 active → 0 to 2 active, "
        "forgets 0 of 2 directions (median) → forgets 1 of 2 directions (median)",
        "  inputs: 5 rows in both",
        "  verdicts: 5 rows in both",
        "  spectra: 10 rows in both",
    ]
    other = str(study(Verdicts()).compare(study(Verdicts(), net=network(last="act"))))
    assert "  relu1: only before" in other
    assert "  act: only after" in other
    assert "  verdicts: 0 rows in both" in other


def test_predictions_are_always_compared() -> None:
    found = study(Verdicts()).compare(study(Spectra(1), net=network(second=-1.0)))
    assert list(found.tables) == ["inputs"]
    said = {side: np.asarray(network(second=s)(X)).argmax(axis=1) for side, s in (("before", 1.0), ("after", -1.0))}
    assert found["inputs"]["predicted_before"].to_pylist() == said["before"].tolist()
    assert found["inputs"]["predicted_after"].to_pylist() == said["after"].tolist()
    changed = np.flatnonzero(said["before"] != said["after"])
    assert found.changed("inputs", "predicted")["input"].to_pylist() == changed.tolist()


def test_studies_that_were_read_are_compared(tmp_path: Path) -> None:
    study(Verdicts()).save(tmp_path)
    pruned(Verdicts()).save(tmp_path)
    keys = sorted(path.stem for path in (tmp_path / "studies").iterdir())
    by_name = {each.info.name: each for each in (ur.load_study(tmp_path, study=key) for key in keys)}
    found = by_name["one"].compare(by_name["pruned"])
    assert found["verdicts"].equals(study(Verdicts()).compare(pruned(Verdicts()))["verdicts"])


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(
        InputError, match="about 5 and 4 inputs, which are not the same; compare studies of the same data"
    ):
        study(Verdicts()).compare(study(Verdicts(), x=X[:4]))
    with pytest.raises(InputError, match="about 5 and 5 inputs, which are not the same"):
        study(Verdicts()).compare(study(Verdicts(), x=X[::-1].copy()))
    found = study(Verdicts(), Spectra(1)).compare(study(Verdicts()))
    with pytest.raises(InputError, match="the studies do not share 'spectra'; they share inputs, verdicts"):
        _ = found["spectra"]
    with pytest.raises(InputError, match="do not share 'spectra'"):
        found.changed("spectra", "values")
    for column in ("colour", "layer", "input"):
        with pytest.raises(InputError, match=f"'verdicts' has no column '{column}' to compare; it has kind, bounded"):
            found.changed("verdicts", column)
