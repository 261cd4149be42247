"""What the nodes of a traced Keras model are called."""

from __future__ import annotations

from collections.abc import Callable

from torch import fx

from unrelu.intake.keras.container import Container
from unrelu.intake.torch.exporting import Exported
from unrelu.intake.torch.naming import operator_name, owner, spoken_name

_NOTHING = {"clone", "contiguous", "detach", "alias", "_to_copy", "to", "_assert_tensor_metadata", "sym_size"}
"""Calls that give what they take, or sizes: no value of a layer."""


def layer_names(container: Container, exported: Exported) -> Callable[[fx.Node], str]:
    """The names of all nodes: that of a layer for the one with its value, "layer.function" for its steps before.

    A layer of Keras is several calls (an activation behind a product behind a permutation of axes); its value is the
    last one's.
    """
    calls = [node for node in exported.needed if node.op == "call_function" and operator_name(node) not in _NOTHING]
    last: dict[tuple[str, ...], fx.Node] = {_call(node): node for node in calls}
    names: dict[fx.Node, str] = {}
    for node in exported.nodes:
        module, _ = owner(node)
        path = container.layer_path(module) if module else ""
        if not path:
            names[node] = spoken_name(node)
        else:
            names[node] = path if last.get(_call(node)) is node else f"{path}.{spoken_name(node)}"
    return names.__getitem__


def _call(node: fx.Node) -> tuple[str, ...]:
    """Which call of which layer a node belongs to."""
    return tuple(node.meta.get("nn_module_stack") or ())
