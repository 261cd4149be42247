"""The paper's dense networks for MNIST (Behrmann, Dittmer, Fernsel, Maass 2018, appendix A4)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

MNIST_MEAN = 0.1307
"""Mean of all pixels of MNIST's training pictures, scaled to [0, 1]."""
MNIST_DEVIATION = 0.3081
"""Standard deviation of the same."""


class Normalise(nn.Module):
    """`(x - mean) / deviation`, part of the network so that its input is a picture in [0, 1]."""

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean = mean
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch of any shape."""
        return (x - self.mean) / self.deviation


def mlp(hidden: Sequence[int], *, n_inputs: int = 784, n_classes: int = 10, seed: int = 0) -> nn.Sequential:
    """A dense network on MNIST pictures with a ReLU after each hidden layer and class scores as output.

    Weights are Glorot-uniform, biases zero. The modules are called normalise, flatten, dense1, relu1, dense2, ...

    Args:
        hidden: sizes of the hidden layers.
        n_inputs: number of pixels.
        n_classes: number of outputs; the softmax belongs to the loss.
        seed: of the weights; torch's global generator is left alone.
    """
    generator = torch.Generator().manual_seed(seed)
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        normalise=Normalise(MNIST_MEAN, MNIST_DEVIATION), flatten=nn.Flatten()
    )
    sizes = [n_inputs, *hidden, n_classes]
    for k, (d, m) in enumerate(pairwise(sizes), start=1):
        dense = nn.Linear(d, m, device="meta").to_empty(device="cpu")  # draws nothing from the global generator
        nn.init.xavier_uniform_(dense.weight, generator=generator)
        nn.init.zeros_(dense.bias)
        parts[f"dense{k}"] = dense
        if k <= len(hidden):
            parts[f"relu{k}"] = nn.ReLU()
    return nn.Sequential(parts)


def mlp_3500(seed: int = 0) -> nn.Sequential:
    """The paper's MLP-3500: 784-3500-784-10."""
    return mlp([3500, 784], seed=seed)


def mlp_100(seed: int = 0) -> nn.Sequential:
    """The paper's MLP-100: ten hidden layers of 100."""
    return mlp([100] * 10, seed=seed)
