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


def node_name(module: nn.Module, node: fx.Node) -> str:
    """The path of the module whose forward pass the node is, or its owner's path and the function's name.

    Modules of PyTorch are one node each and give it their path ("features.0"); what other modules
    compute in their own forward pass is called by the function ("block.add").
    """
    path = _owner(node)
    function = operator_name(node)
    function = _SPOKEN.get(function, function)
    if not path:
        return function
    part = _part(module, path)
    whole = part is not None and type(part).forward.__module__.startswith("torch.nn.")
    # A convolution pads by itself unless with zeros; the convolution is what goes by the module's name.
    if whole and not (function == "pad" and hasattr(part, "padding_mode")):
        return path
    return f"{path}.{function}"


def _owner(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in stack.values() if not path.startswith("_empty_nn_module_stack")]
    return paths[-1] if paths else ""


def _part(module: nn.Module, path: str) -> nn.Module | None:
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None
