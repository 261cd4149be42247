from dataclasses import replace

import numpy as np
import pytest
import torch

from paper.context import Context, replacing
from paper.networks import network
from paper.pictures import pictures
from paper.training import Recipe, accuracy, trained
from unrelu.errors import InputError

RECIPE = Recipe("MLP-100", "mnist-sample", 2, "adam", 1e-3, 100)


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_a_training_that_was_stopped_continues_to_the_same_weights(tmp_path, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer, epochs=2)
    whole = trained(recipe, Context(tmp_path / "whole"))
    stopped = Context(tmp_path / "stopped")
    half = trained(replace(recipe, epochs=1), stopped)
    assert not same(half.module, whole.module)
    continued = trained(recipe, stopped)
    assert same(continued.module, whole.module)
    timeless = [[{**epoch, "processor_seconds": 0} for epoch in one.epochs] for one in (whole, continued)]
    assert timeless[0] == timeless[1]


def test_a_trained_network_is_read_again_and_has_learned(context):
    done = trained(RECIPE, context)
    assert same(trained(RECIPE, context).module, done.module)
    held_out = pictures("mnist-sample", "test", context)
    assert done.epochs[-1]["test_accuracy"] == accuracy(done.module, held_out) > 0.8
    assert accuracy(network("MLP-100").eval(), held_out) < 0.4


def test_fewer_epochs_than_there_are_is_refused(context):
    trained(RECIPE, context)
    with pytest.raises(InputError, match="has 2 epochs, more than the 1 asked for"):
        trained(replace(RECIPE, epochs=1), context)


def test_no_epochs_leave_random_weights(tmp_path):
    done = trained(replace(RECIPE, epochs=0), Context(tmp_path))
    assert same(done.module, network("MLP-100"))
    assert not list(tmp_path.iterdir())


def test_unknown_pictures_are_refused(context):
    with pytest.raises(InputError, match="no pictures called 'faces'"):
        pictures("faces", "test", context)  # pyright: ignore[reportArgumentType]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "numbers.txt"
    with replacing(path) as file:
        file.write(b"old")

    def fail():
        with replacing(path) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_what_was_computed_is_kept(context):
    first = context.kept("numbers", lambda: {"values": np.arange(3)})
    again = context.kept("numbers", lambda: pytest.fail("computed twice"))
    assert first["values"].tolist() == again["values"].tolist() == [0, 1, 2]
