"""The user's module as a source: its own operators, dtype and device."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unrelu.errors import UnknownNode


@dataclass(frozen=True)
class Reference:
    """The result of an earlier step, where it is taken.

    Attributes:
        name: name of the step, of a constant or of the input.
    """

    name: str


@dataclass(frozen=True, eq=False)
class Step:
    """One call of the traced module.

    Attributes:
        name: what its result is called.
        function: "aten.relu.default", or "operator.mul" for sizes: a name, since operators cannot be pickled.
        arguments: positional arguments; results of other steps as `Reference`.
        keywords: keyword arguments, the same.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    @property
    def references(self) -> set[str]:
        """Names of what it takes."""
        return _references((self.arguments, self.keywords))


@dataclass(frozen=True, eq=False)
class TorchProgram:
    """The traced module, able to compute the nodes of the network that was read from it.

    Attributes:
        steps: its calls, in order.
        constants: its tensors, by name.
        places: for each node of the network that the module computes too: the step that does.
        entry: what its input is called among the steps.
        dtype: of its input.
        device: of its input.
    """

    steps: tuple[Step, ...]
    constants: dict[str, Tensor]
    places: dict[str, str]
    entry: str
    dtype: torch.dtype
    device: torch.device

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the network's nodes that the module computes too."""
        return tuple(self.places)

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes by the module's own operators, in its dtype and on its device.

        Args:
            batch: (n, *input_shape), any float dtype.
            names: some of `nodes`.

        Raises:
            UnknownNode: if a name is that of no node of the module.
        """
        missing = [name for name in names if name not in self.places]
        if missing:
            raise UnknownNode(f"the module has no node {missing[0]!r}; it has {', '.join(self.places)}.")
        wanted = {self.places[name] for name in names}
        needed = self._needed(wanted)
        known: dict[str, Any] = {**self.constants, self.entry: batch.detach().to(self.device, self.dtype, copy=True)}
        with torch.no_grad():
            for step in self.steps:
                if step.name in needed:
                    function = _function(step.function)
                    arguments = _filled(step.arguments, known)
                    known[step.name] = function(*arguments, **_filled(step.keywords, known))
        return {name: _first(known[self.places[name]]) for name in names}

    def _needed(self, wanted: set[str]) -> set[str]:
        needed = set(wanted)
        for step in reversed(self.steps):
            if step.name in needed:
                needed.update(step.references)
        return needed


def _function(name: str) -> Callable[..., Any]:
    space, _, rest = name.partition(".")
    if space == "operator":
        return getattr(operator, rest)
    function, overload = rest.split(".")
    return getattr(getattr(getattr(torch.ops, space), function), overload)


def _filled(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, Reference):
        return known[value.name]
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(item, known) for item in value)
    if isinstance(value, dict):
        return {key: _filled(item, known) for key, item in value.items()}
    return value


def _references(value: Any) -> set[str]:
    if isinstance(value, Reference):
        return {value.name}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in _references(item)}
    return {name for item in value.values() for name in _references(item)} if isinstance(value, dict) else set()


def _first(value: Any) -> Tensor:
    """The result itself; operators such as batch norm give several, of which it is the first."""
    return value[0] if isinstance(value, (list, tuple)) else value
