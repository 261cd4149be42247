"""Networks of numbers, sequences, points, volumes, codes, written after the well-known families."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.animal import Animal


def mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        parts += [nn.Linear(a, b), activation()]
    return nn.Sequential(*parts[:-1])


class Scaled(nn.Module):
    """An emulator with its scalers: min-max in, standard out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp(3, 8, 6, 1)
        self.register_buffer("low", torch.tensor([10.0, 1e4, 13.0]))
        self.register_buffer("width", torch.tensor([200.0, 1e6, 6.0]))

    low: Tensor
    width: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.inner((x - self.low) / self.width) * 3.5 + 0.25


class SkipMLP(nn.Module):
    """NeRF's shape: the input comes in again halfway."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = mlp(5, 8, 8), mlp(13, 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.cat([x, torch.relu(self.first(x))], dim=-1))


class PointNet(nn.Module):
    """Qi et al. 2017: the same map of each point, and the largest over points."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Conv1d(3, 6, 1), nn.BatchNorm1d(6), nn.ReLU(), nn.Conv1d(6, 8, 1))
        self.last = mlp(8, 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.max(self.each(x.transpose(1, 2)), 2)[0])


class DeepSets(nn.Module):
    """Zaheer et al. 2017: the same map of each element, summed up."""

    def __init__(self) -> None:
        super().__init__()
        self.each, self.last = mlp(3, 6, 5), mlp(5, 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.each(x).sum(dim=1))


class Mixer(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021) with ReLUs: across patches, then across channels."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 5, 2, 2)
        self.across, self.within = mlp(9, 6, 9), mlp(5, 6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.across(x.transpose(1, 2)).transpose(1, 2)
        return (x + self.within(x)).mean(dim=1)


class ResMLP(nn.Module):
    """Touvron et al. 2021: affine maps in place of norms."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.rand(5)), nn.Parameter(torch.rand(5))
        self.across = nn.Parameter(torch.randn(4, 4))
        self.within = mlp(5, 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = x + torch.einsum("pq,nqc->npc", self.across, self.scale * x + self.shift)
        return x + self.within(x)


class Attention(nn.Module):
    """A transformer's block (Vaswani et al. 2017), before or after its norms, the feed-forward part with ReLUs."""

    def __init__(self, heads: int, batch_first: bool = True) -> None:
        super().__init__()
        self.heads, self.batch_first = heads, batch_first
        self.norm1, self.norm2 = nn.LayerNorm(6), nn.LayerNorm(6)
        self.qkv, self.out, self.feed = nn.Linear(6, 18), nn.Linear(6, 6), mlp(6, 12, 6)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        parts = self.qkv(self.norm1(x)).reshape(n, length, 3, self.heads, width // self.heads)
        if self.batch_first:
            q, k, v = parts.permute(0, 2, 3, 1, 4).unbind(1)
        else:  # as timm writes it
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(width // self.heads), dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, length, width))
        return x + self.feed(self.norm2(x))


class SequencesFirst(nn.Module):
    """A block that computes with the batch behind the sequence, layer norms and all."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(6, 2, 12)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x.transpose(0, 1)).transpose(0, 1)


def encoder_block(batch_first: bool) -> nn.Module:
    return nn.TransformerEncoderLayer(6, 2, 12, batch_first=True) if batch_first else SequencesFirst()


class LinearAttention(nn.Module):
    """Products of signals without a softmax, behind ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.q(x)) * torch.relu(self.k(x)).sum(1, keepdim=True) + self.v(x)


class Coupling(nn.Module):
    """NICE (Dinh et al. 2015): additive coupling layers, a bijection."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(mlp(3, 8, 3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        a, b = x[:, :3], x[:, 3:]
        for each in self.maps:
            a, b = b + each(a), a
        return torch.cat([a, b], dim=1)


class ResidualFlow(nn.Module):
    """i-ResNet's shape: x + g(x), three times."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(mlp(4, 6, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = torch.add(x, block(x), alpha=0.5)
        return x


class Maxout(nn.Module):
    """Goodfellow et al. 2013: the largest of several affine maps."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 12), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).view(-1, 4, 3).amax(2))


class Concatenated(nn.Module):
    """CReLU (Shang et al. 2016): both halves of each number."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(torch.relu(torch.cat([h, -h], dim=1)))


class InputConvex(nn.Module):
    """Amos et al. 2017: weights between layers are not negative."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(nn.Linear(4, n) for n in (6, 6, 1))
        self.between = nn.ParameterList(torch.rand(a, b) for a, b in ((6, 6), (1, 6)))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.inputs[0](x))
        h = torch.relu(functional.linear(h, self.between[0]) + self.inputs[1](x))
        return functional.linear(h, self.between[1]) + self.inputs[2](x)


class LatticeOfSorts(nn.Module):
    """Monotone networks (Sill 1998): the least of the largest of affine maps."""

    def __init__(self) -> None:
        super().__init__()
        self.planes = nn.Linear(3, 12)

    def forward(self, x: Tensor) -> Tensor:
        return self.planes(x).unflatten(1, (3, 4)).amax(2).amin(1, keepdim=True)


class Siamese(nn.Module):
    """Both halves of the input through one network, and how far they are apart."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = mlp(4, 6, 3)

    def forward(self, x: Tensor) -> Tensor:
        first, second = torch.split(x, [4, 4], dim=1)
        return (self.branch(first) - self.branch(second)).abs()


class TwoTowers(nn.Module):
    """Parts of the input go through networks of their own (index_select), and come together."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items, self.last = mlp(3, 5, 4), mlp(2, 5, 4), mlp(8, 6, 1)
        self.register_buffer("which", torch.tensor([4, 0, 2]))

    which: Tensor

    def forward(self, x: Tensor) -> Tensor:
        users = self.users(x.index_select(1, self.which))
        return self.last(torch.cat([users, self.items(x[:, [1, 3]])], 1))


class Mixture(nn.Module):
    """Experts weighted by a softmax of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.experts, self.gate = nn.ModuleList(mlp(4, 5, 3) for _ in range(2)), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        each = torch.stack([expert(x) for expert in self.experts], dim=1)
        return (torch.softmax(self.gate(x), 1).unsqueeze(2) * each).sum(1)


class Highway(nn.Module):
    """Srivastava et al. 2015: gates between what is computed and what goes through."""

    def __init__(self) -> None:
        super().__init__()
        self.compute, self.gate = nn.Linear(5, 5), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.compute(x)) + (1 - gate) * x


class Unrolled(nn.Module):
    """LISTA (Gregor and LeCun 2010): soft thresholds, written with ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.again = nn.Linear(4, 6, bias=False), nn.Linear(6, 6, bias=False)
        self.threshold = nn.Parameter(torch.full((6,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        code = self._shrink(self.inputs(x))
        return self._shrink(self.inputs(x) + self.again(code))

    def _shrink(self, x: Tensor) -> Tensor:
        return torch.relu(x - self.threshold) - torch.relu(-x - self.threshold)


class Recurrent(nn.Module):
    """A plain recurrent network with ReLUs over a fixed number of steps."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.again, self.last = nn.Linear(3, 5), nn.Linear(5, 5, bias=False), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.relu(self.inputs(x[:, 0]))
        for k in range(1, x.shape[1]):
            state = torch.relu(self.inputs(x[:, k]) + self.again(state))
        return self.last(state)


class TemporalBlock(nn.Module):
    """TCN (Bai et al. 2018): dilated causal convolutions of a signal, by padding on one side."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(2, 2, 3, dilation=d) for d in (1, 2))

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for dilation, layer in enumerate(self.layers, start=1):
            h = torch.relu(layer(functional.pad(h, (2 * dilation, 0))))
        return torch.relu(x + h)


class GraphConvolution(nn.Module):
    """Kipf and Welling 2017: a fixed graph of five nodes."""

    def __init__(self) -> None:
        super().__init__()
        near = (torch.rand(5, 5) > 0.5).float()
        self.register_buffer("near", (near + near.T + torch.eye(5)) / 5)
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

    near: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.near @ self.last(torch.relu(self.near @ self.first(x)))


class Operator(nn.Module):
    """DeepONet's and FNO's discretised kin: a kernel matrix over places, and a pointwise map, with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(2, 6, 6) / 3)
        self.local = nn.Conv1d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(torch.einsum("cij,ncj->nci", self.kernel, x) + self.local(x))


class SparseCode(nn.Module):
    """A sparse autoencoder: what is removed from the middle before the encoder is added after the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 12), nn.Linear(12, 4, bias=False)
        self.middle = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(functional.relu(self.encoder(x - self.middle))) + self.middle


class AcasXu(nn.Module):
    """ACAS Xu's shape: five normalised inputs, six layers, five scores; the least one is advised."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([1.98e4, 0.0, 0.0, 650.0, 600.0]))
        self.register_buffer("range", torch.tensor([6.03e4, 6.28, 6.28, 1100.0, 1200.0]))
        self.layers = mlp(5, 10, 10, 10, 10, 10, 10, 5)

    mean: Tensor
    range: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((x - self.mean) / self.range) * 373.9 + 7.5


class Signal(nn.Module):
    """M5's shape (1-d audio): wide strided convolutions, norms, pools."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            *(nn.Conv1d(1, 3, 8, 4), nn.BatchNorm1d(3), nn.ReLU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.AvgPool1d(2, ceil_mode=True)),
        )
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(self.last(self.parts(x).mean(dim=-1)), dim=-1)


class Frames(nn.Module):
    """A two-stream network: differences of frames by slices, and one frame by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.still, self.moving = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.relu(self.still(x[:, :1])), torch.relu(self.moving(x[:, 1:] - x[:, :-1]))
        return torch.cat([each.amax(dim=(2, 3)) for each in both], dim=1)


def video() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv3d(1, 2, 3, padding=1), nn.BatchNorm3d(2), nn.ReLU(), nn.MaxPool3d((1, 2, 2))),
        *(nn.Conv3d(2, 2, (3, 1, 1)), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 2)),
    )


def volume_decoder() -> nn.Module:
    return nn.Sequential(nn.Unflatten(1, (2, 1, 1, 1)), nn.ConvTranspose3d(2, 2, 2), nn.ReLU(), nn.Conv3d(2, 1, 1))


def signal_decoder() -> nn.Module:
    return nn.Sequential(nn.ConvTranspose1d(2, 2, 4, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv1d(2, 1, 3))


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3), nn.LogSoftmax(1))


def weight_normed() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.ReLU(), nn.Linear(5, 2))


def self_normalising() -> nn.Module:
    return mlp(4, 6, 6, 2, activation=nn.SELU)


def physics_informed() -> nn.Module:
    return mlp(2, 8, 8, 1, activation=nn.Tanh)


OTHERS = [
    Animal("MLP", lambda: mlp(6, 8, 8, 3), (6,)),
    Animal("MLP with batch norm and log-softmax", normalised, (4,)),
    Animal("MLP, weight norm", weight_normed, (4,)),
    Animal("MLP, leaky", lambda: mlp(4, 8, 3, activation=nn.LeakyReLU), (4,), single=True, newer="factors in float32"),
    Animal("Self-normalising (SELU)", self_normalising, (4,), smooth=True, single=True, newer="factors in float32"),
    Animal("Physics-informed (tanh)", physics_informed, (2,), smooth=True),
    Animal("Emulator with its scalers", Scaled, (3,)),
    Animal("ACAS Xu's shape", AcasXu, (5,), newer="factors in float32"),
    Animal("MLP with the input again (NeRF)", SkipMLP, (5,)),
    Animal("Autoencoder, dense", lambda: mlp(8, 5, 2, 5, 8), (8,)),
    Animal("Sparse autoencoder", SparseCode, (4,)),
    Animal("PointNet", PointNet, (7, 3)),
    Animal("Deep Sets", DeepSets, (5, 3)),
    Animal("MLP-Mixer", Mixer, (1, 6, 6)),
    Animal("ResMLP (einsum)", ResMLP, (4, 5)),
    Animal("Transformer block, one head", lambda: Attention(1), (4, 6), smooth=True, newer="factors in float32"),
    Animal("Transformer block, two heads", lambda: Attention(2), (4, 6), smooth=True, newer="factors in float32"),
    Animal(
        "Transformer block, its batch moved (timm)",
        lambda: Attention(2, batch_first=False),
        (4, 6),
        smooth=True,
        newer="factors in float32",
    ),
    Animal(
        "Transformer block of PyTorch",
        lambda: encoder_block(True),
        (4, 6),
        smooth=True,
        exports=False,
        newer="factors in float32",
    ),
    Animal(
        "Transformer block of PyTorch, sequences first",
        lambda: encoder_block(False),
        (4, 6),
        smooth=True,
        refused="keep dimension 0 for the batch",
        newer="factors in float32",
    ),
    Animal("Linear attention", LinearAttention, (3, 4), smooth=True),
    Animal("Additive coupling (NICE)", Coupling, (6,)),
    Animal("Residual flow", ResidualFlow, (4,)),
    Animal("Maxout", Maxout, (5,)),
    Animal("CReLU", Concatenated, (4,)),
    Animal("Input-convex", InputConvex, (4,)),
    Animal("Min-max network", LatticeOfSorts, (3,)),
    Animal("Siamese, distance", Siamese, (8,)),
    Animal("Two towers (index_select)", TwoTowers, (5,)),
    Animal("Mixture of experts", Mixture, (4,), smooth=True),
    Animal("Highway", Highway, (5,), smooth=True),
    Animal("LISTA", Unrolled, (4,)),
    Animal("Recurrent, unrolled", Recurrent, (4, 3)),
    Animal("Temporal convolutions (causal)", TemporalBlock, (2, 8), seed=1),
    Animal("Audio, 1-d (M5)", Signal, (1, 64)),
    Animal("Signal decoder, 1-d", signal_decoder, (2, 4)),
    Animal("Video, 3-d", video, (1, 4, 4, 4)),
    Animal("Volume decoder, 3-d", volume_decoder, (2,)),
    Animal("Two streams of frames", Frames, (3, 6, 6)),
    Animal("Graph convolution", GraphConvolution, (5, 3)),
    Animal("Neural operator, discretised", Operator, (2, 6)),
]
