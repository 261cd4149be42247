"""What the nodes of a traced module are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import fx, nn

if TYPE_CHECKING:
    from unrelu.intake.torch.exporting import Exported

_SPOKEN = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "native_dropout": "dropout",
    **{f"max_pool{k}d_with_indices": f"max_pool{k}d" for k in (1, 2, 3)},
    "_unsafe_view": "reshape",
}

_NOTHING = {
    *("clone", "contiguous", "detach", "alias", "_to_copy", "to", "_assert_tensor_metadata", "sym_size", "getitem"),
    *("dropout", "native_dropout"),
}
"""Calls that give what they take, or sizes: no value of a module."""


def operator_name(node: fx.Node) -> str:
    """The name of the function a node calls, without name space and overload."""
    schema = getattr(node.target, "_schema", None)
    return getattr(node.target, "__name__", str(node.target)) if schema is None else schema.name.split("::")[-1]


def spoken_name(node: fx.Node) -> str:
    """The name of the function a node calls, as people call it."""
    function = operator_name(node)
    return _SPOKEN.get(function, function)


def module_names(module: nn.Module | None, exported: Exported) -> Callable[[fx.Node], str]:
    """The names of all nodes: the path of the module whose value one is, or its owner's path and the function's name.

    Modules of PyTorch give their path ("features.0") to the node with their value, and are one node each as a rule;
    steps before it, and what other modules compute in their own forward pass, are called by the function
    ("features.0.pad", "block.add").

    Args:
        module: that was traced; None if it is not at hand, but the names of its parts' classes, in the nodes.
        exported: its calls.
    """
    last = last_calls(exported)

    def name(node: fx.Node) -> str:
        path, kind = owner(node)
        function = spoken_name(node)
        if not path:
            return function
        part = None if module is None else _part(module, path)
        home = kind if module is None else type(part).forward.__module__ if part is not None else ""
        valued = last.get(call_of(node), node) is node or operator_name(node) in _NOTHING
        return path if home.startswith("torch.nn.") and valued else f"{path}.{function}"

    return name


def last_calls(exported: Exported) -> dict[tuple[str, ...], fx.Node]:
    """For each call of a module the node with its value: the last that the output depends on and that computes."""
    calls = [node for node in exported.needed if node.op == "call_function" and operator_name(node) not in _NOTHING]
    return {call_of(node): node for node in calls}


def call_of(node: fx.Node) -> tuple[str, ...]:
    """Which call of which module a node belongs to."""
    return tuple(node.meta.get("nn_module_stack") or ())


def owner(node: fx.Node) -> tuple[str, str]:
    """The path of the innermost module that a node is a call of, and the name of its class; empty without one."""
    stack = node.meta.get("nn_module_stack") or {}
    named = [each for each in stack.values() if not each[0].startswith("_empty_nn_module_stack")]
    return (named[-1][0], str(named[-1][1])) if named else ("", "")


def _part(module: nn.Module, path: str) -> nn.Module | None:
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None
