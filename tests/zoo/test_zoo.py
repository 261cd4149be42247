"""Every network of the zoo comes in as it is: values and Jacobian equal the module's to 1e-12, by every intake."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import unrelu as ur
from zoo.animal import Animal
from zoo.building import built, samples
from zoo.intakes import loaded, older, read
from zoo.others import OTHERS
from zoo.pictures import PICTURES
from zoo.table import PAGE, written

ZOO = [*PICTURES, *OTHERS]


def test_there_are_sixty_and_no_two_of_a_name() -> None:
    names = [animal.name for animal in ZOO]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_no_part_is_dead(animal: Animal) -> None:
    """Else it would not be seen in values or Jacobians. A shift that a difference cancels is not seen in truth."""
    module, x = built(animal).double(), samples(animal, 3, seed=2)
    y = module(x)
    (y * torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=y.dtype)).sum().backward()
    still = [name for name, each in module.named_parameters() if each.grad is None or not each.grad.any()]
    assert still == (["branch.2.bias"] if "Siamese" in animal.name else [])


@pytest.mark.parametrize("fault", [False, True])
def test_the_page_has_the_table_as_it_is(fault: bool) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert (written(page.replace("| yes |", "| no |") if fault else page) == page) is True
    assert page.count("\n| ") >= len(ZOO)


READ = [animal for animal in ZOO if not animal.refused]
REFUSED = [animal for animal in ZOO if animal.refused]


@pytest.mark.parametrize("animal", REFUSED, ids=lambda animal: animal.name)
def test_what_does_not_come_in_is_refused_in_words(animal: Animal) -> None:
    with pytest.raises(ur.errors.UnsupportedOperator, match=animal.refused):
        read(animal)


@pytest.mark.parametrize("animal", READ, ids=lambda animal: animal.name)
def test_values_and_jacobian_are_the_modules(animal: Animal) -> None:
    module, network = built(animal).double(), read(animal)
    assert animal.smooth == any(node.is_smooth for node in network.nodes if node.name not in _heads(network))
    x = samples(animal, 3, seed=2)
    expected = module(x).detach().reshape(3, -1)
    found = np.asarray(network(x)).reshape(3, -1)
    scale = float(expected.abs().max()) + 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * scale)
    one = x[:1]
    jacobian = torch.autograd.functional.jacobian(lambda z: module(z).flatten(), one, vectorize=True)
    assert isinstance(jacobian, torch.Tensor)
    ours = ur.linearize(network, at=one[0]).matrix
    bound = (1e-7 if animal.rough else 1e-12) * (float(jacobian.abs().max()) + 1)
    np.testing.assert_allclose(ours, jacobian.reshape(ours.shape), rtol=0, atol=bound)


def _heads(network: ur.Network) -> set[str]:
    last = network.nodes[-1]
    return {last.name} if type(last.operator).__name__ in ("Softmax", "LogSoftmax", "Sigmoid") else set()


@pytest.mark.parametrize("animal", [each for each in READ if each.exports], ids=lambda animal: animal.name)
def test_it_is_the_same_network_through_onnx(animal: Animal, tmp_path: Path) -> None:
    """In float64, and in float32 as onnxruntime computes it; ONNX's reference evaluator is asked when it is read."""
    onnxruntime = pytest.importorskip("onnxruntime")
    module, x = built(animal), samples(animal, 4, seed=2)
    single = older(module, x[:2].float(), tmp_path / "single.onnx")
    double = copy.deepcopy(module).double()
    expected = double(x).detach()
    scale = float(expected.abs().max()) + 1
    if animal.double:
        found = np.asarray(loaded(older(double, x[:2], tmp_path / "double.onnx"))(x))
        bound = 1e-7 if animal.single else 1e-12
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * scale)
    session = onnxruntime.InferenceSession(single, providers=["CPUExecutionProvider"])
    (run,) = session.run(None, {"x": x.float().numpy()})
    # the exporter folds norms into convolutions in float32
    np.testing.assert_allclose(run, loaded(single)(x.float().double()), rtol=1e-3, atol=1e-4 * scale)
