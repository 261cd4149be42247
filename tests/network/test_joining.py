"""Networks joined at their input: each computes what it computes alone, and none sees another."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from unrelu.errors import InputError, ShapeError, UnknownNode, UnreluError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network


def dense(seed: int, *sizes: int) -> Network:
    rng = np.random.default_rng(seed)
    return Network.from_layers(
        [(rng.standard_normal((m, d)), rng.standard_normal(m)) for d, m in itertools.pairwise(sizes)]
    )


def module(seed: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)).to(dtype).eval()


def read(seed: int, dtype: torch.dtype = torch.float64) -> Network:
    return Network.from_torch(module(seed, dtype), torch.zeros(1, 3, dtype=dtype))


X = np.random.default_rng(0).standard_normal((6, 3))


def test_outputs_follow_one_another_to_the_last_bit():
    parts = dense(1, 3, 5, 2), dense(2, 3, 4, 4, 1), dense(3, 3, 2)
    net = Network.joined(*parts)
    assert net.output_shape == (5,)
    assert np.array_equal(net(X), np.concatenate([part(X) for part in parts], axis=1))
    order = Network.joined(*reversed(parts))
    assert np.array_equal(order(X), np.concatenate([part(X) for part in reversed(parts)], axis=1))


def test_outputs_of_any_shape_are_flattened_in_order():
    torch.manual_seed(0)
    picture = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU()).eval()
    flat = nn.Sequential(nn.Flatten(), nn.Linear(9, 2)).eval()
    x = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    parts = [Network.from_torch(each, torch.zeros(1, 1, 3, 3)) for each in (picture, flat)]
    net = Network.joined(*parts)
    assert (net.input_shape, net.output_shape) == ((1, 3, 3), (10,))
    assert torch.equal(net(x), torch.cat([part(x).flatten(1) for part in parts], dim=1))


def test_names_say_which_network_a_node_is_of():
    parts = dense(1, 3, 5, 2), dense(2, 3, 4, 1)
    net = Network.joined(*parts)
    assert [node.name for node in net.nodes] == [
        "input", "1.dense1", "1.relu1", "1.dense2", "2.dense1", "2.relu1", "2.dense2",
    ]  # fmt: skip
    assert net.layers == ("1.relu1", "2.relu1")
    assert net.outputs == ("1.dense2", "2.dense2")
    named = Network.joined(*parts, names=("CO 3-2", "CO 2-1"))
    assert named.layers == ("CO 3-2.relu1", "CO 2-1.relu1")
    again = Network.joined(net, named, names=("all", "same"))
    assert again.layers == ("all.1.relu1", "all.2.relu1", "same.CO 3-2.relu1", "same.CO 2-1.relu1")
    assert np.array_equal(again(X), np.tile(net(X), 2))


def test_the_same_network_twice_stays_two():
    part = dense(1, 3, 5, 2)
    net = Network.joined(part, part)
    assert len(net.nodes) == 2 * len(part.nodes) - 1
    assert np.array_equal(net(X), np.tile(part(X), 2))


def test_only_the_input_separates_it_from_the_outputs():
    parts = dense(1, 3, 5, 2), dense(2, 3, 4, 1)
    net = Network.joined(*parts)
    assert net.cuts == ("input",)
    assert Network.joined(parts[0]).cuts == ("input", "1.dense1", "1.relu1", "1.dense2")
    prefix = net.upto("1.relu1", "2.relu1")
    assert prefix.bypassed_by == ()
    assert np.array_equal(prefix(X), np.concatenate([part.upto("relu1")(X) for part in parts], axis=1))
    alone = net.upto("2.relu1")
    assert alone.bypassed_by == ("1.dense1",)
    assert [node.name for node in alone.nodes] == ["input", "2.dense1", "2.relu1"]


def test_layers_fold_to_what_they_fold_to_alone():
    parts = dense(1, 3, 5, 2), dense(2, 3, 4, 4, 1)
    net = Network.joined(*parts)
    for k, part in enumerate(parts, start=1):
        for name in part.layers:
            ours, alone = net.layer(f"{k}.{name}"), part.layer(name)
            assert np.array_equal(ours.dense_weight, alone.dense_weight)
            assert np.array_equal(ours.bias, alone.bias)
            assert np.array_equal(net.layer_input(f"{k}.{name}", X), part.layer_input(name, X))


def test_it_is_saved_and_known_by_its_numbers(tmp_path: Path):
    net = Network.joined(dense(1, 3, 5, 2), dense(2, 3, 4, 1))
    net.save(tmp_path / "joined.unrelu")
    again = ur.load(tmp_path / "joined.unrelu")
    assert weights_sha256(again) == weights_sha256(net)
    assert np.array_equal(again(X), net(X))
    others = [
        Network.joined(dense(2, 3, 4, 1), dense(1, 3, 5, 2)),
        Network.joined(dense(1, 3, 5, 2), dense(2, 3, 4, 1), names=("1", "b")),
        Network.joined(dense(1, 3, 5, 2), dense(3, 3, 4, 1)),
    ]
    assert len({weights_sha256(each) for each in [net, *others]}) == 4


def test_prefixes_keep_what_passes_them_by():
    part = dense(1, 3, 5, 2)
    body = Network.joined(part, part).upto("1.relu1")
    assert Network.joined(body, part, names=("a", "b")).bypassed_by == ("a.2.dense1",)


def test_heads_are_told():
    torch.manual_seed(0)
    parts = []
    for _ in range(2):
        with pytest.warns(ur.errors.HeadWarning):
            parts.append(Network.from_torch(nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)).eval(), torch.zeros(1, 3)))
    assert Network.joined(*parts, dense(1, 3, 2)).head == "1.1, 2.1"


def test_models_compute_the_nodes_in_their_own_dtype():
    net = Network.joined(read(1), read(2, torch.float32), names=("wide", "narrow"))
    assert net.source is not None
    assert set(net.source.nodes) == {node.name for node in net.nodes}
    batch = torch.from_numpy(X)
    values = net.source.values(batch, ("narrow.2", "wide.2", "wide.1", "input"))
    assert list(values) == ["narrow.2", "wide.2", "wide.1", "input"]
    assert (values["narrow.2"].dtype, values["wide.2"].dtype) == (torch.float32, torch.float64)
    assert torch.equal(values["wide.2"], module(1)(batch))
    assert torch.equal(values["narrow.2"], module(2, torch.float32)(batch.float()))
    assert torch.equal(values["input"], batch)
    with pytest.raises(UnknownNode, match=r"no model has a node '2'; they have input, wide\.0"):
        net.source.values(batch, ("2",))


def test_there_is_a_model_only_where_every_network_has_one():
    assert Network.joined(read(1), dense(1, 3, 2)).source is None
    assert Network.joined(dense(1, 3, 2)).source is None


def test_questions_are_asked_of_it_as_of_any_network():
    net = Network.joined(read(1), read(2))
    found = ur.preimage(net, at=X[0], domain=ur.Box(-3, 3))
    assert found.contains(X[0])
    assert ur.linearize(net, at=X[0]).pattern.layers == ("1.1", "2.1")


ONE = dense(1, 3, 2)

WRONG: list[tuple[tuple[Any, ...], Any, type[UnreluError], str]] = [
    ((), None, InputError, "there is no network to join; give at least one."),
    ((ONE, dense(2, 4, 2)), None, ShapeError, "the networks '1' and '2' take inputs of the shapes (3,) and (4,)"),
    ((ONE, dense(2, 4, 2)), ("T", "n"), ShapeError, "the networks 'T' and 'n' take inputs"),
    ((ONE, ONE), ("a",), InputError, "2 networks are joined under as many different names, not under 'a'."),
    ((ONE, ONE), ("a", "a"), InputError, "2 networks are joined under as many different names, not under 'a, a'."),
    ((ONE,), ("",), InputError, "1 networks are joined under as many different names"),
    (([ONE, ONE],), None, InputError, "a Network is needed here, not list; give net.upto(name)"),
]


@pytest.mark.parametrize(("networks", "names", "error", "message"), WRONG)
def test_what_cannot_be_joined(networks: tuple[Any, ...], names: Any, error: type[UnreluError], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Network.joined(*networks, names=names)
