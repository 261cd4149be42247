"""What is fuzzed: folders of certificates, one of a study, data to be analysed, and a model."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
import pyarrow.parquet as pq
import torch
from torch import nn

from fuzzing.mutations import changed_bytes, changed_json, changed_model
from fuzzing.spliced import change_spliced, make_spliced, read_spliced
from network.onnx_builder import OnnxBuilder
from unrelu.errors import UnreluError
from unrelu.inverse.invert import invert
from unrelu.network import network_folder
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.load import load
from unrelu.network.named_network import NETWORK
from unrelu.network.stored_arrays import write_array
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissible_sets import admissible_sets
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.questions import classify, preimage
from unrelu.study.analyze import analyze
from unrelu.study.inputs.read import read_samples
from unrelu.study.number_table import read_table
from unrelu.study.questions import Metamers, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.saving import load_study


@dataclass(frozen=True)
class Target:
    """Something that reads files.

    Attributes:
        make: writes sound files into a folder, different ones by the seed.
        change: changes them.
        read: reads them, and does with them what a user would.
    """

    make: Callable[[Path, Random], None]
    change: Callable[[Path, Random], None]
    read: Callable[[Path], object]


def _canonical(record: Any) -> bytes:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _write_signed(path: Path, record: Any) -> None:
    """Write an index with its checksum, as a forger would; as it is where it has none any more."""
    if isinstance(record, dict):
        record.pop("sha256", None)
        record["sha256"] = hashlib.sha256(_canonical(record)).hexdigest()
    path.write_text(json.dumps(record), encoding="ascii")


# -- certificates ---------------------------------------------------------------------------------


@cache
def _certificates() -> list[Any]:
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.integers(-2, 3, (4, 2)).astype(float), rng.integers(-1, 2, 4).astype(float), name="relu")
    simplex = Polyhedron(np.array([[1.0, 1.0]]), np.ones(1), np.array([[1.0, -1.0]]), np.zeros(1), origin=np.ones(2))
    found: list[Any] = [
        classify(layer, rng.integers(-1, 2, (3, 2)).astype(float), domain=Box(-2, 2), progress=False),
        preimage(layer, features=np.array([0.0, 1.0, 0.0, 2.0]), domain=simplex),
        admissible_sets(layer),
    ]
    return found


def _make_certificates(folder: Path, chance: Random) -> None:
    save_certificates(chance.choice(_certificates()), folder, progress=False)


def _change_certificates(folder: Path, chance: Random) -> None:
    index = folder / "certificates.json"
    record = json.loads(index.read_text())
    what = chance.randrange(4)
    if what == 0:
        index.write_bytes(changed_bytes(index.read_bytes(), chance))
        return
    if what == 1:
        _write_signed(index, changed_json(record, chance))
        return
    path = chance.choice(sorted(each for each in folder.iterdir() if each.suffix != ".json"))
    path.write_bytes(changed_bytes(path.read_bytes(), chance))
    if path.suffix == ".parquet":
        record["table"] = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        content = path.read_bytes()
        entry = record["arrays"][path.stem]
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of headers that Python 2 would have written
                values = np.load(io.BytesIO(content), allow_pickle=False).astype("<f8")
            digest = hashlib.sha256(f"{values.shape}\n".encode())
            digest.update(np.ascontiguousarray(values).data)
            entry.update(shape=list(values.shape), dtype=chance.choice(["<f4", "<f8"]), sha256=digest.hexdigest())
        except Exception:  # no array any more
            entry["shape"] = [chance.randrange(9), chance.randrange(9)]
    _write_signed(index, record)


def _read_certificates(folder: Path) -> object:
    return load_certificates(folder).verify(progress=False, workers=1)


# -- certificates of prefixes and of all solutions, with their network ----------------------------


@cache
def _prefixes() -> list[Any]:
    rng = np.random.default_rng(0)
    layers = [(rng.integers(-2, 3, shape).astype(float), np.ones(shape[0])) for shape in ((3, 2), (4, 3), (2, 4))]
    dense = Network.from_layers(layers).upto("relu2")
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.LeakyReLU(),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2, 1),
        nn.ReLU6(),
    )
    image = Network.from_torch(module.eval(), torch.zeros(1, 1, 4, 4))
    return [
        classify(dense, rng.integers(-1, 2, (3, 2)).astype(float), domain=Box(-2, 2), progress=False),
        classify(dense, rng.integers(-1, 2, (2, 2)).astype(float), tolerance=0.25, progress=False),
        preimage(image, at=rng.random(image.input_shape)),
    ]


def _make_prefix(folder: Path, chance: Random) -> None:
    save_certificates(chance.choice(_prefixes()), folder, progress=False)


@cache
def _solutions() -> list[Any]:
    rng = np.random.default_rng(0)
    folded = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    layers = [(rng.integers(-2, 3, shape).astype(float), np.ones(shape[0])) for shape in ((3, 2), (4, 3), (2, 4))]
    dense = Network.from_layers(layers)
    y = np.asarray(dense(np.array([[0.5, -0.25]])))[0]
    asked: list[tuple[Network, np.ndarray, dict[str, Any]]] = [
        (folded, np.array([0.5]), {}),
        (dense, y, {}),
        (dense, y + 100.0, {}),
        (dense, y, {"time_limit": 0.0}),
        (dense, y[:1], {"outputs": [0], "noise": 0.1}),
    ]
    return [invert(net, wanted, domain=Box(-2, 2), progress=False, **more) for net, wanted, more in asked]


def _make_solutions(folder: Path, chance: Random) -> None:
    save_certificates(chance.choice(_solutions()), folder, progress=False)


def _change_prefix(folder: Path, chance: Random) -> None:
    index, path = folder / "certificates.json", folder / NETWORK / "network.json"
    record, described = json.loads(index.read_text()), json.loads(path.read_text())
    what = chance.randrange(5)
    if what == 0:
        index.write_bytes(changed_bytes(index.read_bytes(), chance))
        return
    if what == 1:
        _write_signed(index, changed_json(record, chance))
        return
    if what == 2:
        table = folder / "certificates.parquet"
        table.write_bytes(changed_bytes(table.read_bytes(), chance))
        record["table"] = hashlib.sha256(table.read_bytes()).hexdigest()
    else:
        if what == 3:
            described = changed_json(described, chance)
        else:
            array = chance.choice(sorted(path.parent.glob("*.npy")))
            node, field = array.stem.split(".")
            values = np.load(array).astype(float) * chance.choice([1.0, 0.0, -1.0, 2.0, 1e300, 1e-300])
            described["nodes"][int(node)]["arrays"][field] = vars(write_array(array, np.asarray(values)))
        path.write_text(json.dumps(described), encoding="ascii")
        name = _name(path.parent, described)
        if name is not None:  # a network, whose name a forger renews too
            record["prefix"]["sha256"] = name
            path.write_text(json.dumps({**described, "sha256": name}), encoding="ascii")
        record["prefix"]["file"] = hashlib.sha256(path.read_bytes()).hexdigest()
    _write_signed(index, record)


def _name(folder: Path, described: Any) -> str | None:
    """The true name of a network whose file gives another; None if it is no network."""
    claimed = described.get("sha256") if isinstance(described, dict) else None
    with patch.object(network_folder, "weights_sha256", lambda network: claimed):
        try:
            network = network_folder.load_network(folder)
        except UnreluError:
            return None
    return weights_sha256(network)


# -- studies --------------------------------------------------------------------------------------


@cache
def _network() -> Network:
    rng = np.random.default_rng(0)
    return Network.from_layers([(rng.standard_normal((5, 4)), np.zeros(5)), (rng.standard_normal((3, 5)), np.zeros(3))])


@cache
def _study() -> Any:
    x = np.random.default_rng(1).random((4, 4))
    asked = [Verdicts(), Uniqueness(Box(0, 1)), Ranges(1), Spectra(2), RowRemoval(1), Metamers(1)]
    return analyze(_network(), x, questions=asked, progress=False)


def _make_study(folder: Path, chance: Random) -> None:
    _study().save(folder)


def _change_study(folder: Path, chance: Random) -> None:
    (index,) = (folder / "studies").iterdir()
    record = json.loads(index.read_text())
    what = chance.randrange(4)
    if what == 0:
        index.write_bytes(changed_bytes(index.read_bytes(), chance))
    elif what == 1:
        _write_signed(index, changed_json(record, chance))
    else:
        path = chance.choice(sorted(folder.glob("*/run=*/*.parquet")))
        content = path.read_bytes()
        place = content.rfind(pq.read_metadata(path).metadata[b"unrelu.sha256"])
        content = changed_bytes(content, chance)
        if what == 3:  # and signed, where the place is still there
            blank = content[:place] + b"0" * 64 + content[place + 64 :]
            content = content[:place] + hashlib.sha256(blank).hexdigest().encode() + content[place + 64 :]
        path.write_bytes(content)


def _read_study(folder: Path) -> object:
    study = load_study(folder)
    study.save(folder / "copy")
    return str(study), [study[name].num_rows for name in study.tables]


# -- data -----------------------------------------------------------------------------------------


def _make_data(folder: Path, chance: Random) -> None:
    x = np.random.default_rng(2).random((3, 4))
    kind = chance.choice(["f4", "f8", "u1", "i8", "f2", "?"])
    if chance.random() < 0.5:
        np.save(folder / "x.npy", (9 * x).astype(kind))
    else:
        save = chance.choice([np.savez, np.savez_compressed])
        save(folder / "x.npz", x=(9 * x).astype(kind), y=np.arange(3))


def _change_data(folder: Path, chance: Random) -> None:
    (path,) = folder.iterdir()
    content = path.read_bytes()
    if path.suffix == ".npy" and chance.random() < 0.5:  # in the header, which is most likely to hurt
        path.write_bytes(changed_bytes(content[:128], chance) + content[128:])
    elif path.suffix == ".npy":  # in the numbers, of which then as many are read as before
        numbers = (changed_bytes(content[128:], chance) + bytes(len(content)))[: len(content) - 128]
        path.write_bytes(content[:128] + numbers)
    else:
        path.write_bytes(changed_bytes(content, chance))


def _read_data(folder: Path) -> object:
    (path,) = folder.iterdir()
    batch = read_samples(path, (4,))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # numbers of 1e300, of which norms overflow
        asked = [Verdicts(verify=False), Spectra(1)]
        return analyze(_network(), batch.values[:4], questions=asked, progress=False, workers=1)


# -- tables ---------------------------------------------------------------------------------------


def _make_table(folder: Path, chance: Random) -> None:
    (folder / "t.csv").write_text(chance.choice(["a,b\n1,2\n3,4\n", "T,10,210\nn,1e4,1e6\n", "-0.5\r\n0.25\r\n"]))


def _change_table(folder: Path, chance: Random) -> None:
    path = folder / "t.csv"
    path.write_bytes(changed_bytes(path.read_bytes(), chance))


def _read_table(folder: Path) -> object:
    table = read_table(folder / "t.csv")
    assert table.values.ndim == 2
    assert table.values.size
    assert not np.isnan(table.values).any()
    return table


# -- models ---------------------------------------------------------------------------------------


@cache
def _models() -> list[bytes]:
    rng = np.random.default_rng(3)
    dense = OnnxBuilder((4,))
    hidden = dense.node("Relu", dense.node("Gemm", "x", dense.weight(rng.random((5, 4))), transB=1))
    last = dense.node(
        "Add", dense.node("MatMul", hidden, dense.weight(rng.random((5, 3)))), dense.weight(rng.random(3))
    )
    picture = OnnxBuilder((2, 6, 6))
    made = picture.node("Conv", "x", picture.weight(rng.random((3, 2, 3, 3))), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    one = picture.weight(np.ones(3))
    made = picture.node("Relu", picture.node("BatchNormalization", made, one, one, one, one))
    made = picture.node("MaxPool", made, kernel_shape=[2, 2], strides=[2, 2])
    made = picture.node("Pad", made, picture.integers(0, 0, 1, 1, 0, 0, 1, 1))
    made = picture.node("AveragePool", made, kernel_shape=[2, 2])
    size = picture.node("Gather", picture.node("Shape", made), picture.integers(0), axis=0)
    shape = picture.node("Concat", size, picture.integers(-1), axis=0)
    made = picture.node("Reshape", made, shape)
    made = picture.node("Concat", made, picture.node("Neg", made), axis=1)
    made = picture.node("Slice", made, picture.integers(0), picture.integers(9), picture.integers(1))
    return [dense.model(last).SerializeToString(), picture.model(made).SerializeToString()]


def _make_model(folder: Path, chance: Random) -> None:
    (folder / "m.onnx").write_bytes(chance.choice(_models()))


def _change_model(folder: Path, chance: Random) -> None:
    path = folder / "m.onnx"
    if chance.random() < 0.3:
        path.write_bytes(changed_bytes(path.read_bytes(), chance))
        return
    model = onnx.load_model_from_string(path.read_bytes())
    changed_model(model, chance)
    path.write_bytes(model.SerializeToString())


def _read_model(folder: Path) -> object:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of ONNX's reference evaluator
        return load(folder / "m.onnx")


TARGETS = {
    "read_index": Target(_make_certificates, _change_certificates, _read_certificates),
    "load_certificates": Target(_make_prefix, _change_prefix, _read_certificates),
    "completeness": Target(_make_solutions, _change_prefix, _read_certificates),
    "load_study": Target(_make_study, _change_study, _read_study),
    "analyze": Target(_make_data, _change_data, _read_data),
    "read_table": Target(_make_table, _change_table, _read_table),
    "load": Target(_make_model, _change_model, _read_model),
    "splice": Target(make_spliced, change_spliced, read_spliced),
}


def cleared(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
