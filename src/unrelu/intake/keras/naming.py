"""What the nodes of a traced Keras model are called."""

from __future__ import annotations

from collections.abc import Callable

from torch import fx

from unrelu.intake.keras.container import Container
from unrelu.intake.torch.exporting import Exported
from unrelu.intake.torch.naming import call_of, last_calls, owner, spoken_name


def layer_names(container: Container, exported: Exported) -> Callable[[fx.Node], str]:
    """The names of all nodes: that of a layer for the one with its value, "layer.function" for its steps before.

    A layer of Keras is several calls (an activation behind a product behind a permutation of axes); its value is the
    last one's.
    """
    last = last_calls(exported)
    names: dict[fx.Node, str] = {}
    for node in exported.nodes:
        module, _ = owner(node)
        path = container.layer_path(module) if module else ""
        if not path:
            names[node] = spoken_name(node)
        else:
            names[node] = path if last.get(call_of(node)) is node else f"{path}.{spoken_name(node)}"
    return names.__getitem__
