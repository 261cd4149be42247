"""The four networks of the paper's appendix A4, before their training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import Generator, nn

from unrelu.demo.networks import Normalise, mlp_100, mlp_3500

Name = Literal["MLP-100", "MLP-3500", "WideCIFAR", "ThinCIFAR"]

Activation = Literal["relu", "leaky-relu-0.01", "leaky-relu-0.3", "elu"]
"""What follows each hidden layer: torch's and Keras' default slopes of the Leaky ReLU."""

ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu-0.01": lambda: nn.LeakyReLU(0.01),
    "leaky-relu-0.3": lambda: nn.LeakyReLU(0.3),
    "elu": nn.ELU,
}

WIDE = ((32, 1), (64, 2), (64, 1), (32, 1), (32, 1), (64, 2))
THIN = ((32, 1), (32, 2), (16, 1), (16, 1), (16, 1), (32, 2))
"""Channels and stride of each convolution, 3 x 3 all of them."""

CIFAR_MEAN = 0.47336
"""Mean of all numbers of CIFAR-10's training pictures, scaled to [0, 1]."""
CIFAR_DEVIATION = 0.25157
"""Standard deviation of the same."""


def network(name: Name, *, seed: int = 0, normalised: bool = True, activation: Activation = "relu") -> nn.Sequential:
    """A network with Glorot-uniform weights, zero biases and class scores as output (the softmax is in the loss).

    Args:
        name: which.
        seed: of the weights.
        normalised: whether pixels in [0, 1] are normalised by a first affine node; left as they are otherwise.
        activation: after each layer but the last; modules are called relu1, ... whatever it is.
    """
    if name == "MLP-100":
        module = mlp_100(seed)
    elif name == "MLP-3500":
        module = mlp_3500(seed)
    else:
        module = convolutional(WIDE if name == "WideCIFAR" else THIN, seed=seed)
    if not normalised:
        module.normalise = nn.Identity()
    if activation != "relu":
        for key in [key for key, part in module.named_children() if isinstance(part, nn.ReLU)]:
            setattr(module, key, ACTIVATIONS[activation]())
    return module


def convolutional(convolutions: Sequence[tuple[int, int]], *, seed: int = 0) -> nn.Sequential:
    """Convolutions 3 x 3 with a ReLU each, then dense 512 and 10, for pictures of 3 x 32 x 32.

    Zero padding as Keras' "same" has it: at stride 1 one row and column on each side, at stride 2 nothing before and
    one after.

    Args:
        convolutions: channels and stride of each.
        seed: of the weights; torch's global generator is left alone.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise(CIFAR_MEAN, CIFAR_DEVIATION))
    before, side = 3, 32
    for k, (after, stride) in enumerate(convolutions, start=1):
        if stride == 2:
            parts[f"pad{k}"] = nn.ZeroPad2d((0, 1, 0, 1))
        padding = 1 if stride == 1 else 0
        parts[f"conv{k}"] = nn.Conv2d(before, after, 3, stride, padding, device="meta").to_empty(device="cpu")
        parts[f"relu{k}"] = nn.ReLU()
        before, side = after, side // stride
    parts["flatten"] = nn.Flatten()
    for k, (d, m) in enumerate(((before * side * side, 512), (512, 10)), start=len(convolutions) + 1):
        parts[f"dense{k}"] = nn.Linear(d, m, device="meta").to_empty(device="cpu")
        if m != 10:
            parts[f"relu{k}"] = nn.ReLU()
    generator = Generator().manual_seed(seed)
    for part in parts.values():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            nn.init.zeros_(part.bias)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(parts)
