import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import unrelu as ur
from paper import __main__ as command
from paper.decay import by_layer, curve, layer_spectra, packed, unpacked
from paper.experiments import EXPERIMENTS
from paper.lemma9 import Lemma9Config, one_picture
from paper.pictures import pictures
from paper.preimages import PreimagesConfig, finite_if_random, reasons, unique_if_random
from paper.tradeoff import row
from paper.training import Recipe
from unrelu.study.gaussian_uniqueness import gaussian_uniqueness

MLP = Recipe("MLP-100", "mnist-sample", 1, "adam", 1e-3, 100)
TINY = {
    "metamers": {"recipes": (MLP, replace(MLP, seed=1)), "n_originals": 2, "n_targets": 2, "n_drawn": 3},
    "preimages": {"recipes": (MLP, replace(MLP, epochs=0)), "n_pictures": 20, "n_drifts": 2},
    "transition": {"recipes": (replace(MLP, normalised=False),), "n_pictures": 5, "n_drifts": 2},
    "compactness": {"recipes": (MLP,), "n_pictures": 2, "n_ranges": 0},
    "relu": {"n_pictures": 1, "window": 4},
    "depth": {"n_pictures": 1, "window": 4},
    "tradeoff": {"n_pictures": 1, "window": 4},
    "lemma9": {"n_pictures": 1, "layer": 5, "patch": 2, "largest_gram": 0},
    "three-vectors": {},
    "discussion": {"recipes": (MLP,), "width": 16, "depth": 3, "n_points": 3, "n_pictures": 4},
    "activations": {"n_pictures": 2},
}
"""A few seconds each."""


def tiny(name, cifar):
    experiment = EXPERIMENTS[name]
    config = replace(experiment.quick, **TINY[name])
    thin = [replace(each, data=cifar) for each in config.recipes if each.network == "ThinCIFAR"]
    wide = [replace(each, network="ThinCIFAR", data=cifar) for each in config.recipes if each.network == "WideCIFAR"]
    dense = [replace(MLP, epochs=0) if each.network == "MLP-3500" else each for each in config.recipes]
    dense = [replace(each, epochs=min(each.epochs, 1)) for each in dense if each.network == "MLP-100"]
    return replace(config, recipes=(*(thin or wide), *dense))


@pytest.fixture(scope="session")
def ran(context, request):
    """What the command wrote and said about an experiment, of which it is given the small one for the quick one."""

    @cache
    def ran(name):
        experiment = EXPERIMENTS[name]
        networks = {each.network for each in experiment.quick.recipes}
        cifar = request.getfixturevalue("cifar") if any("CIFAR" in network for network in networks) else None
        small = replace(experiment, quick=tiny(name, cifar))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
            patch.setitem(EXPERIMENTS, name, small)
            command.main([name, "--quick", "--folder", str(context.folder)])
        stored = json.loads((context.folder / "quick" / f"{name}.json").read_text())
        return small, stored, said.getvalue()

    return ran


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_says_and_draws(name, context, ran):
    experiment, stored, said = ran(name)
    again = experiment.run(experiment.quick, context)
    assert stored["results"] == json.loads(json.dumps(again))  # what is kept says the same
    assert {"claim", "config", "versions", "seconds", "made"} <= stored.keys()
    out = context.folder / "quick"
    assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / f"{name}.svg").read_text()
    assert experiment.say(stored["results"])
    assert said == f"{name}\n{experiment.say(stored['results'])}\n{out / name}.json, .png, .svg\n"
    assert sorted(path.name for path in out.glob(f"{name}.*")) == [f"{name}.{kind}" for kind in ("json", "png", "svg")]


def test_wendels_formula_in_the_plane():
    assert finite_if_random(0, 3, 2) == pytest.approx(0.25)  # three random directions leave no half-plane
    assert finite_if_random(1, 3, 2) == pytest.approx(0.5)  # two random signs on a line
    assert finite_if_random(2, 3, 2) == 1.0


def test_uniqueness_of_random_rows_is_that_of_the_package():
    k, inside = np.array([50, 100, 300, 450, 500]), np.array([40, 90, 120, 150, 100])
    expected = [gaussian_uniqueness(int(a), int(f), 784 - int(f)) for a, f in zip(k, inside, strict=True)]
    np.testing.assert_allclose(unique_if_random(k, inside, 784), expected, rtol=1e-9, atol=1e-300)


def test_preimages_are_those_of_the_package(ran):
    (found, untrained) = ran("preimages")[1]["results"]["networks"]
    assert found["unproved"] == untrained["unproved"] == 0
    for one in (found, untrained):
        table = one["over_n_active"]
        assert sum(table["finite"] + table["infinite"] + table["open"]) == 20
        assert sum(table["unique"] + table["not_unique"]) == 20
        assert one["kinds"] == {"unbounded": 20}  # 100 rows in 784 dimensions: the paper's Corollary 6
        assert one["fewest_with_finite"] is None
    assert found["reasons"]["n"] == 0  # 100 rows lie in a half-space of 684 dimensions, drift or not


def test_drift_predicts_what_is_infinite(context):
    random = np.random.default_rng(4)
    d, n = 40, 400
    layer = ur.ReLULayer(random.standard_normal((n, d)) + 2 * np.eye(d)[0], -np.ones(n))
    images = np.linspace(0.03, 0.2, 12)[:, None] * random.standard_normal((12, d)) - 0.3 * np.eye(d)[0]
    whole = ur.classify(layer, images, progress=False)
    found = {"n_active": whole.n_active, "kind": np.array([kind.value for kind in whole.kind])}
    assert {"bounded", "unbounded"} <= set(found["kind"].tolist())
    made = json.loads(json.dumps(reasons(layer, images, found, PreimagesConfig(n_drifts=12), context)))
    assert made["n"] == sum(whole.n_active <= d - 2)
    assert made["predicted_rightly"] >= made["n"] - 1
    assert made["pairs_ordered_rightly"] >= 0.9 * made["pairs"] > 0
    assert made["n_active"] == sorted(whole.n_active)[: made["n"]]


def test_spectra_survive_the_file_and_summaries_are_those_of_the_package(context):
    done, spectra = layer_spectra(MLP, 2, None, context)
    arrays = packed(spectra)
    again = unpacked({key: np.asarray(value) for key, value in arrays.items()}, 0, None)
    for one, other in zip(spectra, again, strict=True):
        assert one.values.tolist() == other.values.tolist()
        assert (one.layer, one.relu, one.shape, one.rank) == (other.layer, other.relu, other.shape, other.rank)
    images = pictures("mnist-sample", "test", context).images[:2]
    net = ur.Network.from_torch(done.module, torch.from_numpy(images))
    table = [each for each in ur.tradeoff(net, images, progress=False).rows if each.relu]
    for theirs, group in zip(table, by_layer(spectra), strict=True):
        ours = row(group)
        assert ours["condition_number"][1] == pytest.approx(theirs.condition_number.median, rel=1e-5)
        assert ours["rank"][1] == theirs.rank.median
        drawn = curve(group)
        assert drawn["index"][0] == 1
        assert drawn["index"][-1] == 100
        assert drawn["median"][0] == pytest.approx(theirs.largest.median, rel=1e-4)


def test_a_relu_lowers_every_singular_value(ran):
    found = ran("relu")[1]["results"]["networks"][0]["curves"]
    assert [(one["layer"], one["relu"]) for one in found] == [
        (layer, after) for layer in ("relu2", "relu5") for after in (False, True)
    ]
    for before, after in zip(found[::2], found[1::2], strict=True):
        assert (np.array(after["median"]) <= np.array(before["median"]) * (1 + 1e-4)).all()  # Lemma 8
        assert after["median"][-1] < before["median"][-1]


@pytest.mark.parametrize("side", [4, 6])  # the remaining rows are dependent, and independent
def test_lemma_9_on_sparse_rows_is_that_of_the_package_on_dense_ones(side, context):
    random = np.random.default_rng(3)
    A = random.standard_normal((32, side**2)) * (random.random((32, side**2)) < 0.3)
    layer = ur.ReLULayer(A, random.standard_normal(32), input_shape=(1, side, side), output_shape=(2, 4, 4))
    x = random.standard_normal(side**2)
    found = one_picture(layer, x, Lemma9Config(patch=4), context, f"lemma9/test-{side}")
    scan = ur.bounds.correlation_scan(layer, at=x, c=np.array(found["c"]) * (1 + 1e-4))
    weak = ur.bounds.weak_correlation(layer, at=x)
    counts = scan.holds.sum(axis=0)
    assert np.abs(counts - found["rows_all_of_whose_conditions_hold"]).max() <= 1  # c is rounded to five digits
    np.testing.assert_allclose(found["share_of_pairs"], scan.share.mean(axis=0), atol=0.01)
    assert found["least_c"][0] == pytest.approx(weak.smallest_bound, rel=1e-4)
    assert found["along"][0] == pytest.approx(weak.along.min(), rel=1e-4)
    assert found["smallest_nonzero"] == pytest.approx(weak.smallest_nonzero, rel=1e-5)
    assert found["largest"] == pytest.approx(weak.largest, rel=1e-5)
    if side == 6:
        assert found["along_projected"][0] == pytest.approx(np.nanmin(weak.along_projected), rel=1e-4)
        assert found["along_projected"][0] >= found["smallest_nonzero"]
    assert found["patch"]["least_c"] == pytest.approx(weak.smallest_bound, rel=1e-5)  # the patch is the whole layer


def test_without_relus_orthogonal_layers_keep_all_singular_values_at_1(ran):
    found = ran("discussion")[1]["results"]
    for layer in found["orthogonal"]["layers"]:
        assert layer["condition_number_without_relu"] == pytest.approx(1)
        assert layer["condition_number"][1] >= 1
        assert layer["largest"][2] <= 1 + 1e-12  # removing rows lowers singular values (Lemma 8)
    assert found["orthogonal"]["layers"][0]["condition_number"][1] == pytest.approx(1)  # orthonormal rows are left
    assert found["preconditioner"]["own_region"]["preconditioned"] == pytest.approx(1, rel=1e-5)
    assert found["preconditioner"]["other_regions"]["preconditioned"][1] > 1.01


def test_the_numbers_of_the_three_vectors_are_those_of_the_closed_form(context):
    """Unit vectors at an angle t have singular values `sqrt(1 +- cos t)`."""
    experiment = EXPERIMENTS["three-vectors"]
    found = experiment.run(experiment.full, context)
    t = np.radians(6)
    everything, without_2, without_3 = found["cases"]
    np.testing.assert_allclose(everything["values"], np.linalg.svd(found["vectors"], compute_uv=False))
    np.testing.assert_allclose(without_2["values"], [1, 1])
    np.testing.assert_allclose(without_3["values"], [np.sqrt(1 + np.cos(t)), np.sqrt(1 - np.cos(t))])
    assert without_3["along"] == pytest.approx(np.sin(t))
    assert "condition number 19.08" in experiment.say(found)
    assert without_3["least_c"] == pytest.approx(np.sqrt(2) * np.sin(t))
    page = (Path(__file__).parent.parent.parent / "docs" / "stability.md").read_text()
    assert f"```text\n{experiment.say(found)}\n```" in page
