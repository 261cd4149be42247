"""Training, on real pictures."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from unrelu.datasets import Dataset, Split, mnist_sample
from unrelu.demo.networks import mlp
from unrelu.demo.training import Training, accuracy, predictions, train
from unrelu.errors import InputError
from unrelu.progress import Lines


@pytest.fixture(scope="module")
def pictures() -> Split:
    data = mnist_sample()
    few = data.split(600).held_out
    return Split(few.take(np.arange(500)), few.take(np.arange(500, 600)))


def _loss(module: nn.Module, data: Dataset) -> float:
    with torch.no_grad():
        return nn.functional.cross_entropy(module(torch.from_numpy(data.images)), torch.from_numpy(data.labels)).item()


def test_one_epoch_on_500_pictures_learns(pictures: Split) -> None:
    module = mlp([64])
    trained = train(module, pictures.train, Training(batch_size=20, epochs=1), held_out=pictures.held_out)
    assert _loss(trained.module, pictures.train) < 0.5 * _loss(module, pictures.train)
    assert _loss(trained.module, pictures.held_out) < 0.6 * _loss(module, pictures.held_out)
    (epoch,) = trained.epochs
    assert epoch.held_out_accuracy == accuracy(trained.module, pictures.held_out)
    assert epoch.held_out_accuracy is not None
    assert epoch.held_out_accuracy > 0.5


def test_records_are_those_of_a_plain_computation(pictures: Split) -> None:
    # A step too small to change anything: the recorded loss and accuracy are those of the untrained network.
    module = mlp([16])
    trained = train(module, pictures.train, Training(learning_rate=1e-30, batch_size=77, epochs=2), held_out=None)
    for epoch in trained.epochs:
        assert epoch.loss == pytest.approx(_loss(module, pictures.train), rel=1e-5)
        assert epoch.accuracy == accuracy(module, pictures.train)
        assert epoch.held_out_accuracy is None


def test_steps_are_those_of_adam(pictures: Split) -> None:
    # Algorithm 1 of Kingma and Ba 2015, with all pictures in each batch; deviations are rounding in float32.
    images, labels = torch.from_numpy(pictures.held_out.images), torch.from_numpy(pictures.held_out.labels)
    module = mlp([6])
    trained = train(module, pictures.held_out, Training(learning_rate=0.01, batch_size=1000, epochs=4))
    parameters = list(module.parameters())
    m, v = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    for t in range(1, 5):
        loss = nn.functional.cross_entropy(module(images), labels)
        for k, gradient in enumerate(torch.autograd.grad(loss, parameters)):
            m[k] = 0.9 * m[k] + 0.1 * gradient
            v[k] = 0.999 * v[k] + 0.001 * gradient**2
            step = (m[k] / (1 - 0.9**t)) / (torch.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
            parameters[k].data -= 0.01 * step
    for found, expected in zip(trained.module.parameters(), parameters, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_the_same_seed_gives_the_same_weights(pictures: Split) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        trained = train(mlp([32]), pictures.train, Training(batch_size=50, epochs=1, seed=seed))
        return list(trained.module.parameters())

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_nothing_of_the_callers_is_changed(pictures: Split) -> None:
    module = mlp([8]).eval()
    before = copy.deepcopy(module.state_dict())
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    trained = train(module, pictures.train, Training(epochs=1, threads=threads + 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not trained.module.training
    assert trained.module is not module


def test_progress_counts_every_step(pictures: Split) -> None:
    stream = io.StringIO()
    train(
        mlp([4]),
        pictures.train,
        Training(batch_size=150, epochs=2),
        what="training a network",
        progress=Lines(stream, clock=lambda: 0.0),
    )
    assert stream.getvalue() == "training a network: 8 of 8, 0.0 s\n"


def test_predictions_are_the_largest_score_in_batches_of_any_size() -> None:
    scores = torch.tensor([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0], [0.0, 2.0, 7.0]])
    for size in (1, 2, 3, 100):
        assert predictions(nn.Identity(), scores, size).tolist() == [1, 0, 2]
    right = Dataset(scores.numpy(), np.array([1, 0, 0]), "scores")
    assert accuracy(nn.Identity(), right) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"batch_size": 0},
        {"epochs": 0},
        {"threads": 0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be positive"):
        Training(**wrong)  # type: ignore[arg-type]
