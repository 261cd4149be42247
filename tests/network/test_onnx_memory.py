"""What reading an ONNX file takes is foreseen from its shapes, before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from network.onnx_builder import OnnxBuilder
from unrelu.checking.check import check
from unrelu.errors import TooLarge
from unrelu.intake import memory
from unrelu.intake.memory import Memory
from unrelu.intake.onnx.library import parse
from unrelu.intake.onnx.translation import translate
from unrelu.network.load import load
from untrusted.hostile_files import reading

Writing = Callable[[OnnxBuilder, int], str]


def tiled(b: OnnxBuilder, n: int, axis: int = 0) -> str:
    return b.node("Tile", "x", b.integers(1, *(n // 6 if axis == k else 1 for k in range(2))))


MODELS: dict[str, Writing] = {
    "pad": lambda b, n: b.node("Pad", "x", b.integers(0, 0, 1, 0, n // 3, 2), b.weight(np.array(0.5))),
    "tile": tiled,
    "relu": lambda b, n: b.node("Relu", tiled(b, n)),
    "matmul": lambda b, n: b.node("MatMul", tiled(b, n), b.weight(np.ones((3, 3)))),
    "conv": lambda b, n: b.node("Conv", tiled(b, n, 1), b.weight(np.ones((3, 2, 3)))),
    "joined": lambda b, n: b.node("Concat", tiled(b, n), tiled(b, n), axis=1),
}
"""With nodes that give about n numbers for one sample."""


def written(name: str, folder: Path, n: int) -> Path:
    builder = OnnxBuilder((2, 3), opset=17)
    return builder.save(folder, MODELS[name](builder, n))


@pytest.mark.parametrize("name", ["pad", "conv", "joined"])
def test_no_more_is_taken_than_was_foreseen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, which grows by some MiB whatever it reads; samples are compared one by one."""
    (tmp_path / "small").mkdir()
    small = OnnxBuilder((2, 3), opset=17)
    first = small.save(tmp_path / "small", small.node("Relu", "x"))
    path = written(name, tmp_path, 1_200_000)
    foreseen: list[float] = []

    def check(self: Memory, name: str, total: int, widest: int) -> None:
        foreseen.append(memory.KEPT * (2 + self.batch) * total + memory.COMPARED * widest)

    monkeypatch.setattr(Memory, "check", check)
    translate(parse(path))
    said, grown = reading(("load(where)", first), ("load(where)", path))
    assert said == ["no error", "no error"]
    assert grown < max(foreseen) / 2**20 + 40


@pytest.mark.parametrize("name", MODELS)
def test_a_small_file_that_takes_much_is_refused_unless_it_is_trusted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(name, tmp_path, 60_000)
    monkeypatch.setattr(memory, "ROOM", 2**20)
    with pytest.raises(TooLarge, match=f"MiB of memory, more than a file of {path.stat().st_size:,} bytes may take"):
        load(path)
    assert load(path, trust=True).output_size >= 50_000
    assert not check(path, questions=False).all_read
    assert check(path, questions=False, trust=True).all_read


def test_a_batch_of_fixed_size_counts_for_what_the_model_computes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ROOM", 2**21)
    monkeypatch.setattr(memory, "TIMES", 0)
    for batch, much in ((500, False), (5000, True)):
        b = OnnxBuilder((100,))
        path = b.save(tmp_path, b.node("Relu", "x"), batch=batch)
        with pytest.raises(TooLarge, match="reading the model would take") if much else nullcontext():
            load(path)


def test_the_files_of_the_weights_count_as_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROOM", 0)
    monkeypatch.setattr(memory, "TIMES", 8)
    b = OnnxBuilder((100,))
    path = b.save(tmp_path, b.node("MatMul", "x", b.weight(np.ones((100, 100)))))
    load(path)  # of 40 kB
    monkeypatch.setattr(memory, "TIMES", 0)
    with pytest.raises(TooLarge, match="of 40,"):
        load(path)
