"""The ResNet-20 of He et al. (Deep Residual Learning for Image Recognition, 2016, section 4.2), and the trained one.

`python -m benchmarks.train_resnet20 --data DIR` made its weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = Path(__file__).parent / "weights" / "resnet20.npz"
"""float16, with the statistics of the batch norms."""

MEAN = (0.4914, 0.4822, 0.4465)
DEVIATION = (0.2470, 0.2435, 0.2616)
"""Of the training pictures of CIFAR-10, channel by channel, to four digits."""


class Block(nn.Module):
    """`relu(x + bn(conv(relu(bn(conv(x))))))`; where it narrows, x by every other place and channels of zeros (A)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.relu2 = nn.ReLU()
        self.more = (n_out - n_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        inner = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.more:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))
        return self.relu2(inner + x)


class ResNet20(nn.Module):
    """Pictures (n, 3, 32, 32) with values in [0, 1], which it normalises itself, to scores (n, 10)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).reshape(3, 1, 1))
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        blocks, width = [], 16
        for n_out, stride in ((16, 1),) * 3 + ((32, 2), (32, 1), (32, 1)) + ((64, 2), (64, 1), (64, 1)):
            blocks.append(Block(width, n_out, stride))
            width = n_out
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        x = (x - self.mean) / self.deviation
        x = self.blocks(self.relu(self.bn(self.conv(x))))
        return self.linear(x.mean((2, 3)))


def trained_resnet20() -> ResNet20:
    """The trained network, in evaluation mode and float32; its numbers are those of float16."""
    module = ResNet20()
    with np.load(WEIGHTS) as stored:
        state = {name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files}
    missing = [name for name in module.state_dict() if name not in state and not name.endswith("num_batches_tracked")]
    assert not missing, missing
    module.load_state_dict(state, strict=False)
    return module.eval()
