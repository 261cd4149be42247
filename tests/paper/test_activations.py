from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch

from paper.activations import Step, kind, singular_values, steps
from paper.networks import ACTIVATIONS, network
from paper.training import Recipe

RECIPE = Recipe("MLP-100", "mnist-sample", 0, "adam", 1e-3, 100)


def step(weight, slopes):
    m, d = weight.shape
    return Step(np.zeros(d), weight, np.zeros(m), slopes)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_product_of_all_steps_is_the_jacobian(activation):
    module = network("MLP-100", seed=3, activation=activation).double()
    image = torch.rand(28, 28, generator=torch.Generator().manual_seed(1))
    path = steps(module, image)
    J = path[0].slopes[:, None] * path[0].weight
    for each in path[1:]:
        J = (each.slopes[:, None] * each.weight) @ J
    names = [name for name, _ in module.named_children()]
    prefix = module[: names.index("relu10") + 1]
    expected = torch.func.jacrev(prefix)(image.double()[None]).reshape(100, 784).detach().numpy()
    np.testing.assert_allclose(J, expected, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(path[-1].x, module[: names.index("relu9") + 1](image.double()[None])[0].detach())


def test_singular_values_far_below_rounding_are_right_where_all_slopes_are_not_0():
    random = np.random.default_rng(5)
    path = [step(random.standard_normal((6, 9)), np.where(random.random(6) < 0.5, 1, 0.01))]
    path += [step(random.standard_normal((6, 6)), np.where(random.random(6) < 0.5, 1, 0.01)) for _ in range(19)]
    with mpmath.workdps(60):
        J = mpmath.eye(9)
        for each in path:
            J = mpmath.diag(each.slopes.tolist()) * mpmath.matrix(each.weight.tolist()) * J
        expected = np.array(mpmath.svd_r(J.T, compute_uv=False), dtype=float)
    assert expected[0] / expected[-1] > 1e20  # beyond what one decomposition in double precision sees
    np.testing.assert_allclose(singular_values(path), expected, rtol=1e-9)
    large = [step(path[0].weight * 1e200, path[0].slopes), *path[1:]]
    np.testing.assert_allclose(singular_values(large), expected * 1e200, rtol=1e-9)


def test_a_relu_leaves_as_many_values_as_rows():
    random = np.random.default_rng(6)
    path = [step(random.standard_normal((5, 8)), np.array([1.0, 1, 0, 1, 0]))]
    found = singular_values(path)
    np.testing.assert_allclose(found[:3], np.linalg.svd(path[0].weight[[0, 1, 3]], compute_uv=False))
    assert found[3:].tolist() == [0, 0]


def test_what_can_be_undone_has_one_preimage_only_if_the_affine_map_has():
    random = np.random.default_rng(7)
    square = Step(random.standard_normal(4), random.standard_normal((4, 4)), random.standard_normal(4), np.ones(4))
    wide = Step(random.standard_normal(5), random.standard_normal((4, 5)), random.standard_normal(4), np.ones(4))
    for activation in ("leaky-relu-0.3", "elu"):
        recipe = replace(RECIPE, activation=activation)
        assert kind(square, recipe) == "singleton"
        assert kind(wide, recipe) == "unbounded"
    assert kind(replace(square, bias=-9.0 * np.ones(4)), RECIPE) == "unbounded"  # no row is active
