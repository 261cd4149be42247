"""Networks of pictures, written after the well-known families, with few channels."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.animal import Animal


def conv(n_in: int, n_out: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(n_out)
    )


class Residual(nn.Module):
    """He et al. 2016: a block with a shortcut of kind A (zeros) or B (a convolution)."""

    def __init__(self, n_in: int, n_out: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.first, self.second = conv(n_in, n_out, stride=stride), conv(n_out, n_out)
        self.more, self.stride = n_out - n_in, stride
        self.shortcut = conv(n_in, n_out, 1, stride) if shortcut == "B" and self.more else None

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(torch.relu(self.first(x)))
        if self.shortcut is not None:
            x = self.shortcut(x)
        elif self.more:
            half = self.more // 2
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.more - half))
        return torch.relu(inner + x)


def resnet(shortcut: str) -> nn.Module:
    return nn.Sequential(
        *(conv(3, 4), nn.ReLU(), Residual(4, 4, 1, shortcut), Residual(4, 8, 2, shortcut)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
    )


class PreActivation(nn.Module):
    """He et al. 2016, Identity Mappings: norm, ReLU, convolution."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(n, n, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for norm, layer in zip(self.norms, self.convs, strict=True):
            h = layer(functional.relu(norm(h)))
        return x + h


class Bottleneck(nn.Module):
    """ResNet-50's and ResNeXt's block (groups)."""

    def __init__(self, n: int, groups: int = 1) -> None:
        super().__init__()
        self.parts = nn.Sequential(conv(n, n // 2, 1), nn.ReLU(), conv(n // 2, n // 2, 3, 1, groups), nn.ReLU())
        self.last = conv(n // 2, n, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.last(self.parts(x)) + x, inplace=True)


class Dense(nn.Module):
    """DenseNet: each layer sees all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(4 + 3 * k), nn.ReLU(), nn.Conv2d(4 + 3 * k, 3, 3, padding=1, bias=False))
            for k in range(3)
        )
        self.transition = nn.Sequential(nn.BatchNorm2d(13), nn.ReLU(), nn.Conv2d(13, 6, 1), nn.AvgPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for layer in self.layers:
            seen.append(layer(torch.cat(seen, dim=1)))
        return self.transition(torch.cat(seen, 1)).flatten(1)


class InvertedResidual(nn.Module):
    """MobileNetV2: expand, depthwise, project, with ReLU6."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            conv(n, 3 * n, 1), nn.ReLU6(), conv(3 * n, 3 * n, 3, 1, 3 * n), nn.ReLU6(), conv(3 * n, n, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.parts(x)


class SqueezeExcite(nn.Module):
    """Channels weighted by gates: products of signals, smooth."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(n, n // 2, 1), nn.Conv2d(n // 2, n, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = functional.hardsigmoid(self.up(functional.relu(self.down(functional.adaptive_avg_pool2d(x, 1)))))
        return x * gate


class Fire(nn.Module):
    """SqueezeNet's module."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(n, 2, 1)
        self.expand1, self.expand3 = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1(x)), torch.relu(self.expand3(x))], 1)


class Inception(nn.Module):
    """GoogLeNet's module: four ways side by side."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(n, 2, 1)
        self.three = nn.Sequential(nn.Conv2d(n, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(n, 1, 1), nn.ReLU(), nn.Conv2d(1, 2, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(n, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1))


class Factorised(nn.Module):
    """Inception v3: 1 x n and n x 1 convolutions, and average pooling that does not count its padding."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.high = nn.Conv2d(3, 3, (1, 7), padding=(0, 3)), nn.Conv2d(3, 3, (7, 1), padding=(3, 0))
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.high(torch.relu(self.wide(x))) + self.pool(x))


class UNet(nn.Module):
    """Ronneberger et al. 2015: down, up by transposed convolutions or by interpolation, with skips."""

    def __init__(self, up: str) -> None:
        super().__init__()
        self.down, self.bottom = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up: nn.Module = (
            nn.ConvTranspose2d(8, 4, 2, stride=2)
            if up == "transposed"
            else nn.Sequential(nn.Upsample(scale_factor=2, mode=up), nn.Conv2d(8, 4, 1))
        )
        self.last = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = torch.relu(self.down(x))
        deep = torch.relu(self.bottom(functional.max_pool2d(skip, 2)))
        return self.last(torch.cat([skip, torch.relu(self.up(deep))], dim=1))


class Shuffle(nn.Module):
    """ShuffleNet: half of the channels go through, then all are shuffled."""

    def __init__(self, written: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(conv(2, 2, 1), nn.ReLU(), conv(2, 2, 3, 1, 2), conv(2, 2, 1), nn.ReLU())
        self.written = written

    def forward(self, x: Tensor) -> Tensor:
        keep, go = x.chunk(2, dim=1)
        x = torch.cat((keep, self.branch(go)), dim=1)
        if not self.written:
            return functional.channel_shuffle(x, 2)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


class ConvNeXt(nn.Module):
    """Liu et al. 2022: depthwise 7 x 7, layer norm over channels, a GELU between two linear maps."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(n, n, 7, padding=3, groups=n), nn.LayerNorm(n)
        self.wide, self.narrow = nn.Linear(n, 4 * n), nn.Linear(4 * n, n)
        self.scale = nn.Parameter(torch.full((n,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.narrow(functional.gelu(self.wide(h)))).permute(0, 3, 1, 2)


class SpatialPyramid(nn.Module):
    """SPPNet and YOLO's SPP: pools of several sizes side by side."""

    sizes: ClassVar = (3, 5)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.layer(x), 0.1)
        return torch.cat([x, *(functional.max_pool2d(x, k, 1, k // 2) for k in self.sizes)], dim=1)


class FeaturePyramid(nn.Module):
    """FPN: coarse maps enlarged and added to fine ones."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, 2, 1)
        self.side = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = torch.relu(self.fine(x))
        coarse = torch.relu(self.coarse(fine))
        enlarged = functional.interpolate(coarse, size=fine.shape[-2:], mode="nearest")
        return torch.cat([(self.side(fine) + enlarged).flatten(1), coarse.flatten(1)], dim=1)


class SuperResolution(nn.Module):
    """ESPCN and EDSR: residual blocks, then pixels shuffled out of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.body, self.tail = (nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 3), (3, 3), (3, 4)))

    def forward(self, x: Tensor) -> Tensor:
        h = self.head(x)
        return functional.pixel_shuffle(self.tail(h + 0.1 * torch.relu(self.body(h))), 2)


class Dilated(nn.Module):
    """DeepLab's ASPP: dilated convolutions and the picture's mean, brought back to its size."""

    def __init__(self) -> None:
        super().__init__()
        self.ways = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=d, dilation=d) for d in (1, 2, 3))
        self.mean = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = functional.relu(self.mean(x.mean((2, 3), keepdim=True)))
        enlarged = functional.interpolate(mean, size=x.shape[2:], mode="bilinear", align_corners=False)
        return torch.cat([*(functional.relu(way(x)) for way in self.ways), enlarged], dim=1)


def features(*layers: nn.Module) -> nn.Sequential:
    """Layers on four channels, and the mean over places."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def lenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 4)),
    )


def vgg() -> nn.Module:
    return nn.Sequential(
        *(conv(3, 4), nn.ReLU(inplace=True), conv(4, 4), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2)),
        *(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(True), nn.Dropout(0.5), nn.Linear(6, 3), nn.Softmax(1)),
    )


def alexnet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.AdaptiveAvgPool2d((2, 2))),
        *(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3)),
    )


def network_in_network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.AvgPool2d(3, 2, 1)),
        *(nn.Conv2d(4, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def all_convolutional() -> nn.Module:
    layers = (nn.Conv2d(3, 4, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 3, 2, 1), nn.PReLU(4), nn.Conv2d(4, 3, 2))
    return nn.Sequential(*layers, nn.Flatten())


def generator() -> nn.Module:
    """DCGAN's, from noise to a picture, with the clip in place of the tanh."""
    return nn.Sequential(
        *(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 4, 4, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Hardtanh()),
    )


def discriminator() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(3, 6, 4, 2, 1, bias=False), nn.BatchNorm2d(6)),
        *(nn.LeakyReLU(0.2), nn.Conv2d(6, 1, 2), nn.Flatten(), nn.Sigmoid()),
    )


def autoencoder() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4), nn.ReLU(), nn.Linear(4, 48), nn.ReLU()),
        *(nn.Unflatten(1, (3, 4, 4)), nn.ConvTranspose2d(3, 1, 3, 2, 1, output_padding=1)),
    )


def style_blocks() -> nn.Module:
    """Johnson et al. 2016: reflection padding, instance norm with running statistics, upsampling."""
    return nn.Sequential(
        *(nn.ReflectionPad2d(2), nn.Conv2d(3, 3, 5), nn.InstanceNorm2d(3, affine=True, track_running_stats=True)),
        *(nn.ReLU(), nn.Upsample(scale_factor=2), nn.ReplicationPad2d(1), nn.Conv2d(3, 3, 3)),
    )


def circular() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular"), nn.ReLU(), nn.Conv2d(3, 1, 1))


def efficient() -> nn.Module:
    return nn.Sequential(conv(3, 4), nn.SiLU(), conv(4, 4, 3, 1, 4), nn.SiLU(), SqueezeExcite(4), conv(4, 3, 1))


def mobile3() -> nn.Module:
    return nn.Sequential(conv(3, 4), nn.Hardswish(), conv(4, 4, 5, 1, 4), nn.ReLU(), SqueezeExcite(4), conv(4, 3, 1))


SMALL, LARGE = (3, 8, 8), (1, 8, 8)

PICTURES = [
    Animal("LeNet", lenet, LARGE),
    Animal("AlexNet (ceil mode)", alexnet, (3, 15, 15)),
    Animal("VGG with a softmax", vgg, SMALL),
    Animal("Network in Network", network_in_network, SMALL),
    Animal(
        "All-convolutional, leaky and parametric", all_convolutional, SMALL, single=True, newer="factors in float32"
    ),
    Animal("ResNet, shortcuts A", partial(resnet, "A"), SMALL),
    Animal("ResNet, shortcuts B", partial(resnet, "B"), SMALL),
    Animal("ResNet, pre-activation", lambda: features(PreActivation(4), PreActivation(4)), SMALL),
    Animal("ResNet, bottlenecks", lambda: features(Bottleneck(4)), SMALL),
    Animal("ResNeXt (groups)", lambda: features(Bottleneck(4, 2)), SMALL),
    Animal("Wide ResNet with dropout", lambda: features(PreActivation(4), nn.Dropout(0.3)), SMALL),
    Animal("DenseNet", lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Dense()), SMALL),
    Animal("MobileNetV1 (depthwise)", lambda: features(conv(4, 4, 3, 2, 4), nn.ReLU(), conv(4, 4, 1)), SMALL),
    Animal("MobileNetV2 (ReLU6)", lambda: features(InvertedResidual(4)), SMALL),
    Animal("MobileNetV3 (hard swish, gates)", mobile3, SMALL, smooth=True, rough=True, double=False, newer="float32"),
    Animal(
        "EfficientNet (SiLU, gates)",
        efficient,
        SMALL,
        smooth=True,
        rough=True,
        double=False,
        newer="factors in float32",
        seed=1,
    ),
    Animal("SqueezeNet", lambda: features(Fire(4), nn.MaxPool2d(3, 2, ceil_mode=True)), SMALL, seed=1),
    Animal(
        "Squeeze-and-excite",
        lambda: features(SqueezeExcite(4)),
        SMALL,
        smooth=True,
        rough=True,
        double=False,
        newer="factors in float32",
    ),
    Animal("GoogLeNet", lambda: features(Inception(4)), SMALL),
    Animal("Inception v3 (1 x 7)", Factorised, SMALL),
    Animal("ShuffleNet, as written", lambda: features(Shuffle(True)), SMALL),
    Animal("ShuffleNet, channel_shuffle", lambda: features(Shuffle(False)), SMALL, exports=False),
    Animal("U-Net, transposed", partial(UNet, "transposed"), LARGE),
    Animal("U-Net, bilinear", partial(UNet, "bilinear"), LARGE),
    Animal("U-Net, nearest", partial(UNet, "nearest"), LARGE),
    Animal("Feature pyramid", FeaturePyramid, LARGE),
    Animal("Spatial pyramid pooling", SpatialPyramid, (2, 8, 8), single=True, newer="factors in float32"),
    Animal("Dilated pyramid (DeepLab)", Dilated, (2, 8, 8)),
    Animal("ConvNeXt", partial(ConvNeXt, 4), (4, 6, 6), smooth=True, double=False, newer="float32"),
    Animal("Super-resolution (pixel shuffle)", SuperResolution, (1, 4, 4), newer="factors in float32"),
    Animal("GAN, generator", generator, (6,)),
    Animal("GAN, discriminator", discriminator, LARGE, single=True, newer="factors in float32"),
    Animal("Autoencoder, convolutional", autoencoder, LARGE),
    Animal("Style transfer (reflection, instance norm)", style_blocks, (3, 6, 6), exports=False),
    Animal("Circular convolutions", circular, (1, 6, 6)),
]
