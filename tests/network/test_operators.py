"""Each operator by itself: affine, its absolute form, its count of roundings, the shapes it refuses."""

import math

import pytest
import torch

from operators.affine_instances import instances
from unrelu.errors import ShapeError
from unrelu.operators import (
    AdaptiveAveragePool,
    Add,
    AffineOperator,
    AveragePool,
    Broadcast,
    Concatenate,
    Convolution,
    Dense,
    Elementwise,
    Mean,
    Normalization,
    Pad,
    Permute,
    Quotient,
    ReLU,
    Reshape,
    Shape,
    Slice,
    Subtract,
)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


def build() -> list[tuple[AffineOperator, tuple[Shape, ...]]]:
    torch.manual_seed(4)
    return [
        (Dense(normal(3, 4), normal(3)), ((2, 4),)),
        (Convolution(normal(4, 1, 3), normal(4), (2,), ((1, 0),), (1,), groups=2), ((2, 7),)),
        (Convolution(normal(2, 3, 2, 2), normal(2), (1, 2), ((1, 1), (0, 0)), (2, 1)), ((3, 4, 5),)),
        (Elementwise(normal(3, 1), normal(4)), ((3, 4),)),
        (Quotient(normal(3, 1)), ((3, 4),)),
        (Normalization(normal(3), normal(3).abs(), normal(3), normal(3), 1e-5), ((3, 4),)),
        (Add(), ((3, 4), (3, 4))),
        (Subtract(), ((3, 4), (3, 4))),
        (AveragePool((2, 3), (1, 2), ((0, 0), (1, 1)), count_padding=False), ((2, 4, 5),)),
        (AveragePool((2,), (2,), ((0, 1),), count_padding=False), ((2, 4),)),
        (AveragePool((2,), (2,), ((0, 0),), ceil_mode=True), ((2, 5),)),
        (AdaptiveAveragePool((2, 3), (5, 4)), ((2, 5, 4),)),
        (Mean((1,), 4), ((3, 4),)),
        (Mean((0, 1), 12, keep=True), ((3, 4),)),
        (Reshape((2, 6)), ((3, 4),)),
        (Permute((1, 0)), ((3, 4),)),
        (Broadcast((2, 3, 4)), ((3, 1),)),
        (Concatenate(1), ((3, 4), (3, 2))),
        (Slice(1, 1, 4, 2), ((3, 4),)),
        (Pad(((1, 0), (0, 2))), ((3, 4),)),
        (Pad(((1, 1),), "reflect"), ((3, 4),)),
        *((operator, ((2, 5, 6),)) for operator in instances((2, 5, 6)).values()),
    ]


@pytest.mark.parametrize(("operator", "shapes"), build())
def test_operator_is_affine_with_its_declared_shape(operator, shapes):
    x = [normal(2, *shape) for shape in shapes]
    y = [normal(2, *shape) for shape in shapes]
    zero = [torch.zeros(2, *shape, dtype=torch.float64) for shape in shapes]
    assert tuple(operator.apply(*x).shape) == (2, *operator.output_shape(*shapes))
    torch.testing.assert_close(operator.apply(*x), operator.linear(*x) + operator.apply(*zero))
    both = [2 * a - 3 * b for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(operator.linear(*both), 2 * operator.linear(*x) - 3 * operator.linear(*y))
    # samples of a batch do not mix
    torch.testing.assert_close(operator.apply(*(a[:1] for a in x)), operator.apply(*x)[:1])


@pytest.mark.parametrize(("operator", "shapes"), build())
def test_absolute_is_the_operator_with_magnitudes(operator, shapes):
    """|L|, built column by column from L, and |c| (for a batch norm |c| in parts: shift and bias)."""
    d = sum(math.prod(shape) for shape in shapes)
    units, columns = torch.eye(d, dtype=torch.float64), []
    for shape in shapes:
        columns.append(units[:, : math.prod(shape)].reshape(d, *shape))
        units = units[:, math.prod(shape) :]
    zero = [torch.zeros(1, *shape, dtype=torch.float64) for shape in shapes]
    magnitude = operator.absolute()
    torch.testing.assert_close(magnitude.linear(*columns), operator.linear(*columns).abs())
    assert bool((magnitude.apply(*zero) >= operator.apply(*zero).abs() - 1e-15).all())
    if not isinstance(operator, Normalization):
        torch.testing.assert_close(magnitude.apply(*zero), operator.apply(*zero).abs())


@pytest.mark.parametrize(("operator", "shapes"), build())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_stays_within_the_declared_count(operator, shapes, dtype):
    """Computed in a narrow dtype with weights that fit it, against float64: the bound that folding relies on."""
    unit = torch.finfo(dtype).eps / 2
    for _ in range(5):
        x = [(normal(20, *shape) * 10.0 ** (6 * torch.rand(20, *shape) - 3)).to(dtype) for shape in shapes]
        narrow, wide = _cast(operator, dtype), _cast(_cast(operator, dtype), torch.float64)
        exact = wide.apply(*(a.double() for a in x))
        error = (narrow.apply(*x).double() - exact).abs()
        gamma = math.expm1(-operator.roundings * math.log1p(-unit))
        assert bool((error <= gamma * wide.absolute().apply(*(a.double().abs() for a in x))).all())
        assert operator.roundings > 0 or bool((error == 0).all())


def _cast(operator: AffineOperator, dtype: torch.dtype) -> AffineOperator:
    """`Operator.to` hands its argument on to `Tensor.to`, which takes dtypes as well."""
    return operator.to(dtype)  # pyright: ignore[reportArgumentType]


def test_relu_is_not_affine():
    assert not isinstance(ReLU(), AffineOperator)
    assert ReLU().apply(torch.tensor([[-1.0, 2.0]])).tolist() == [[0.0, 2.0]]


ONE = torch.ones(1, dtype=torch.float64)
FILTER = torch.ones(2, 3, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("operator", "shapes", "message"),
    [
        (Dense(ONE[None], ONE), ((2,),), r"with 1 inputs cannot take a sample of shape \(2,\); flatten it first"),
        (Dense(ONE[None], ONE), ((),), "flatten it first"),
        (Convolution(FILTER, ONE, (1,), ((0, 0),), (1,)), ((2, 5),), "a convolution over 3 channels"),
        (Convolution(FILTER, ONE, (1,), ((0, 0),), (1,)), ((3, 5, 5),), "and 1 spatial dimensions"),
        (Convolution(FILTER, ONE, (1,), ((0, 0),), (1,)), ((3, 1),), r"smaller than the kernel \(2,\)"),
        (Elementwise(ONE.expand(3), ONE), ((2,),), r"a constant of shape \(3,\) does not broadcast"),
        (Elementwise(ONE.expand(3), ONE), ((1,),), r"a constant of shape \(3,\) does not broadcast"),
        (Quotient(ONE.expand(3)), ((2,),), "does not broadcast"),
        (Normalization(ONE, ONE, ONE, ONE, 0.1), ((2,),), "batch norm over 1 channels"),
        (Normalization(ONE, ONE, ONE, ONE, 0.1), ((),), "batch norm over 1 channels"),
        (Add(), ((2,), (3,)), r"shapes \(2,\) and \(3,\) cannot be added"),
        (Subtract(), ((2,), (3,)), "cannot be added"),
        (AveragePool((2,), (1,), ((0, 0),)), ((2, 3, 4),), "over 1 spatial dimensions cannot take"),
        (AveragePool((5,), (1,), ((0, 0),)), ((2, 3),), "average pooling with windows"),
        (AdaptiveAveragePool((1,), (4,)), ((2, 3),), "adaptive pooling of"),
        (Mean((1,), 4), ((2, 3),), "a mean of 4 numbers over axes"),
        (Mean((2,), 4), ((2, 3),), "a mean of 4 numbers over axes"),
        (Reshape((4,)), ((3,),), "cannot be reshaped"),
        (Permute((0, 2)), ((3, 4),), "has no axes"),
        (Broadcast((2, 3)), ((2,),), "cannot be broadcast"),
        (Broadcast((1, 3)), ((2, 3),), "cannot be broadcast"),
        (Concatenate(0), ((2, 3), (2, 4)), "cannot be joined along axis 0"),
        (Concatenate(2), ((2, 3), (2, 3)), "cannot be joined along axis 2"),
        (Slice(0, 2, 5), ((3,),), "do not exist"),
        (Slice(0, 2, 2), ((3,),), "do not exist"),
        (Slice(1, 0, 1), ((3,),), "do not exist"),
        (Pad(((1, 1), (1, 1))), ((3,),), "fewer axes than are to be padded"),
        (Pad(((3, 0),), "reflect"), ((3,),), r"reflect padding of \(3, 0\) does not fit an axis of size 3"),
        (Pad(((0, 4),), "circular"), ((3,),), "circular padding"),
        (Pad(((-2, -1),)), ((3,),), "constant padding"),
    ],
)
def test_shapes_that_do_not_fit(operator, shapes, message):
    with pytest.raises(ShapeError, match=message):
        operator.output_shape(*shapes)
