"""What the nodes of a traced module are called."""

from __future__ import annotations

from torch import fx, nn

_SPOKEN = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "native_dropout": "dropout",
    **{f"max_pool{k}d_with_indices": f"max_pool{k}d" for k in (1, 2, 3)},
    "_unsafe_view": "reshape",
}


def operator_name(node: fx.Node) -> str:
    """The name of the function a node calls, without name space and overload."""
    schema = getattr(node.target, "_schema", None)
    return getattr(node.target, "__name__", str(node.target)) if schema is None else schema.name.split("::")[-1]


def node_name(module: nn.Module | None, node: fx.Node) -> str:
    """The path of the module whose forward pass the node is, or its owner's path and the function's name.

    Modules of PyTorch are one node each and give it their path ("features.0"); what other modules
    compute in their own forward pass is called by the function ("block.add").

    Args:
        module: that was traced; None if it is not at hand, but the names of its parts' classes, in the node.
        node: one of its calls.
    """
    path, kind = owner(node)
    function = operator_name(node)
    function = _SPOKEN.get(function, function)
    if not path:
        return function
    part = None if module is None else _part(module, path)
    home = kind if module is None else type(part).forward.__module__ if part is not None else ""
    pads = hasattr(part, "padding_mode") or (module is None and kind.rpartition(".")[2].startswith("Conv"))
    # A convolution pads by itself unless with zeros; the convolution is what goes by the module's name.
    if home.startswith("torch.nn.") and not (function == "pad" and pads):
        return path
    return f"{path}.{function}"


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
