"""Affine calls of PyTorch: the network equals the module in float64, node by node, and what has one form has it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from network.contract_cases import Call, normalized
from unrelu.network.graph import Network

torch.manual_seed(0)
W, V, STACK, MASK = torch.randn(4, 5), torch.randn(4), torch.randn(3, 4, 2), torch.tensor([True, False, True, False])
LISTED = torch.tensor([2, 0, 2])
GRID = torch.tensor([[0, 1], [3, 3], [2, 0]])


Function = Callable[[Tensor], Tensor]

CALLS: dict[str, tuple[tuple[int, ...], Function | nn.Module]] = {
    "sum": ((3, 4), lambda x: x.sum(-1)),
    "sum of several, kept": ((3, 4), lambda x: x.sum((1, 2), keepdim=True)),
    "split, in another order": ((6,), lambda x: torch.cat(x.split(2, 1)[::-1], 1)),
    "split into sizes": ((6,), lambda x: x.split([2, 4], 1)[1]),
    "chunks of a relu": ((6,), lambda x: (lambda a, b: a.relu() - b)(*x.chunk(2, 1))),
    "chunk of rest": ((7,), lambda x: x.chunk(3, -1)[2]),
    "unbind": ((3, 4), lambda x: x.unbind(1)[1] + x.unbind(2)[0].sum(1, keepdim=True)),
    "tensor_split": ((6,), lambda x: torch.tensor_split(x, (1, 3), 1)[1]),
    "index": ((6,), lambda x: x[:, [2, 0, 2]]),
    "index in pairs": ((3, 4), lambda x: x[:, LISTED, GRID[:, 0]]),
    "index of a column": ((3, 4, 5), lambda x: x[:, :, LISTED]),
    "index from the end": ((3, 4), lambda x: x[..., -1] + x[:, None, -2, :-1][:, 0]),
    "index_select": ((6,), lambda x: x.index_select(1, LISTED)),
    "gather": ((3, 4), lambda x: x.gather(2, GRID.expand(x.shape[0], -1, -1))),
    "stack": ((3,), lambda x: torch.stack([x, x.relu(), x], 1)),
    "stack behind, with a constant": ((3,), lambda x: torch.stack([x, torch.ones(1, 3).expand(x.shape[0], 3)], -1)),
    "hstack": ((3,), lambda x: torch.hstack([x, x.relu()])),
    "column_stack": ((3,), lambda x: torch.column_stack([x, x.sum(1)[:, None], x])),
    "column_stack of numbers": ((3,), lambda x: torch.column_stack([x.sum(1), x.mean(1)])),
    "dstack": ((3, 4), lambda x: torch.dstack([x, x])),
    "dstack of rows": ((3,), lambda x: torch.dstack([x, x.relu()])),
    "joined with a buffer": ((3,), lambda x: torch.cat([x, V[None].expand(x.shape[0], 4), x], 1)),
    "joined with zeros": ((3, 2), lambda x: torch.cat([x.new_zeros(x.shape[0], 1, 2), x], 1)),
    "joined with a token": ((3, 4), lambda x: torch.cat([W[None, :, :1].mT.repeat(x.shape[0], 1, 1), x], 1)),
    "flip": ((3, 4), lambda x: x.flip(1, 2)),
    "roll": ((3, 4), lambda x: x.roll((1, -2), (1, 2))),
    "rot90": ((4, 3), lambda x: torch.rot90(x, 1, (1, 2))),
    "repeat": ((3, 4), lambda x: x.repeat(1, 2, 1)),
    "repeat of one": ((1, 4), lambda x: x.repeat(1, 3, 1)),
    "tile": ((3, 4), lambda x: torch.tile(x, (1, 2, 2))),
    "repeat_interleave": ((3, 4), lambda x: x.repeat_interleave(2, 1)),
    "repeat_interleave by counts": (
        (3,),
        lambda x: x.repeat_interleave(torch.tensor([1, 2, 0]), 1, output_size=3),
    ),
    "cumsum": ((3, 4), lambda x: x.cumsum(1)),
    "einsum, last axis": ((3, 4), lambda x: torch.einsum("bij,jk->bik", x, W)),
    "einsum, middle axis": ((4, 3), lambda x: torch.einsum("ik,bij->bkj", W, x)),
    "einsum to a number": ((4, 5), lambda x: torch.einsum("bij,ij->b", x, W)),
    "einsum of a diagonal": ((4, 4), lambda x: torch.einsum("bii,ij->bj", x, W)),
    "einsum of a diagonal alone": ((4, 4), lambda x: torch.einsum("bii->bi", x)),
    "einsum without an arrow": ((4,), lambda x: torch.einsum("ai,ij", x, W)),
    "einsum with dots": ((3, 2, 4), lambda x: torch.einsum("...i,ij->...j", x, W)),
    "einsum with two constants": ((4,), lambda x: torch.einsum("Bi,ij,ik->Bjk", x, W, W)),
    "einsum over the constant alone": ((3,), lambda x: torch.einsum("bi,jk->bi", x, W)),
    "einsum of sums": ((3, 4), lambda x: torch.einsum("bij->b", x)),
    "tensordot": ((3, 4), lambda x: torch.tensordot(x, STACK, ([2, 1], [1, 0]))),  # pyright: ignore[reportArgumentType]
    "inner": ((5,), lambda x: torch.inner(x, W)),
    "inner with a vector": ((4,), lambda x: torch.inner(x, V)),
    "vecdot": ((3, 4), lambda x: torch.linalg.vecdot(x, V)),
    "bmm": ((3, 4), lambda x: torch.bmm(x, W[None].expand(x.shape[0], 4, 5))),
    "baddbmm": ((3, 4), lambda x: torch.baddbmm(V[None, :3, None], x, W[None].expand(x.shape[0], 4, 5), alpha=0.5)),
    "mv": ((4,), lambda x: torch.mv(x, V)),
    "matrix from the left": ((5, 3), lambda x: W @ x),
    "matrix from the left, of a column": ((5,), lambda x: (W @ x.unsqueeze(2)).squeeze(2)),
    "stack of matrices": ((3, 5, 4), lambda x: x @ STACK),
    "stack of matrices, spread out": ((1, 5, 4), lambda x: x @ STACK),
    "stack of matrices from the left": ((3, 2, 5), lambda x: STACK @ x),
    "vector from the left": ((4, 3), lambda x: V @ x),
    "addmm with factors": ((4,), lambda x: torch.addmm(W[0], x, W, beta=0.5, alpha=2.0)),
    "add with a factor": ((4,), lambda x: torch.add(x, x.relu(), alpha=2)),
    "sub with a factor": ((4,), lambda x: torch.sub(x, V, alpha=0.5)),
    "rsub with a factor": ((4,), lambda x: torch.rsub(x, 1, alpha=2)),
    "lerp": ((4,), lambda x: torch.lerp(x, x.relu(), 0.25)),
    "lerp from a constant": ((4,), lambda x: torch.lerp(V, x, V.abs())),
    "addcmul": ((4,), lambda x: torch.addcmul(V, x, V, value=2)),
    "addcdiv": ((4,), lambda x: torch.addcdiv(x, x, V, value=-0.5)),
    "long names": ((4,), lambda x: torch.true_divide(torch.multiply(torch.subtract(x, V), 3), 5).negative().divide(V)),
    "a size of the sample": ((4,), lambda x: x / x.shape[1]),
    "differences": ((5,), lambda x: x.diff()),
    "masked_fill": ((4,), lambda x: x.masked_fill(MASK, 0.5)),
    "where": ((4,), lambda x: torch.where(MASK, x, torch.tensor(0.5))),
    "where, the other way": ((3, 4), lambda x: torch.where(MASK, V, x)),
    "where of two": ((4,), lambda x: torch.where(MASK, x, x.relu())),
    "tril": ((4, 4), lambda x: x.tril() + 2 * x.triu(1)),
    "diagonal": ((4, 4), lambda x: x.diagonal(dim1=1, dim2=2)),
    "diag_embed": ((3,), lambda x: torch.diag_embed(x)),
    "movedim": ((2, 3, 4), lambda x: x.movedim(1, 3).swapaxes(1, 2).mT),
    "narrow and select": ((6, 2), lambda x: x.narrow(1, 2, 3).select(1, 1)),
    "conv_transpose1d": ((2, 5), nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1)),
    "conv_transpose2d": ((2, 5, 4), nn.ConvTranspose2d(2, 4, (3, 2), stride=(2, 3), groups=2, dilation=2)),
    "conv_transpose3d": ((2, 3, 4, 3), nn.ConvTranspose3d(2, 1, 2, stride=2, bias=False)),
    "nearest": ((2, 3, 4), nn.Upsample(scale_factor=2)),
    "nearest of odd sizes": ((2, 14, 4), lambda x: functional.interpolate(x, size=(46, 3))),
    "nearest-exact": ((2, 5), lambda x: functional.interpolate(x, size=7, mode="nearest-exact")),
    "nearest in three dimensions": ((1, 2, 3, 2), lambda x: functional.interpolate(x, scale_factor=1.5)),
    "linear": ((2, 5), lambda x: functional.interpolate(x, size=7, mode="linear")),
    "bilinear": ((2, 3, 4), lambda x: functional.interpolate(x, size=(7, 3), mode="bilinear")),
    "bilinear with corners": ((2, 3, 4), nn.UpsamplingBilinear2d(scale_factor=2)),
    "bilinear to one": ((2, 3, 4), lambda x: functional.interpolate(x, size=1, mode="bilinear", align_corners=True)),
    "bilinear by a factor": ((2, 3, 4), lambda x: functional.interpolate(x, scale_factor=1.7, mode="bilinear")),
    "bicubic": ((2, 4, 5), lambda x: functional.interpolate(x, size=(7, 3), mode="bicubic")),
    "bicubic with corners": (
        (2, 4, 5),
        lambda x: functional.interpolate(x, size=(7, 3), mode="bicubic", align_corners=True),
    ),
    "trilinear": ((1, 2, 3, 3), lambda x: functional.interpolate(x, scale_factor=2, mode="trilinear")),
    "area": ((2, 5, 4), lambda x: functional.interpolate(x, size=(3, 3), mode="area")),
    "pooling into uneven windows": ((2, 5, 7), nn.AdaptiveAvgPool2d((3, 2))),
    "pixel_shuffle": ((8, 2, 3), nn.PixelShuffle(2)),
    "pixel_unshuffle": ((2, 4, 6), nn.PixelUnshuffle(2)),
    "channel_shuffle": ((6, 2, 2), nn.ChannelShuffle(3)),
    "unfold": ((2, 5, 4), nn.Unfold((3, 2), padding=1, stride=2, dilation=(1, 2))),
    "unfold along an axis": ((2, 7), lambda x: x.unfold(2, 3, 2)),
    "fold": ((12, 9), nn.Fold((4, 5), (2, 3))),
    "fold, strided and padded": ((4, 9), nn.Fold((4, 5), (2, 2), padding=1, stride=2)),
    "instance norm": ((3, 4, 4), normalized(lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True))()),
    "padding with copies": ((2, 5), lambda x: functional.pad(nn.ReflectionPad1d(2)(x), (1, 2), mode="circular")),
    "padding of volumes": ((1, 3, 3, 3), nn.Sequential(nn.ReplicationPad3d(1), nn.ReflectionPad3d((1, 0, 2, 1, 0, 1)))),
    "cropping": ((2, 3, 3), lambda x: functional.pad(x, (-1, 0, 1, -1))),
}  # fmt: skip


def module_of(name: str) -> nn.Module:
    function = CALLS[name][1]
    return function if isinstance(function, nn.Module) else Call(function)


@pytest.mark.parametrize("name", CALLS)
def test_the_network_is_the_module_in_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = CALLS[name][0]
    module = module_of(name).eval()
    network = Network.from_torch(module, torch.randn(2, *shape))
    x = torch.randn(3, *shape)
    assert network.source is not None
    # the source computes each node, in the model's dtype and for batches of another size
    values = network.source.values(x, network.source.nodes)
    assert len(values) > 1 or len(network.nodes) == 1
    for node, found in values.items():
        np.testing.assert_allclose(found.detach(), network.upto(node)(x.double()), rtol=1e-4, atol=1e-5)
    for constant in ("W", "V", "STACK"):
        monkeypatch.setitem(globals(), constant, globals()[constant].double())
    with torch.no_grad():
        # which number is the nearest depends on the dtype
        theirs = module(x) if "odd sizes" in name else copy.deepcopy(module).double()(x.double())
    assert network.output_shape == tuple(theirs.shape[1:])
    np.testing.assert_allclose(network(x.double()), theirs, rtol=1e-12, atol=1e-12)


FORMS = {
    "flip": ["Take", "Take"],
    "index of a column": ["Take"],
    "repeat of one": ["Broadcast"],
    "nearest": ["Take", "Take"],
    "channel_shuffle": ["Take"],
    "split into sizes": ["Slice"],
    "bmm": ["Dense"],
    "matrix from the left": ["Contraction"],
    "einsum, last axis": ["Contraction"],
    "einsum of sums": ["Sum"],
    "bilinear": ["Blend", "Blend"],
    "instance norm": ["Normalization"],
    "area": ["AdaptiveAveragePool"],
    "einsum of a diagonal alone": ["Reshape", "Slice"],
}


@pytest.mark.parametrize("name", FORMS)
def test_what_has_one_form_is_written_in_it(name: str) -> None:
    network = Network.from_torch(module_of(name).eval(), torch.randn(2, *CALLS[name][0]))
    assert [type(node.operator).__name__ for node in network.nodes[1:]] == FORMS[name]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_models_that_compute_weights_or_places_themselves_are_read_in_every_dtype(dtype: torch.dtype) -> None:
    """Sizes at random: their places are rounded, in the model's dtype, and so are the weights."""
    rng = np.random.default_rng(int(torch.finfo(dtype).bits))
    for mode in ("nearest", "nearest-exact", "linear", "linear"):
        held = torch.zeros((), dtype=dtype)
        size, count = (int(each) for each in rng.integers(2, 60, 2))
        network = Network.from_torch(
            Call(lambda x, held, m=mode, c=count: functional.interpolate(x, size=c, mode=m), held=held),
            100 * torch.rand(2, 2, size),
        )
        assert network.output_shape == (2, count)


def test_the_nearest_number_is_the_one_that_the_model_takes() -> None:
    """Of 14 places as 46, float32 takes another one than float64; the network goes by the model."""
    counted = torch.arange(14.0)[None, None]
    found = {}
    for dtype in (torch.float32, torch.float64):
        held = torch.zeros((), dtype=dtype)
        module = Call(lambda x, held: functional.interpolate(x + held, size=46), held=held)
        network = Network.from_torch(module, counted.to(dtype))
        found[dtype] = network(counted.double())[0, 0].tolist()
        assert found[dtype] == module(counted.to(dtype))[0, 0].tolist()
    assert found[torch.float32] != found[torch.float64]
