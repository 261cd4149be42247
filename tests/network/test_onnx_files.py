"""All that can be wrong with a model file."""

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from network.onnx_builder import OnnxBuilder
from unrelu.errors import (
    MissingExtra,
    ModelFileError,
)
from unrelu.intake.onnx import library
from unrelu.network.load import load

MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) - 7


def relu_model() -> Any:
    builder = OnnxBuilder((4,))
    return builder.model(builder.node("Relu", builder.node("MatMul", "x", builder.weight(MATRIX))))


def _change(change: Callable[[Any], object]) -> Any:
    model = relu_model()
    change(model)
    return model


def _dim(model: Any, axis: int) -> Any:
    return model.graph.input[0].type.tensor_type.shape.dim[axis]


def _set_weight(**fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        weight = model.graph.initializer[0]
        for name, value in fields.items():
            if name == "dims":
                del weight.dims[:]
                weight.dims.extend(value)
            else:
                setattr(weight, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set_weight(dims=[4, -4]), "weight 'w0' declares the sizes"),
        (_set_weight(dims=[2**40, 2**40]), "declares 1,208,925,819,614,629,174,706,176 numbers"),
        (_set_weight(dims=[4, 5]), r"declares 20 numbers \(\[4, 5\]\), but the file holds 16; it is damaged"),
        (_set_weight(raw_data=b"123"), "but the file holds 0.75"),
        (_set_weight(data_location=TensorProto.EXTERNAL), "weight 'w0' is stored in '', which names no file"),
        (_set_weight(data_type=TensorProto.STRING), "has an element type or layout that is not read"),
        (_set_weight(data_type=99), "has an element type or layout that is not read"),
        (lambda m: m.graph.sparse_initializer.add(), "stores sparse weights"),
        (lambda m: m.opset_import[0].__setattr__("version", 6), "uses opset 6 of ONNX, older than 7"),
        (lambda m: m.graph.input.add(name="y"), r"has 2 inputs \('x', 'y'\)"),
        (lambda m: m.graph.output.add(name="y"), "has 2 outputs"),
        (lambda m: m.graph.ClearField("output"), "holds no graph with an input and an output"),
        (lambda m: _dim(m, 1).Clear(), "leaves its axis 1 open"),
        (lambda m: _dim(m, 1).__setattr__("dim_value", -4), "declares the size -4"),
        (lambda m: _dim(m, 0).__setattr__("dim_value", 0), "declares the size 0"),
        (lambda m: _dim(m, 1).__setattr__("dim_value", 2**60), "declares .* more than"),
        (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "declares no shape"),
        (lambda m: m.graph.input[0].type.tensor_type.__setattr__("elem_type", TensorProto.INT64), "is no tensor of"),
        (lambda m: m.graph.input[0].type.Clear(), "is no tensor of"),
        (lambda m: m.graph.node[0].ClearField("output"), "gives no result"),
        (lambda m: m.graph.output[0].__setattr__("name", "elsewhere"), "'elsewhere' does not depend on the input"),
    ],
)
def test_damaged_files_are_said_in_one_sentence(tmp_path, change, message):
    path = tmp_path / "model.onnx"
    path.write_bytes(_change(change).SerializeToString())
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0, 7, 100])
def test_cut_files_are_damaged(tmp_path, cut):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString()[:cut])
    with pytest.raises(ModelFileError, match=r"is damaged or no ONNX file|holds no graph"):
        load(path)


def test_files_over_the_limit_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString())
    monkeypatch.setattr(library, "FILE_LIMIT", 100)
    with pytest.raises(ModelFileError, match="at most 100 are read"):
        load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.onnx", "there is no file"),
        ("model.pt", "can run code when read.*Network.from_torch"),
        ("model.safetensors", "holds weights without their module; .*Network.from_torch"),
        ("model.joblib", "is a pickle, which can run code when read; .*Network.from_sklearn"),
        ("model.keras", "KERAS_BACKEND=torch.*Network.from_keras"),
        ("model.tflite", "convert it to ONNX"),
        ("model.txt", re.escape("has the suffix '.txt'")),
        ("model", "has the suffix ''"),
    ],
)
def test_other_files_are_told_what_to_do(tmp_path, name, message):
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / name)


def test_loading_by_suffix_in_any_case(tmp_path):
    path = tmp_path / "MODEL.ONNX"
    path.write_bytes(relu_model().SerializeToString())
    assert load(str(path)).layers == ("t1",)


def test_missing_package_names_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r'pip install "unrelu\[onnx\]"'):
        load(path)
