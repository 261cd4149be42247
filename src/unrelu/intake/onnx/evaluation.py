"""The ONNX model as a source, computed by ONNX's reference evaluator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ModelFileError, UnknownNode
from unrelu.intake.onnx.explicit import Explicit
from unrelu.intake.onnx.library import evaluator
from unrelu.intake.onnx.model import OnnxModel
from unrelu.untrusted.printable import printable


@dataclass(eq=False)
class OnnxProgram:
    """The model, able to compute the nodes of the network that was read from it.

    Attributes:
        model: what was read.
        places: for each node of the network that the model computes too: the tensor's name.
        tensors: results of all nodes that were read.
        batchless: those of them that have no batch axis.
        explicit: what some nodes do that the evaluator computes otherwise, by their first results.
        exit: the tensor that is the result.
    """

    model: OnnxModel
    places: dict[str, str]
    tensors: set[str]
    batchless: set[str]
    explicit: dict[str, Explicit]
    exit: str
    _run: Any = field(default=None, init=False, repr=False)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the network's nodes that the model computes too."""
        return tuple(self.places)

    @property
    def dtype(self) -> np.dtype:
        """Of its input."""
        return self.model.dtype

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes by ONNX's reference evaluator, in the model's dtype.

        A model for batches of one fixed size is run as often as needed, the last time on repeated samples.

        Args:
            batch: (n, *input_shape), any float dtype.
            names: some of `nodes`.

        Raises:
            UnknownNode: if the model does not compute a node.
        """
        missing = [name for name in names if name not in self.places]
        if missing:
            raise UnknownNode(f"the model has no node {missing[0]!r}; it has {', '.join(self.places)}.")
        if self._run is None:
            try:
                self._run = evaluator(self.model, self.tensors, self.explicit)
            except Exception as error:
                raise ModelFileError(
                    f"ONNX's reference evaluator does not take the model ({printable(str(error))}); export it again."
                ) from error
        samples = batch.detach().cpu().to(torch.float64).numpy().astype(self.model.dtype)
        size = self.model.batch or len(samples)
        runs = [self._once(samples[start : start + size], size, names) for start in range(0, len(samples), size)]
        columns = zip(*runs, strict=True)
        return {
            name: torch.from_numpy(np.ascontiguousarray(np.concatenate(column)))
            for name, column in zip(names, columns, strict=True)
        }

    def in_one_batch(self, batch: Tensor) -> Tensor:
        """The result for all samples at once, as the graph gives it where its batch is free.

        Raises:
            ModelFileError: if the graph cannot be computed for so many.
        """
        free = replace(self, model=replace(self.model, batch=None), batchless=set(), places={"": self.exit})
        return free.values(batch, ("",))[""]

    def _once(self, samples: np.ndarray, size: int, names: tuple[str, ...]) -> list[np.ndarray]:
        full = samples[np.arange(size) % len(samples)]
        tensors = [self.places[name] for name in names]
        try:
            values = self._run(tensors, {self.model.entry: full[0] if self.model.batchless else full})
        except Exception as error:  # whatever ONNX's own operators raise on what they do not expect
            raise ModelFileError(
                f"ONNX's reference evaluator cannot compute the model ({printable(str(error))}); export it again."
            ) from error
        return [
            np.asarray(value)[None] if tensor in self.batchless else value[: len(samples)]
            for tensor, value in zip(tensors, values, strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """Without the evaluator, which is made again where it is needed."""
        return {**self.__dict__, "_run": None}
