"""Attention as PyTorch has it, and numbers that are moved behind the batch and come back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import unrelu as ur
from unrelu.errors import UnsupportedOperator


class Call(nn.Module):
    """A function of a batch and a module."""

    def __init__(self, call: Callable[[nn.MultiheadAttention, Tensor], Tensor], **options: object) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.call, self.inner = call, nn.MultiheadAttention(8, 2, **options)  # pyright: ignore[reportArgumentType]
        if self.inner.in_proj_bias is not None:
            nn.init.normal_(self.inner.in_proj_bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.inner, x)


X = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def of(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values that differ."""
    return x, 2 * x.flip(1) - 1, x.roll(1, 1) + 0.5


def unbound(_: nn.Module, x: Tensor) -> Tensor:
    q, k, v = x[:, :, :6].reshape(x.shape[0], 5, 3, 2).permute(2, 0, 3, 1).unbind(0)
    return torch.relu(q) + 2 * k - v


MODULES = {
    "itself": Call(lambda m, x: m(x, x, x)[0], batch_first=True),
    "without weights": Call(lambda m, x: m(x, x, x, need_weights=False)[0], batch_first=True),
    "three operands": Call(lambda m, x: m(*of(x))[0], batch_first=True),
    "other lengths": Call(lambda m, x: m(x[:, :2], x, x)[0], batch_first=True),
    "no bias": Call(lambda m, x: m(x, x, x)[0], batch_first=True, dropout=0.5, bias=False),
    "sequences first": Call(lambda m, x: m(*[x.transpose(0, 1)] * 3)[0].transpose(0, 1)),
    "its weights": Call(lambda m, x: 2 * m(*of(x))[1], batch_first=True),
    "the weights of each head": Call(lambda m, x: 2 * m(*of(x), average_attn_weights=False)[1], batch_first=True),
    "block": nn.TransformerEncoderLayer(8, 2, 12, batch_first=True),
    "block, norms first": nn.TransformerEncoderLayer(8, 4, 12, batch_first=True, norm_first=True),
    "encoder": nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 9, batch_first=True), 2, enable_nested_tensor=False
    ),
    "function": Call(lambda m, x: functional.scaled_dot_product_attention(*of(x))),
    "function, scaled": Call(lambda m, x: functional.scaled_dot_product_attention(*of(x), scale=0.3)),
    "unbound behind the batch (timm)": Call(unbound),
    "there and back": Call(lambda m, x: torch.relu(x.permute(2, 1, 0).unsqueeze(1).flatten(0, 2).t())),
}


@pytest.mark.parametrize("name", MODULES)
def test_values_and_jacobian_are_the_modules(name: str) -> None:
    torch.manual_seed(1)
    module = MODULES[name].eval().double()
    network = ur.Network.from_torch(module, X)
    expected = module(X).detach()
    np.testing.assert_allclose(np.asarray(network(X)), expected, rtol=0, atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(lambda z: module(z).flatten(), X[:1], vectorize=True)
    assert isinstance(jacobian, Tensor)
    ours = ur.linearize(network, at=X[0]).matrix
    np.testing.assert_allclose(ours, jacobian.reshape(ours.shape), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["itself", "block", "function"])
def test_float32_agrees_within_its_rounding(name: str) -> None:
    module = MODULES[name].eval().float()
    network = ur.Network.from_torch(module, X.float())
    np.testing.assert_allclose(np.asarray(network(X)), module(X.float()).detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, x: m(x, x, x, attn_mask=torch.zeros(5, 5))[0], "mixes the samples"),
        (lambda m, x: functional.scaled_dot_product_attention(x, x, x, is_causal=True), "attention with a mask"),
        (lambda m, x: x.transpose(0, 1), "node 'transpose' mixes the samples"),
        (lambda m, x: torch.relu(x.transpose(0, 1)).transpose(0, 1), "node 'transpose' mixes the samples"),
        (lambda m, x: x.transpose(0, 1).sum(1), "node 'transpose' mixes the samples"),
        (lambda m, x: x.transpose(0, 1).reshape(x.shape), "node 'transpose' mixes the samples"),
        (lambda m, x: x.reshape(5, x.shape[0], 8).transpose(0, 1), "mixes the samples"),
        (lambda m, x: x[:1], "mixes the samples"),
    ],
)
def test_what_mixes_samples_or_masks_is_refused(call: Callable[[nn.Module, Tensor], Tensor], words: str) -> None:
    with pytest.raises(UnsupportedOperator, match=words):
        ur.Network.from_torch(Call(call, batch_first=True).eval(), X.float())


def test_a_square_batch_is_no_way_around() -> None:
    """For as many samples as rows the shapes alone say nothing."""
    with pytest.raises(UnsupportedOperator, match="mixes the samples"):
        ur.Network.from_torch(Call(lambda m, x: x.transpose(0, 1).contiguous() + 1), torch.ones(5, 5, 8))


def test_a_node_that_moves_the_batch_is_no_end() -> None:
    with pytest.raises(UnsupportedOperator, match="node 'permute' mixes the samples"):
        ur.Network.from_torch(MODULES["there and back"].float(), X.float(), upto="permute")
