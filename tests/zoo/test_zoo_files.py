"""The files that the newer exporter writes of the zoo: each is read as it is, and computes what the module does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

import unrelu as ur
from zoo.animal import Animal
from zoo.building import built, samples
from zoo.intakes import FILES, committed, loaded, newer
from zoo.others import OTHERS
from zoo.pictures import PICTURES

ZOO = [*PICTURES, *OTHERS]

LARGEST = 30_000
"""Bytes of a file that is kept."""

CLOSE = {"float64": 1e-12, "factors in float32": 1e-7, "float32": 1e-5}
"""How far from the module a file may be, relative to the largest number, by what is float64 in it."""


def test_each_has_one_file_and_none_is_large() -> None:
    assert sorted(FILES.iterdir()) == sorted({committed(animal) for animal in ZOO})
    assert len({committed(animal) for animal in ZOO}) == len(ZOO)
    assert max(each.stat().st_size for each in FILES.iterdir()) <= LARGEST


def test_no_file_names_a_place_on_the_machine_that_wrote_it() -> None:
    for path in FILES.iterdir():
        content = path.read_bytes()
        assert not any(each in content for each in (b"/home/", b"/work/", b"/tmp/", b"site-packages", b".py"))


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_a_file_is_the_module(animal: Animal) -> None:
    """Values as the reference evaluator has them, values and Jacobian as the module has them, both in float64."""
    path, x = committed(animal), samples(animal, 3, seed=2)
    network, module = loaded(path), built(animal).double()
    found, expected = np.asarray(network(x)), module(x).detach()
    scale = float(expected.abs().max()) + 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE[animal.newer] * scale)
    exact = animal.newer != "float32"
    (evaluated,) = ReferenceEvaluator(str(path)).run(None, {"x": (x if exact else x.float()).numpy()})
    np.testing.assert_allclose(np.asarray(evaluated), found, rtol=0, atol=(1e-12 if exact else 1e-5) * scale)
    jacobian = torch.autograd.functional.jacobian(lambda z: module(z).flatten(), x[:1], vectorize=True)
    assert isinstance(jacobian, torch.Tensor)
    ours = ur.linearize(network, at=x[0]).matrix
    bound = max(CLOSE[animal.newer], 1e-7 if animal.rough else 0.0) * (float(jacobian.abs().max()) + 1)
    np.testing.assert_allclose(ours, jacobian.reshape(ours.shape), rtol=0, atol=bound)


def in_float32(path: Path) -> ModelProto:
    """The model with its numbers rounded, as onnxruntime has no float64 for much of it."""
    model = onnx.load(path)
    tensors = [each.t for node in model.graph.node for each in node.attribute if each.HasField("t")]
    for tensor in [*model.graph.initializer, *tensors]:
        if tensor.data_type == TensorProto.DOUBLE:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype("<f4"), tensor.name))
    for node in model.graph.node:
        for each in node.attribute:
            if each.name == "to" and each.i == TensorProto.DOUBLE:
                each.i = TensorProto.FLOAT
    for end in [*model.graph.input, *model.graph.output]:
        end.type.tensor_type.elem_type = TensorProto.FLOAT
    return model


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_onnxruntime_computes_the_same_in_float32(animal: Animal) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path, x = committed(animal), samples(animal, 3, seed=2).float()
    session = onnxruntime.InferenceSession(in_float32(path).SerializeToString(), providers=["CPUExecutionProvider"])
    (run,) = session.run(None, {"x": x.numpy()})
    ours = np.asarray(loaded(path)(x.double()))
    np.testing.assert_allclose(np.asarray(run), ours, rtol=0, atol=1e-6 * (abs(ours).max() + 1))


@pytest.mark.slow
@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_the_exporter_writes_this_file(animal: Animal) -> None:
    pytest.importorskip("onnxscript")
    assert newer(animal) == committed(animal).read_bytes()
