"""The reader of the benchmark's emulators: numbers come in, code does not."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.emulators import Emulchem, Numbers, difference, radex_problem


class MinMaxScaler:
    """As scikit-learn's old one is pickled."""

    def __init__(self, scale: list[float], shift: list[float]) -> None:
        self.scale_, self.min_ = np.array(scale), np.array(shift)
        self._sklearn_version = "0.19.1"


def pickled(scaler: MinMaxScaler) -> bytes:
    home = types.ModuleType("sklearn.preprocessing.data")
    setattr(home, "MinMaxScaler", MinMaxScaler)  # noqa: B010
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sklearn", "sklearn.preprocessing"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, home.__name__, home)
        patch.setattr(MinMaxScaler, "__module__", home.__name__)
        text = pickle.dumps(scaler, protocol=3)
    return text.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")  # as NumPy 1 wrote it


@pytest.fixture(params=["folder", "wheel"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    files: dict[str, bytes] = {}
    for line in ("A", "B"):
        layers = {
            f"fc{k}": nn.Linear(d, m, dtype=torch.float64)
            for k, d, m in zip((1, 2, 3, 4), (3, 5, 4, 3), (5, 4, 3, 1), strict=True)
        }
        written = io.BytesIO()
        torch.save(nn.ModuleDict(layers).state_dict(), written)
        files[f"rad/network{line}"] = written.getvalue()
        inputs = MinMaxScaler([0.005, 1e-6, 1 / 6], [-0.05, -0.01, -13 / 6])
        files[f"rad/minMaxScaler{line}.p"] = pickled(inputs)
        files[f"rad/scaler{line}.p"] = pickled(MinMaxScaler([0.25], [0.125]))
    if request.param == "folder":
        for name, content in files.items():
            path = tmp_path / "emulchem" / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path
    with zipfile.ZipFile(tmp_path / "e.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(f"emulchem/data/{name}", content)
    return tmp_path / "e.whl"


def test_a_problem_joins_emulators_in_physical_units(package: Path) -> None:
    emulchem = Emulchem(package)
    problem = radex_problem(emulchem, ("A", "B"))
    assert (problem.n_unknowns, problem.n_units, problem.network.output_size) == (3, 24, 2)
    assert difference(emulchem, problem, 50) <= 1e-12
    x, y = problem.target(3)
    again = problem.target(3)
    assert np.array_equal(x, again[0])
    assert np.array_equal(y, again[1])
    assert not np.array_equal(x, problem.target(4)[0])
    assert ((x >= problem.lower) & (x <= problem.upper)).all()
    # the last scaler is undone: 0.25 v + 0.125 is what the network's last layer gives
    inner = emulchem.radex("A")[:-1](torch.from_numpy(x[None])).item()
    assert np.isclose(0.25 * y[0] + 0.125, inner, rtol=0, atol=1e-14)


def test_a_scaler_that_names_anything_else_is_not_read() -> None:
    class Bad:
        def __reduce__(self):
            return os.getcwd, ()

    with pytest.raises(pickle.UnpicklingError, match=r"a scaler names posix\.getcwd, which is not read\."):
        Numbers(io.BytesIO(pickle.dumps(Bad()))).load()
