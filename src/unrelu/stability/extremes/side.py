"""The Gram matrix of a Jacobian on its smaller side, without the zeros that its structure forces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.stability.operator import JacobianOperator
from unrelu.stability.structural import moving_sources, structural_rank

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.stability.pattern import ActivationPattern


@dataclass(frozen=True, eq=False)
class Side:
    """A matrix A with the non-structural singular values of J: J itself, or the transpose of its live rows.

    Vectors are rows of float64 tensors on the network's device.

    Attributes:
        operator: J (m, d).
        live: (m_live,) int64, the rows of J that are not zero for a removed neuron.
        transposed: whether A is the transpose of J's live rows; else it is J.
        rank: structural rank of J.
    """

    operator: JacobianOperator
    live: Tensor
    transposed: bool
    rank: int

    @property
    def n(self) -> int:
        """The number of columns of A, the order of its Gram matrix A'A."""
        return len(self.live) if self.transposed else self.operator.shape[1]

    @property
    def has_only_structural_zeros_left_out(self) -> bool:
        """Whether every eigenvalue of A'A is a non-structural one; else the network is narrower inside."""
        return self.rank == self.n

    def apply(self, vectors: Tensor) -> Tensor:
        """`A v` for each row v."""
        if not self.transposed:
            return self.operator.products(vectors)
        whole = vectors.new_zeros(len(vectors), self.operator.shape[0])
        return self.operator.adjoint_products(whole.index_copy_(1, self.live, vectors))

    def adjoint(self, vectors: Tensor) -> Tensor:
        """`A' u` for each row u."""
        if not self.transposed:
            return self.operator.adjoint_products(vectors)
        return self.operator.products(vectors).index_select(1, self.live)

    def gram(self, vectors: Tensor) -> Tensor:
        """`A'A v` for each row v."""
        return self.adjoint(self.apply(vectors))

    def start(self, count: int, seed: int) -> Tensor:
        """Random vectors; where A'A has structural zeros, in its range, which products never leave."""
        generator = torch.Generator().manual_seed(seed)
        vectors = torch.randn(count, self.n, dtype=torch.float64, generator=generator)
        vectors = vectors.to(self.operator.network.device)
        return vectors if self.has_only_structural_zeros_left_out else self.gram(vectors)


def smaller_side(operator: JacobianOperator) -> Side:
    """The side of a Jacobian on which the fewest structural zeros are left."""
    live = _live_rows(operator.network, operator.pattern)
    rank = structural_rank(operator.network, operator.pattern)
    transposed = len(live) < operator.shape[1]
    return Side(operator, torch.from_numpy(live).to(operator.network.device), transposed, rank)


def _live_rows(network: Network, pattern: ActivationPattern) -> np.ndarray:
    masks = []
    for name in network.outputs:
        node = network.node(name)
        mask = np.ones(int(np.prod(node.shape)), dtype=bool)
        if name in pattern:
            live = pattern.selected(name).slopes.numpy() != 0
            mask = np.zeros_like(mask)
            mask[live] = np.isin(pattern.selected(name).sources.numpy(), moving_sources(network, node, pattern))
        masks.append(mask)
    return np.concatenate(masks).nonzero()[0]
