"""Weights beside the model's file: read where they lie in its folder, and nothing else is opened."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from network.onnx_builder import OnnxBuilder
from unrelu.errors import ModelFileError
from unrelu.intake.onnx import data_files
from unrelu.network.load import load

MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) - 7
X = np.random.default_rng(0).normal(size=(3, 4))


def put_outside(tensor: Any, location: str, **fields: Any) -> None:
    del tensor.external_data[:]
    for key, value in {"location": location, **fields}.items():
        tensor.external_data.add(key=key, value=str(value))
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")


def outside(folder: Path, location: str = "w.bin", *, content: bytes | None = None, **fields: Any) -> Path:
    """A model whose one matrix lies in another file, with what that holds."""
    b = OnnxBuilder((4,))
    model = b.model(b.node("Relu", b.node("MatMul", "x", b.weight(MATRIX))))
    weight = model.graph.initializer[0]
    (folder / "w.bin").write_bytes(MATRIX.tobytes() if content is None else content)
    put_outside(weight, location, **fields)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@pytest.mark.parametrize(("before", "fields"), [(0, {}), (0, {"offset": 0, "length": 64}), (9, {"offset": 9})])
def test_weights_in_the_folder_are_read(tmp_path, before, fields):
    network = load(outside(tmp_path, content=bytes(before) + MATRIX.tobytes() + b"more", **fields))
    np.testing.assert_allclose(network(X), np.maximum(X @ MATRIX.astype(float), 0), rtol=1e-12, atol=1e-12)
    (tmp_path / "w.bin").unlink()  # the source has them too
    source = pickle.loads(pickle.dumps(network.source))
    values = source.values(torch.from_numpy(X), ("t1",))["t1"]
    np.testing.assert_allclose(values, network(X), rtol=1e-4, atol=1e-4)


def test_files_that_onnx_itself_splits_are_read(tmp_path):
    b = OnnxBuilder((4,))
    constant = b.node("Constant", value=numpy_helper.from_array(MATRIX[0] + 0.5))
    model = b.model(b.node("Add", b.node("MatMul", "x", b.weight(MATRIX)), constant))
    where = {"save_as_external_data": True, "location": "sub/weights", "size_threshold": 0, "convert_attribute": True}
    (tmp_path / "sub").mkdir()
    onnx.save_model(model, tmp_path / "m.onnx", **where)
    stored = onnx.load_model(tmp_path / "m.onnx", load_external_data=False)
    assert stored.graph.node[0].attribute[0].t.data_location == TensorProto.EXTERNAL
    network = load(tmp_path / "m.onnx")
    np.testing.assert_allclose(network(X), X @ MATRIX.astype(float) + MATRIX[0] + 0.5, rtol=1e-12, atol=1e-12)


def test_the_folder_is_that_of_the_path_which_may_be_a_link(tmp_path, monkeypatch):
    outside(tmp_path)
    (tmp_path / "other").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for path in ("m.onnx", "other/m.onnx", tmp_path / "other" / "m.onnx"):
        assert load(path).layers == ("t1",)


@pytest.mark.parametrize(
    "location",
    ["../secret.bin", "/etc/hostname", "sub/../../secret.bin", "sub/../w.bin",
     "", ".", "a\0b", "C:\\secret.bin", "..\\secret.bin",
     "sub/link", "link", "folder"],
)  # fmt: skip
def test_nothing_outside_of_the_folder_is_opened(tmp_path, location, monkeypatch):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(MATRIX.tobytes())
    (folder / "link").symlink_to(tmp_path / "secret.bin")
    (folder / "sub" / "link").symlink_to("../../secret.bin")
    (folder / "folder").symlink_to(tmp_path)
    path = outside(folder, location)
    opened = []
    real = data_files.open_regular
    monkeypatch.setattr(data_files, "open_regular", lambda name: (opened.append(name), real(name))[1])
    with pytest.raises(ModelFileError, match=r"weight 'w0' is stored in .*folder") as caught:
        load(path)
    assert not opened
    assert "\n" not in str(caught.value)


def test_links_within_the_folder_are_followed(tmp_path):
    path = outside(tmp_path, "link")
    (tmp_path / "link").symlink_to("w.bin")
    assert load(path).layers == ("t1",)


@pytest.mark.parametrize(
    ("location", "fields", "message"),
    [
        ("gone.bin", {}, "'gone.bin', which is not in the model's folder; put it there"),
        ("w.bin", {"length": 60}, "needs 64 bytes, but the file declares 60"),
        ("w.bin", {"offset": 1}, r"needs the bytes 1 to 65 of 'w.bin', which has 64"),
        ("w.bin", {"offset": -1}, "has the offset '-1', which is none"),
        ("w.bin", {"length": "1e9"}, "has the length '1e9', which is none"),
        ("w.bin", {"offset": 10**30}, "has the offset '1000"),
        ("pipe", {}, "it is a folder, a pipe or a device"),
        ("loop", {}, "which is not in the model's folder"),
    ],
)
def test_what_is_not_there_is_said(tmp_path, location, fields, message):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ModelFileError, match=message):
        load(outside(tmp_path, location, **fields))


def test_sizes_are_checked_before_anything_is_read(tmp_path, monkeypatch):
    """Four tensors of the same 64 bytes are 256, more than the file's own and 100 beyond it."""
    b = OnnxBuilder((4,))
    made = "x"
    for _ in range(4):
        made = b.node("MatMul", made, b.weight(MATRIX))
    model = b.model(made)
    (tmp_path / "w.bin").write_bytes(MATRIX.tobytes())
    for weight in model.graph.initializer:
        put_outside(weight, "w.bin")
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert load(path).output_shape == (4,)
    monkeypatch.setattr(data_files, "ROOM", 100)
    with pytest.raises(ModelFileError, match=r"up to weight 'w2' the model has 192 bytes .* store each weight once"):
        load(path)
    model.graph.initializer[0].dims[:] = [2**40, 2**40]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=r"needs the bytes 0 to 4,835,703,278,458,516,698,824,704 of 'w.bin'"):
        load(path)
