"""Reading one node of an ONNX graph after the other."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from unrelu.errors import ModelFileError, UnreluError, UnsupportedOperator
from unrelu.intake.builder import moving
from unrelu.intake.builder.mixing import MixesSamples
from unrelu.intake.draft import Draft, Signal, before
from unrelu.intake.memory import Memory
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.constants import FOLDS, fold_constant
from unrelu.intake.onnx.explicit import Explicit
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.onnx.registry import OPERATORS
from unrelu.intake.refusals import refusal
from unrelu.untrusted.printable import printable

PROBE = 7919
"""Stands for the free size of a batch where a graph computes with sizes (Shape, Gather, Concat, Reshape).

A prime, so that no size of a sample is taken for it by accident; and if one were, the comparison with the
reference evaluator, which runs other batches, would fail.
"""

BATCHED = {
    *("Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization"),
    *("AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool"),
    *("DepthToSpace", "SpaceToDepth"),
}
"""Operators whose axis 0 is the batch by definition."""


_STRANGE = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


@dataclass(eq=False)
class Reading:
    """What was read of a graph so far.

    Attributes:
        model: the graph.
        draft: what it is written into.
        allowance: what computed constants may still take.
        known: what each tensor is.
        batchless: names of the tensors that have no batch axis.
        places: for each node that was written: the tensor that is its value.
        tensors: results of the nodes that were read.
        explicit: see `Place.explicit`, by the nodes' first results.
    """

    model: OnnxModel
    draft: Draft
    allowance: Allowance
    known: dict[str, Value]
    batchless: set[str]
    places: dict[str, str]
    tensors: set[str] = field(default_factory=set)
    explicit: dict[str, Explicit] = field(default_factory=dict)

    @classmethod
    def begin(cls, model: OnnxModel, draft: Draft) -> Reading:
        """Write the input."""
        draft.memory = None if model.size is None else Memory(model.size, model.batch or 1)
        entry = draft.begin(model.shape)
        return cls(
            model=model,
            draft=draft,
            allowance=Allowance.of_file(len(model.serialized)),
            known={**model.weights, model.entry: entry},
            batchless={model.entry} if model.batchless else set(),
            places={entry.node: model.entry},
        )

    def read(self, node: OnnxNode) -> None:
        """Write what a node is.

        Raises:
            UnsupportedOperator: if it is not read.
            ModelFileError: if it, or the graph, is damaged.
        """
        operands = self._operands(node)
        value, place = self._value(node, operands)
        for name, each in zip(node.outputs, value if isinstance(value, list) else [value], strict=False):
            self._know(name, each, place)
        if place.explicit is not None:
            self.explicit[node.outputs[0]] = place.explicit

    def refused(self, node: OnnxNode) -> UnsupportedOperator | None:
        """The error for a node that no line of the registry reads, whatever it is given."""
        if node.function in OPERATORS or node.function in FOLDS:
            return None
        return refusal(self._place(node, [self.known.get(name) for name in node.inputs], False), node.function)

    def _know(self, name: str, value: Value, place: Place) -> None:
        if name in self.known:
            raise ModelFileError(f"two nodes give {name!r}; export the model again.")
        self.known[name] = value
        self.tensors.add(name)
        if isinstance(value, Signal):
            self.places.setdefault(value.node, name)
            if place.batchless:
                self.batchless.add(name)

    def exit(self) -> Signal:
        """The result of the graph: a sample of it, where its axis 0 has one.

        Raises:
            ModelFileError: if it does not depend on the input.
        """
        name = self.model.exits[0]
        result = self.known.get(name)
        if not isinstance(result, Signal):
            raise ModelFileError(f"the output {name!r} does not depend on the input; export the model again.")
        if name not in self.batchless or self.model.batchless or result.shape[:1] != (1,):
            return result
        return moving.reshape(self._place(OnnxNode(name, "", (), (), {}), [], False), result, result.shape[1:])

    def _operands(self, node: OnnxNode) -> list[Value | None]:
        for name in node.inputs:
            if name and name not in self.known:
                nodes = self.model.nodes
                giver = next((one for one in nodes if name in one.outputs[1:] and one.outputs[0] in self.known), None)
                if giver is not None:
                    raise UnsupportedOperator(
                        f"node {node.name!r} takes a later result of node {giver.name!r}, of which only the first is "
                        f"read; read the model up to that node (upto={giver.name!r})."
                    )
                raise ModelFileError(
                    f"node {node.name!r} takes {name!r}, which no node before it gives; export the model again."
                )
        return [self.known[name] if name else None for name in node.inputs]

    def _value(self, node: OnnxNode, operands: list[Value | None]) -> tuple[Value | list[Value], Place]:
        """What a node is, and where it was written: with the batch axis of its tensors, or without."""
        signals = {name for name, value in zip(node.inputs, operands, strict=True) if isinstance(value, Signal)}
        lone = bool(signals & self.batchless) and node.function not in BATCHED
        if not signals or node.function == "Shape":
            place = self._place(node, operands, lone)
            return self._constant(place, operands), place
        mark = self.draft.mark()
        try:
            return self._signal(node, operands, lone)
        except MixesSamples:
            if lone or self.model.batch != 1 or node.function in BATCHED:
                raise
        self.draft.rewind(mark)
        return self._signal(node, operands, True)

    def _place(self, node: OnnxNode, operands: list[Value | None], lone: bool) -> Place:
        batch = PROBE if self.model.batch is None else self.model.batch
        before_it = before(operands)
        return Place(self.draft, node.name, node, self.model, batch, self.allowance, lone, before=before_it)

    def _constant(self, place: Place, operands: list[Value | None]) -> Any:
        if place.node.function not in FOLDS:
            raise refusal(place, place.node.function)
        return fold_constant(place, operands)

    def _signal(self, node: OnnxNode, operands: list[Value | None], lone: bool) -> tuple[Value, Place]:
        place = self._place(node, operands, lone)
        handler = OPERATORS.get(node.function)
        if handler is None:
            raise refusal(place, node.function)
        if "broadcast" in node.attributes:
            raise ModelFileError(
                f"node {node.name!r} ({node.function}) broadcasts by an attribute, as before opset 7, but the file "
                f"says {self.model.opset}; export the model again."
            )
        try:
            inspect.signature(handler).bind(place, *operands)
        except TypeError as error:
            raise UnsupportedOperator(
                f"node {node.name!r} ({node.function}) takes {len(operands)} inputs, another number than is read; "
                "export the model again."
            ) from error
        try:
            named = zip(node.inputs, operands, strict=True)
            return handler(place, *(self._seen(place, name, value, lone) for name, value in named)), place
        except UnreluError:
            raise
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            # An attribute of another kind than the operator has, a size beyond 64 bits: not worth a rule each.
            raise ModelFileError(
                f"node {node.name!r} ({node.function}) cannot be read: {printable(str(error))}; export the model again."
            ) from error

    def _seen(self, place: Place, name: str, value: Value | None, lone: bool) -> Value | None:
        """An operand with its batch axis, or without, as the node takes it."""
        if not isinstance(value, Signal) or lone == (name in self.batchless):
            return value
        if lone:
            return moving.reshape(place.part("whole"), value, (1, *value.shape))
        if value.shape[:1] != (1,):
            raise UnsupportedOperator(
                f"node {place.wish!r} ({place.node.function}) takes {value.shape[:1]} samples, made of the one that "
                f"the graph is given; only one at a time is read: {place.advice}."
            )
        return moving.reshape(place.part("sample"), value, value.shape[1:])
