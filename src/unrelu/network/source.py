"""The model that a network was read from."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Source(Protocol):
    """Computes the nodes of a network with the user's own model, dtype and device."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the network's nodes that the model computes too."""
        ...

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """Values of the named nodes, (n, *shape) each, as the user's own forward pass gives them.

        Args:
            batch: (n, *input_shape), any float dtype; converted to the model's.
            names: some of `nodes`.

        Raises:
            UnknownNode: if the model does not compute a node.
        """
        ...
