"""What picks, blends, contracts, sums up and spreads: against plain loops in rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from operators.affine_instances import instances, listed, normal
from stability.reference_networks import Graph
from unrelu.bounding.linear_bounds import linear_bounds
from unrelu.errors import ShapeError
from unrelu.network.affine_rows import affine_rows
from unrelu.network.colouring import colouring
from unrelu.operators import AffineOperator, Blend, Contraction, Shape, Slice, Sum, Take, TransposedConvolution
from unrelu.operators.extent import Extent
from unrelu.stability.extremes.receptive_fields import receptive_fields

SHAPE = (2, 5, 6)

OPERATORS = instances(SHAPE)

Rational = np.ndarray
"""An array of fractions."""


def exact(values: torch.Tensor | np.ndarray) -> Rational:
    array = np.asarray(values, dtype=np.float64)
    return np.array([Fraction(float(value)) for value in array.reshape(-1)], dtype=object).reshape(array.shape)


def zeros(shape: Shape) -> Rational:
    return np.full(shape, Fraction(0), dtype=object)


def apply_exactly(operator: AffineOperator, x: Rational) -> Rational:
    """An operator on one sample, written down a second time: place by place, in rational numbers."""
    found = zeros(operator.output_shape(tuple(x.shape)))
    match operator:
        case Take():
            for place in np.ndindex(*found.shape):
                index = int(operator.indices[place[operator.axis]])
                if index >= 0:
                    found[place] = x[(*place[: operator.axis], index, *place[operator.axis + 1 :])]
        case Blend():
            weights = exact(operator.weights)
            for place in np.ndindex(*found.shape):
                row = place[operator.axis]
                for index, weight in zip(operator.indices[row].tolist(), weights[row], strict=True):
                    if index >= 0:
                        found[place] += weight * x[(*place[: operator.axis], int(index), *place[operator.axis + 1 :])]
        case Contraction():
            signal, rest = operator.equation.split(",")
            constant, result = rest.split("->")
            C = exact(operator.constant)
            sizes = {**dict(zip(signal, x.shape, strict=True)), **dict(zip(constant, C.shape, strict=True))}
            for place in np.ndindex(*sizes.values()):
                at = dict(zip(sizes, place, strict=True))
                pick = lambda letters, at=at: tuple(at[letter] for letter in letters)  # noqa: E731
                found[pick(result)] += x[pick(signal)] * C[pick(constant)]
        case Sum():
            found = x.sum(axis=operator.axes, keepdims=operator.keep)
        case TransposedConvolution():
            W, channels = exact(operator.weight), operator.weight.shape[1]
            found += exact(operator.bias).reshape(-1, 1, 1)
            for place in np.ndindex(*x.shape):
                group = place[0] // (len(W) // operator.groups)
                for out, *taps in np.ndindex(*W.shape[1:]):
                    to = [
                        i * stride - before + k * step
                        for i, k, stride, (before, _), step in zip(
                            place[1:], taps, operator.stride, operator.padding, operator.dilation, strict=True
                        )
                    ]
                    if all(0 <= i < size for i, size in zip(to, found.shape[1:], strict=True)):
                        found[(group * channels + out, *to)] += x[place] * W[(place[0], out, *taps)]
        case Slice():
            index = [slice(None)] * x.ndim
            index[operator.axis] = slice(operator.start, operator.stop, operator.step)
            found = x[tuple(index)]
        case _:
            raise AssertionError(operator)
    return found


def matrix(operator: AffineOperator, shape: Shape = SHAPE) -> np.ndarray:
    """The linear part, (numbers of the result, numbers of the sample)."""
    units = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    return operator.linear(units).reshape(len(units), -1).T.numpy()


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("scale", [1.0, 1e-160, 1e150])
def test_the_error_bound_holds_for_what_is_computed(name: str, scale: float) -> None:
    operator = OPERATORS[name]
    for seed in range(3):
        x = scale * normal(seed, 1, *SHAPE)
        x[0, 0, 0] *= 1e10
        off = x.abs() * torch.rand(x.shape, dtype=torch.float64) * 2.0**-40
        truth = apply_exactly(operator, exact((x + off)[0]))
        distance = np.abs(exact(operator.apply(x)[0]) - truth)
        errors = torch.from_numpy(np.abs(exact(x + off) - exact(x)).astype(np.float64)) * (1 + 2.0**-52)
        bound = operator.error([x], [errors])
        assert (distance <= exact(bound[0])).all()
        plain = operator.error([x], [torch.zeros_like(x)])
        assert (np.abs(exact(operator.apply(x)[0]) - apply_exactly(operator, exact(x[0]))) <= exact(plain[0])).all()
        # and it is none that says nothing: a few units in the last place of what is added up
        sizes = operator.absolute().apply(x.abs())
        slack = operator.slack * max(1, operator.roundings) + 20 * getattr(operator, "blur", 0)
        room = sizes.amax() if operator.slack > 1 else sizes + x.abs().amax() * bool(getattr(operator, "blur", 0))
        assert bool((plain <= 2.0**-52 * slack * room + 1e-290).all())


@pytest.mark.parametrize("name", OPERATORS)
def test_boxes_are_enclosed(name: str) -> None:
    operator = OPERATORS[name]
    low = normal(0, 1, *SHAPE)
    high = low + normal(1, 1, *SHAPE).abs() * (normal(2, 1, *SHAPE) > 0)
    below, above = (exact(end[0]) for end in operator.image([(low, high)]))
    signs = matrix(operator) > 0
    tops = []
    for k, row in enumerate(signs):
        corner = torch.where(torch.from_numpy(row).reshape(SHAPE), high[0], low[0])
        tops.append(apply_exactly(operator, exact(corner)).reshape(-1)[k])
        other = torch.where(torch.from_numpy(row).reshape(SHAPE), low[0], high[0])
        assert below.reshape(-1)[k] <= apply_exactly(operator, exact(other)).reshape(-1)[k]
    assert (np.array(tops) <= above.reshape(-1)).all()
    assert (above.reshape(-1) - np.array(tops) <= Fraction(1, 10**10)).all()


@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_are_exact_on_units_where_that_is_said(name: str) -> None:
    operator = OPERATORS[name]
    if not operator.exact_on_units:
        assert name == "a place twice"
        return
    size = math.prod(SHAPE)
    offset = apply_exactly(operator, zeros(SHAPE))
    assert (exact(operator.apply(torch.zeros(1, *SHAPE, dtype=torch.float64))[0]) == offset).all()
    found = exact(operator.linear(torch.eye(size, dtype=torch.float64).reshape(size, *SHAPE)))
    for k in range(size):
        unit = zeros((size,))
        unit[k] = Fraction(1)
        assert np.array_equal(found[k], apply_exactly(operator, unit.reshape(SHAPE)) - offset)


@pytest.mark.parametrize("name", OPERATORS)
def test_rows_are_the_operator(name: str) -> None:
    """As certificates take it, to rational arithmetic: rows of stored floats, nothing in them rounded."""
    operator = OPERATORS[name]
    rows = affine_rows(Graph(*SHAPE).add("it", operator).network(), "it")
    assert (rows.error == 0) == (name != "a place twice")
    assert rows.divisors is None
    x = normal(0, *SHAPE)
    terms = exact(rows.matrix.toarray()) @ exact(x).reshape(-1) + exact(rows.constants)
    truth = np.atleast_1d(apply_exactly(operator, exact(x))).reshape(-1)
    assert (np.abs(terms - truth) <= Fraction(rows.error) * 100).all()
    assert (rows.moves is not None) == isinstance(operator, Take | Slice)


@pytest.mark.parametrize("name", OPERATORS)
def test_linear_bounds_hold(name: str) -> None:
    operator = OPERATORS[name]
    network = Graph(*SHAPE).add("it", operator).network()
    low = normal(0, 1, *SHAPE)
    high = low + normal(1, 1, *SHAPE).abs()
    found = linear_bounds(network, low, high)
    for x in (low, high, torch.where(normal(2, 1, *SHAPE) > 0, low, high)):
        value = np.atleast_1d(apply_exactly(operator, exact(x[0]))).reshape(-1)
        z = exact(x).reshape(-1)
        below = exact(found.lower_slopes[0].flatten(1)) @ z + exact(found.lower_offsets[0])
        above = exact(found.upper_slopes[0].flatten(1)) @ z + exact(found.upper_offsets[0])
        assert (below <= value).all()
        assert (value <= above).all()
        assert (above - below <= Fraction(1, 10**9)).all()


KNOWN = [name for name, operator in OPERATORS.items() if len(operator.output_shape(SHAPE)) == 3
         and name not in ("turned", "places become channels", "sum of all, kept", "spread out")]  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_receptive_fields_are_the_hulls_of_what_is_not_zero(name: str) -> None:
    operator = OPERATORS[name]
    fields = receptive_fields(Graph(*SHAPE).add("it", operator).network())
    assert (fields is not None) == (name in KNOWN)
    if fields is None:
        return
    shape = operator.output_shape(SHAPE)
    used = matrix(operator).reshape(*shape, *SHAPE) != 0
    for k, field in enumerate(fields, start=1):
        seen = used.any(axis=tuple(axis for axis in range(6) if axis not in (k, 3 + k)))
        for place, row in enumerate(seen):
            (where,) = np.nonzero(row)
            if len(where):
                assert (field.first[place], field.last[place]) == (where[0], where[-1])
            elif used.any():
                assert field.last[place] < field.first[place]


@pytest.mark.parametrize("name", OPERATORS)
def test_what_a_place_reaches_is_inside_of_what_is_said(name: str) -> None:
    operator = OPERATORS[name]
    shape = operator.output_shape(SHAPE)
    used = matrix(operator).reshape(*shape, *SHAPE) != 0
    for top, left, height, width in [(0, 0, 5, 6), (0, 0, 1, 1), (4, 5, 1, 1), (2, 1, 2, 4), (1, 2, 1, 1)]:
        extent = operator.reach([Extent((top, left), (height, width))], shape)
        assert (extent is None) == (name not in KNOWN)
        if extent is None:
            continue
        reached = used[..., top : top + height, left : left + width].any(axis=(3, 4, 5))
        assert all(
            0 <= low < high <= size for low, high, size in zip(extent.starts, extent.stops, shape[1:], strict=True)
        )
        outside = reached.copy()
        outside[(slice(None), *extent.slices())] = False
        assert not outside.any()
        for axis in (0, 1):  # and it is the smallest such rectangle, as the zeros of one place are no matter
            (where,) = np.nonzero(reached.any(axis=tuple(k for k in range(3) if k != axis + 1)))
            if len(where) and isinstance(operator, Take | Blend):
                assert (extent.starts[axis], extent.stops[axis]) == (where[0], where[-1] + 1)


@pytest.mark.parametrize(
    ("operator", "shape"),
    [
        (TransposedConvolution(normal(0, 1, 2, 2, 2), normal(1, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)), (1, 8, 9)),
        (Blend(torch.arange(30)[:, None].double() // 2 + listed(0, 1), normal(2, 30, 2), 1), (2, 16)),
        (Take((torch.arange(40) // 2).double(), 2), (2, 2, 20)),
        (Take(torch.arange(1, 40, 2).double(), 1), (2, 40)),
        (Slice(1, 3, 37, 2), (2, 40)),
        (Contraction(normal(3, 30, 32).triu().tril(2), "cw,vw->cv"), (2, 32)),
    ],
)  # fmt: skip
def test_columns_are_found_together(operator: AffineOperator, shape: Shape) -> None:
    network = Graph(*shape).add("it", operator).network()
    groups = colouring(network.nodes[1:], network.nodes[0])
    assert groups is not None
    colours = [groups.colour(index) for index in range(groups.count)]
    pushed = operator.linear(torch.from_numpy(groups.units(colours))).numpy()
    assert np.array_equal(groups.columns(colours, pushed).toarray(), matrix(operator, shape))


def test_indices_are_no_parameters() -> None:
    assert Take(listed(0, 1), 0).tensors() == ()
    blend = Blend(listed(0, 1)[:, None], normal(0, 2, 1), 0)
    assert blend.tensors() == (blend.weights,)


def test_a_model_that_computes_its_weights_may_have_them_off_by_the_blur() -> None:
    """Whatever the weights within the blur, and at the places next to those that are listed."""
    blend = Blend(torch.stack([listed(0, 1, 3), listed(1, 2, -1)], 1), torch.rand(3, 2).double(), 0, 5.0)
    unit = 2.0**-24
    rng = np.random.default_rng(0)
    for _ in range(200):
        x = torch.from_numpy(rng.standard_normal((1, 4)))
        theirs = np.zeros((3, 4))
        for i, row in enumerate([(0, 1), (1, 2), (3,)]):
            for t, place in enumerate(row):
                theirs[i, place] += float(blend.weights[i, t])
            for place in {max(0, min(3, each + step)) for each in row for step in (-1, 0, 1)}:
                theirs[i, place] += 5 * unit * rng.choice([-1, 0, 1])
        distance = np.abs(theirs @ x[0].numpy() - blend.linear(x)[0].numpy())
        assert (distance <= blend.error([x], [torch.zeros_like(x)], unit)[0].numpy()).all()
    x = normal(0, 1, 4)
    assert not bool((blend.error([x], [torch.zeros_like(x)], unit) > 100 * unit * x.abs().sum()).any())
    x = torch.zeros(1, 4, dtype=torch.float64)
    assert not bool(blend.error([x], [x]).any())


ONE = torch.ones(1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("operator", "shape", "message"),
    [
        (Take(listed(0, 3), 0), (3,), "indices from 0 to 3 do not fit an axis of size 3"),
        (Take(listed(-2), 0), (3,), "do not fit"),
        (Take(listed(0, 1.5), 0), (3,), "must be whole numbers"),  # pyright: ignore[reportArgumentType]
        (Take(listed(0) * float("nan"), 0), (3,), "must be whole numbers"),
        (Take(listed(0) + float("inf"), 0), (3,), "must be whole numbers"),
        (Take(listed(0)[None], 0), (3,), "in 1 axes"),
        (Take(listed(), 0), (3,), "in 1 axes"),
        (Take(listed(0), 1), (3,), "has no axis 1"),
        (Take(listed(0), -1), (3,), "has no axis -1"),
        (Blend(listed(3)[:, None], ONE[None], 0), (3,), "do not fit"),
        (Blend(listed(0), ONE, 0), (3,), "in 2 axes"),
        (Blend(listed(0)[:, None], ONE, 0), (3,), "one weight for each index"),
        (Blend(listed(0)[:, None], ONE[None], 0, float("inf")), (3,), "finite blur"),
        (Blend(listed(0)[:, None], ONE[None], 0, float("nan")), (3,), "finite blur"),
        (Blend(listed(0)[:, None], ONE[None], 2), (3,), "has no axis 2"),
        (Contraction(ONE, "a,b->ab"), (2, 2), "does not fit a sample"),
        (Contraction(ONE, "ab,b->a"), (2, 2), "two sizes for 'b'"),
        (Contraction(ONE, "ab,b->b"), (2, 1), "is no equation"),
        (Contraction(ONE, "aa,a->a"), (1, 1), "is no equation"),
        (Contraction(ONE, "a,b->a"), (1,), "is no equation"),
        (Contraction(ONE, "a,a->b"), (1,), "is no equation"),
        (Contraction(ONE, "A,A->A"), (1,), "is no equation"),
        (Contraction(ONE, "a,a"), (1,), "is no equation"),
        (Contraction(ONE, "a->a"), (1,), "is no equation"),
        (Contraction(ONE, "a, a->a"), (1,), "is no equation"),
        (Contraction(ONE, "..." * 100), (1,), "is no equation"),
        (Contraction(torch.ones(0).double(), "a,b->ab"), (1,), "an axis of size 0"),
        (Sum((1,), 4), (2, 3), "a sum of 4 numbers over axes"),
        (Sum((2,), 3), (2, 3), "a sum of 3 numbers over axes"),
        (TransposedConvolution(ONE[None, None], ONE, (1,), ((0, 0),), (1,)), (2, 3), "over 1 channels"),
        (TransposedConvolution(ONE[None, None], ONE, (1,), ((0, 0),), (1,)), (1, 3, 3), "and 1 spatial dimensions"),
        (TransposedConvolution(ONE[None], ONE, (), (), ()), (1,), "and 0 spatial dimensions"),
        (TransposedConvolution(ONE[None, None], ONE, (1, 1), ((0, 0),), (1,)), (1, 3), "cannot take"),
        (TransposedConvolution(ONE[None, None], ONE.expand(2), (1,), ((0, 0),), (1,)), (1, 3), "that do not fit"),
        (TransposedConvolution(ONE[None, None], ONE, (0,), ((0, 0),), (1,)), (1, 3), "that do not fit"),
        (TransposedConvolution(ONE[None, None], ONE, (1,), ((0, 0),), (1,), 0), (1, 3), "that do not fit"),
        (TransposedConvolution(ONE[None, None], ONE, (1,), ((2, 1),), (1,)), (1, 3), "leaves nothing"),
        (TransposedConvolution(ONE[None, None], ONE, (2**30,), ((2**30, 2**30 - 1),), (1,)), (1, 3), "far too much"),
    ],
)
def test_fields_that_do_not_fit_are_refused(operator: AffineOperator, shape: Shape, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        operator.output_shape(shape)
