"""A Keras model as a module of PyTorch that knows its layers by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

_WHOLE = "/"
"""What the model itself is called; no layer's name has it."""


class Container(nn.Module):
    """A model, called in evaluation mode.

    Keras keeps its layers in lists, where `torch.export` does not find them; here they are submodules, those of nested
    models and layers, too. The model is not changed.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._paths = {id(model): ""}
        self.add_module(_WHOLE, model)
        for path, layer in layers(model):
            self._paths.setdefault(id(layer), path)
            self.add_module(path.replace(".", "_"), layer)

    def forward(self, x: Tensor) -> Any:
        """What the model gives for a batch, (n, *shape)."""
        return self._modules[_WHOLE](x, training=False)  # pyright: ignore[reportOptionalCall]

    def layer_path(self, module: str) -> str:
        """The path of a layer by its own and its models' names ("backbone/conv1"); empty for the model itself.

        Args:
            module: its path among the modules, which may be that by the attributes of its model.
        """
        try:
            part = self.get_submodule(module)
        except AttributeError:  # a layer that a layer holds, by a path of its own
            part = None
        return self._paths.get(id(part), module.removeprefix(_WHOLE).replace(".", "/"))


def layers(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Layers of a model or layer and their paths, an outer one before those in it."""
    for layer in getattr(model, "layers", None) or getattr(model, "_layers", ()):
        inner = f"{path}{layer.name}"
        yield inner, layer
        yield from layers(layer, f"{inner}/")
