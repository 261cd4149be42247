from itertools import pairwise

import numpy as np
import pytest

from stability.reference_networks import REFERENCES, Graph, normal
from unrelu.network.graph import Network
from unrelu.operators import Add, Dense, ReLU
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern
from unrelu.stability.structural import structural_rank


def dense(m, d, seed):
    return Dense(normal(seed, m, d), normal(seed + 100, m))


@pytest.mark.parametrize("sizes", [(5, 8, 8), (8, 3, 8), (9, 30, 4), (6, 12, 5, 12)])
def test_on_a_chain_it_is_the_least_size_and_is_reached_by_generic_weights(sizes):
    layers = [(normal(k, m, d), normal(50 + k, m)) for k, (d, m) in enumerate(pairwise(sizes))]
    net = Network.from_layers([*layers, (np.eye(sizes[-1]), np.zeros(sizes[-1]))]).upto(f"relu{len(layers)}")
    x = normal(7, sizes[0])
    pattern = activation_pattern(net, x)
    bound = structural_rank(net, pattern)
    assert bound == min(sizes[0], *(pattern.n_active(layer) for layer in net.layers))
    assert np.linalg.matrix_rank(linearize(net, x).matrix) == bound


def test_around_a_sum_the_paths_add_up():
    net = (
        Graph(9)
        .add("down1", dense(2, 9, 0))
        .add("up1", dense(7, 2, 1))
        .add("down2", dense(3, 9, 2), "input")
        .add("up2", dense(7, 3, 3))
        .add("sum", Add(), "up1", "up2")
    ).network()
    x = normal(0, 9)
    assert structural_rank(net, activation_pattern(net, x)) == 2 + 3
    assert np.linalg.matrix_rank(linearize(net, x).matrix) == 5


def test_dead_branch_leaves_the_skip_connection():
    net = (
        Graph(4)
        .add("inner", Dense(normal(0, 4, 4), -1e3 * normal(1, 4).abs()))
        .add("relu", ReLU())
        .add("sum", Add(), "relu", "input")
    ).network()
    pattern = activation_pattern(net, normal(2, 4))
    assert pattern.n_active("relu") == 0
    assert structural_rank(net, pattern) == 4
    assert structural_rank(net.upto("relu"), pattern) == 0


def test_several_outputs_count_together():
    net = Graph(4).add("a", dense(1, 4, 0)).add("b", dense(2, 4, 1), "input").network("a", "b")
    assert structural_rank(net, activation_pattern(net, normal(2, 4))) == 3


@pytest.mark.parametrize("kind", REFERENCES)
def test_it_is_never_below_the_numerical_rank(kind):
    net = REFERENCES[kind]().network
    for seed in range(5):
        x = normal(seed, *net.input_shape)
        pattern = activation_pattern(net, x)
        for layer in net.layers:
            prefix = net.upto(layer)
            assert np.linalg.matrix_rank(linearize(prefix, x).matrix) <= structural_rank(prefix, pattern)
