"""The records of a study against computations of each single one by other means."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.compute as pc
import pytest

from small_studies import SIDE, N, dense_network, dense_study, joined_network, joined_study, large_network, pictures
from unrelu.errors import DomainError, InputError, ShapeError, UnknownNode
from unrelu.metamerism.pairs import choose_pairs
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box
from unrelu.preimages.questions import preimage
from unrelu.study.analyze import analyze
from unrelu.study.questions import Metamers, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.study import Study


def weights() -> list[tuple[np.ndarray, np.ndarray]]:
    """The matrices and offsets of the dense network."""
    nodes = [dense_network().node(f"dense{k}").operator for k in (1, 2, 3)]
    return [(node.weight.numpy(), node.bias.numpy()) for node in nodes]  # pyright: ignore[reportAttributeAccessIssue]


# -- verdicts ----------------------------------------------------------------------------------------


def test_every_layer_and_input_has_the_verdict_of_its_own_preimage() -> None:
    x, _ = pictures()
    rows = {(row["layer"], row["input"]): row for row in dense_study()["verdicts"].to_pylist()}
    assert len(rows) == 2 * N
    for name in ("relu1", "relu2"):
        layer = dense_network().layer(name)
        for index, h in enumerate(np.asarray(dense_network().layer_input(name, x))):
            single = preimage(layer, at=h)
            row = rows[name, index]
            assert row["kind"] == single.kind.value
            assert (row["bounded"], row["singleton"]) == (single.bounded, single.singleton)
            assert row["n_active"] == int((layer.weight @ h + layer.bias > 0).sum())
            assert (row["dimension_lower"], row["dimension_upper"]) == (
                single.dimension.lower,
                single.dimension.upper,
            )
            assert row["proved"] is single.certificate.verify()


def test_the_first_layer_of_the_example_has_all_three_kinds() -> None:
    (first, _) = dense_study().layers.to_pylist()
    assert min(first["singleton"], first["bounded"], first["unbounded"]) > 0


def test_counts_are_those_of_the_verdicts() -> None:
    verdicts = dense_study().to_pandas("verdicts")
    for row in dense_study().layers.to_pylist():
        own = verdicts[verdicts.layer == row["layer"]]
        assert row["n_verdicts"] == len(own)
        assert row["finite"] == int((own.bounded == True).sum())  # noqa: E712
        assert row["proved"] == int(own.proved.sum())
        assert (row["active_min"], row["active_max"]) == (own.n_active.min(), own.n_active.max())
        assert row["active_median"] == own.n_active.median()
        assert row["dimension_lower_median"] == own.dimension_lower.median()
        for kind in ("singleton", "bounded", "unbounded", "empty", "undecided"):
            assert row[kind] == int((own.kind == kind).sum())
        for kind in ("singleton", "bounded", "unbounded", "empty"):
            assert row[f"{kind}_proved"] == int(own[own.kind == kind].proved.sum())


def test_without_verifying_nothing_is_called_proved() -> None:
    study = joined_study()
    assert study["verdicts"]["proved"].null_count == study["verdicts"].num_rows == N
    assert study["verdicts"]["dimension_upper"].null_count == N
    first = study.layers.to_pylist()[0]
    assert first["n_verdicts"] == N
    assert first["proved"] is None
    assert first["finite_proved"] is None
    assert study.question("verdicts").about["verify"] == "False"


# -- spectra -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("relu", [False, True])
def test_spectra_are_those_of_the_product_of_the_matrices(relu: bool) -> None:
    x, _ = pictures()
    rows = dense_study()["spectra"].filter(pc.field("relu") == relu).to_pylist()
    assert len(rows) == 2 * 6
    for row in rows:
        J, h = np.eye(SIDE * SIDE), x[row["input"]]
        last = 1 if row["layer"] == "relu1" else 2
        for k, (A, b) in enumerate(weights()[:last], start=1):
            pre = A @ h + b
            J, h = A @ J, np.maximum(pre, 0)
            if relu or k < last:
                J = (pre > 0)[:, None] * J
        expected = np.linalg.svd(J, compute_uv=False)
        np.testing.assert_allclose(row["values"], expected, atol=1e-12 * expected[0])
        assert (row["n_outputs"], row["n_inputs"]) == J.shape
        assert row["rank"] == np.linalg.matrix_rank(J)
        assert row["condition_number"] == pytest.approx(expected[0] / expected[row["rank"] - 1], rel=1e-9)


def test_medians_are_those_of_the_spectra() -> None:
    spectra = dense_study().to_pandas("spectra")
    for row in dense_study().layers.to_pylist():
        for relu, suffix in ((True, "with_relu"), (False, "without_relu")):
            own = spectra[(spectra.layer == row["layer"]) & (spectra.relu == relu)]
            assert row[f"rank_{suffix}"] == own["rank"].median()
            assert row[f"invariant_{suffix}"] == SIDE * SIDE - own["rank"].median()
            for column in ("largest", "smallest_nonzero"):
                assert row[f"{column}_{suffix}"] == own[column].median()
            assert row[f"condition_{suffix}"] == own.condition_number.median()
        assert row["n_spectra"] == 6


def test_a_zero_jacobian_has_no_condition_number() -> None:
    dead = Network.from_layers([(np.eye(2), np.full(2, -5.0)), (np.eye(2), np.zeros(2))])
    (row,) = analyze(dead, np.ones((1, 2)), progress=False).layers.to_pylist()
    assert row["rank_with_relu"] == 0
    assert row["condition_with_relu"] is None
    assert row["condition_without_relu"] == 1


# -- metamers ----------------------------------------------------------------------------------------


def test_metamers_keep_the_features_and_the_box_and_come_nearer() -> None:
    x, y = pictures()
    (A, b), *_ = weights()
    rows = dense_study()["metamers"].to_pylist()
    assert [(row["pair"], row["norm"]) for row in rows] == [(k, p) for k in range(3) for p in (1, 2, math.inf)]
    for row in rows:
        original, target, found = (np.array(row[f"{role}_values"]) for role in ("original", "target", "metamer"))
        np.testing.assert_array_equal(original, x[row["original"]])
        np.testing.assert_array_equal(target, x[row["target"]])
        assert ((found >= 0) & (found <= 1)).all()
        features = np.maximum(np.stack([original, found]) @ A.T + b, 0)
        assert np.abs(features[0] - features[1]).max() == pytest.approx(row["feature_error"], abs=1e-12)
        assert row["feature_error"] < 1e-9
        assert row["distance"] == pytest.approx(np.linalg.norm(found - target, row["norm"]))
        assert row["distance_before"] == pytest.approx(np.linalg.norm(original - target, row["norm"]))
        assert row["distance_moved"] == pytest.approx(np.linalg.norm(found - original, row["norm"]))
        assert row["bound"] <= row["distance"] <= row["distance_before"] + 1e-9
        assert (row["original_label"], row["target_label"]) == (y[row["original"]], y[row["target"]])
        assert row["original_label"] != row["target_label"]
        said = np.asarray(dense_network()(np.stack([original, target, found]))).argmax(axis=1)
        assert [row[f"{role}_predicted"] for role in ("original", "target", "metamer")] == said.tolist()


def test_originals_are_those_with_the_fewest_positive_features() -> None:
    verdicts = dense_study().to_pandas("verdicts")
    first = verdicts[verdicts.layer == "relu1"].n_active.to_numpy()
    chosen = dense_study().to_pandas("metamers").drop_duplicates("pair")
    assert sorted(chosen.n_active) == sorted(first)[:3]
    assert (first[chosen.original] == chosen.n_active).all()


def test_metamers_are_counted() -> None:
    rows = dense_study()["metamers"].to_pylist()
    (kept,) = dense_study()["kept"].to_pylist()
    assert (kept["layer"], kept["relu"], kept["output_size"], kept["n_metamers"]) == ("relu1", True, 28, 9)
    assert kept["same_class"] == sum(row["metamer_predicted"] == row["original_predicted"] for row in rows)
    assert kept["optimal"] == sum(row["optimal"] for row in rows)
    assert kept["feature_error"] == max(row["feature_error"] for row in rows)
    assert kept["regional"] == 0
    assert (kept["cut"], kept["bypassed_by"]) == (True, [])
    assert "kept" not in joined_study().tables


def test_pairs_join_different_classes_and_depend_on_the_seed_alone() -> None:
    classes = np.arange(40) % 4
    n_active = np.arange(40)[::-1]
    one = choose_pairs(n_active, classes, 8, seed=0)
    assert [pair.original for pair in one] == [39, 38, 37, 36, 35, 34, 33, 32]
    assert all(classes[pair.original] != classes[pair.target] for pair in one)
    assert one == choose_pairs(n_active, classes, 8, seed=0)
    assert one != choose_pairs(n_active, classes, 8, seed=1)


def test_where_all_share_a_class_any_other_input_is_a_target() -> None:
    pairs = choose_pairs(np.array([2, 1]), np.array([7, 7]), 5, seed=0)
    assert [(pair.original, pair.target) for pair in pairs] == [(1, 0), (0, 1)]


# -- what is left out --------------------------------------------------------------------------------


def test_a_joined_layer_is_listed_with_the_reason_and_still_has_spectra() -> None:
    first, second = joined_study().layers.to_pylist()
    assert first["verdicts_left_out"] is None
    assert first["n_verdicts"] == N
    assert second["layer"] == "relu2"
    assert "several nodes" in second["verdicts_left_out"]
    assert second["input_size"] is None
    assert second["n_verdicts"] == 0
    assert second["n_spectra"] == 3
    assert second["rank_with_relu"] > 0


def test_a_layer_too_large_is_listed_with_the_reason() -> None:
    net = large_network()
    study = analyze(net, np.random.default_rng(0).random((2, *net.input_shape)), progress=False)
    (row,) = study.layers.to_pylist()
    assert "GiB" in row["verdicts_left_out"]
    assert "GiB" in row["spectra_left_out"]
    assert study["verdicts"].num_rows == study["spectra"].num_rows == 0
    assert row["output_size"] == 160 * 160


def test_layers_and_spectra_not_asked_for() -> None:
    x, _ = pictures()
    asked = [Verdicts(layers=["relu2"]), Spectra(0)]
    study = analyze(dense_network(), x[:2], questions=asked, progress=False)
    first, second = study.layers.to_pylist()
    assert first["verdicts_left_out"] == "not asked for"
    assert second["verdicts_left_out"] is None
    assert first["spectra_left_out"] == second["spectra_left_out"] == "not asked for"
    assert first["row_removal_left_out"] == second["row_removal_left_out"] == "not asked for"
    assert study["spectra"].num_rows == 0
    assert "metamers" not in study.tables


def test_a_network_without_relu_has_an_empty_layer_table() -> None:
    study = analyze(
        Network.from_layers([(np.eye(3), np.zeros(3))]),
        np.ones((2, 3)),
        questions=[Verdicts(), Metamers(2)],
        progress=False,
    )
    assert study.layers.num_rows == study["verdicts"].num_rows == study["metamers"].num_rows == 0
    assert study["kept"].num_rows == 0
    assert study.complete
    assert study["inputs"]["predicted"].to_pylist() == [0, 0]


def test_a_single_output_predicts_no_class() -> None:
    net = Network.from_layers([(np.eye(2), np.ones(2)), (np.ones((1, 2)), np.zeros(1))])
    study = analyze(net, np.array([[0.1, 0.2], [0.6, 0.4]]), questions=[Metamers(1)], progress=False)
    assert study["inputs"]["predicted"].to_pylist() == [None, None]
    assert study["metamers"]["metamer_predicted"].to_pylist() == [None] * 3


# -- the rest ----------------------------------------------------------------------------------------


def test_tables_have_their_documented_columns() -> None:
    for study in (dense_study(), joined_study()):
        for name in study.tables:
            for field in study[name].schema:
                assert field.metadata[b"description"], (name, field.name)
        for asked in study.asked:
            assert study[asked.name].schema.equals(study.kinds[asked.name].schema, check_metadata=True)
    assert dense_study().layers.schema.equals(joined_study().layers.schema)


def test_inputs_keep_labels_and_predictions() -> None:
    x, y = pictures()
    study = dense_study()
    said = np.asarray(dense_network()(x)).argmax(axis=1)
    assert study["inputs"]["label"].to_pylist() == y.tolist()
    assert study["inputs"]["predicted"].to_pylist() == said.tolist()


def test_the_same_call_gives_the_same_tables() -> None:
    x, y = pictures()
    asked = [Verdicts(), Spectra(2), RowRemoval(2), Metamers(1)]
    one, two = (analyze(dense_network(), x[:6], questions=asked, labels=y[:6], progress=False) for _ in range(2))
    assert one.tables == two.tables
    for name in one.tables:
        assert one[name].equals(two[name])


def test_the_order_of_questions_changes_the_order_of_tables_only() -> None:
    x, y = pictures()
    asked = [Ranges(1), Uniqueness(Box(0, 1)), Metamers(1), Spectra(2), Verdicts()]
    one = analyze(dense_network(), x[:6], questions=asked, labels=y[:6], progress=False)
    two = analyze(dense_network(), x[:6], questions=reversed(asked), labels=y[:6], progress=False)
    assert [each.name for each in one.asked[1:]] == [each.name for each in asked]
    assert [each.name for each in two.asked[1:]] == [each.name for each in asked[::-1]]
    assert one["ranges"].num_rows == 1
    for name in one.tables:
        assert one[name].equals(two[name])


def test_a_study_says_what_it_found() -> None:
    text = str(dense_study())
    assert text.startswith("Study of small: 24 inputs, 2 ReLU layers")
    assert "relu1: 28 features, 16 of 24 preimages bounded, 6 to 21 active" in text


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"data": np.ones((2, 5, 4))}, ShapeError, r"\(5, 4\)"),
        ({"data": np.ones((0, 16))}, InputError, "at least one input"),
        ({"data": np.full((1, 16), np.nan)}, InputError, "NaN"),
        ({"labels": np.array([1, 2])}, InputError, r"must have shape \(3,\)"),
        ({"labels": np.array([0.5, 1, 2])}, InputError, "not whole numbers"),
        ({"questions": [Verdicts(layers=["relu9"])]}, UnknownNode, "relu1, relu2"),
        ({"questions": [Spectra(2, layers=["relu9"])]}, UnknownNode, "relu1, relu2"),
        ({"questions": [RowRemoval(2, layers=["relu9"])]}, UnknownNode, "relu1, relu2"),
        ({"questions": [Metamers(1, layer="relu9")]}, UnknownNode, "relu9"),
        ({"questions": [Verdicts(layers="relu1")]}, InputError, r"\['relu1'\]"),
        ({"questions": [Spectra(-1)]}, InputError, "Spectra must be 0 or more"),
        ({"questions": [Spectra(True)]}, InputError, "Spectra must be 0 or more, not True"),
        ({"questions": [RowRemoval(-1)]}, InputError, "RowRemoval must be 0 or more"),
        ({"questions": [Metamers(-1)]}, InputError, "Metamers must be 0 or more"),
        ({"questions": [Metamers(1, norms=(3,))]}, InputError, "norm"),
        ({"questions": ["verdicts"]}, InputError, r"such as ur.questions.Verdicts\(\), not 'verdicts'"),
        ({"questions": [Verdicts]}, InputError, "questions are those of ur.questions"),
        ({"questions": [Spectra(1), Spectra(2)]}, InputError, "'spectra' is asked twice; ask it once, or in two"),
        ({"questions": [Ranges(1)]}, InputError, r"ask them along with a Uniqueness"),
        (
            {"questions": [Metamers(1, domain=Box(0.4, 0.5))]},
            DomainError,
            "input 0, a metamer's original: coordinate 0 .*; clip it",
        ),
        ({"data": np.full((1, 16), 0.5), "questions": [Metamers(1)]}, InputError, "at least two inputs"),
        ({"picture_shape": (3, 5)}, ShapeError, "16 numbers"),
        ({"picture_shape": (2, 2, 4)}, ShapeError, "picture_shape"),
    ],
)
def test_misuse_is_refused_in_one_sentence(change: dict, error: type[Exception], words: str) -> None:
    data = change.pop("data", np.linspace(0, 1, 48).reshape(3, 16))
    with pytest.raises(error, match=words):
        analyze(dense_network(), data, **{"progress": False, **change})


def test_refusals_come_before_the_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []

    class Noted:
        def stage(self, what: str, total: int):
            began.append(what)
            raise AssertionError

    asked = [Verdicts(), Metamers(1)]
    with pytest.raises(DomainError):
        analyze(dense_network(), np.full((3, 16), 2.0), questions=asked, progress=Noted())  # pyright: ignore[reportArgumentType]
    assert began == []


def test_torch_data_gives_the_same_study() -> None:
    import torch

    x, _ = pictures()
    one = analyze(dense_network(), x[:3], questions=[Verdicts(), Spectra(1)], progress=False)
    two = analyze(dense_network(), torch.from_numpy(x[:3].copy()), questions=[Verdicts(), Spectra(1)], progress=False)
    assert one.info.data_sha256 == two.info.data_sha256
    assert one["verdicts"].equals(two["verdicts"])


def test_studies_are_what_analyze_returns() -> None:
    assert isinstance(dense_study(), Study)
    assert joined_network().layers == ("relu1", "relu2")
