"""What `ur.invert` takes and refuses, in whatever order and scale, and what an answer before its time is worth."""

from __future__ import annotations

import io
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from inverse.interrupting import Interrupting
from known_preimages import (
    Known,
    constant,
    dead_units,
    fixed_input,
    magnitudes,
    never_reached,
    overdetermined,
    plateau,
    tents,
)
from unrelu.inverse.chosen_outputs import chosen_outputs
from unrelu.inverse.inversion import Inversion
from unrelu.preimages.search.search import Search
from unrelu.progress import Lines

ABSOLUTE = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])


def sampled(d: int, m: int, units: int, seed: int) -> tuple[ur.Network, np.ndarray, np.ndarray]:
    """A network of random numbers, an input in [-1, 1]^d, and the output there."""
    rng = np.random.default_rng(seed)
    sizes = [(units, d), (units, units), (m, units)]
    net = ur.Network.from_layers(
        [(rng.standard_normal(s) * (2 / s[1]) ** 0.5, 0.2 * rng.standard_normal(s[0])) for s in sizes]
    )
    x = rng.uniform(-1, 1, d)
    return net, x, np.asarray(net(x[None]))[0]


def found(case: Known, **options: object) -> Inversion:
    asked = {"progress": False, **options}
    return ur.invert(case.network, case.measured, domain=ur.Box(case.lower, case.upper), **asked)  # pyright: ignore[reportArgumentType]


def holds_all(answer: Inversion, points: list[np.ndarray]) -> bool:
    """Whether each point lies in the box of a solution, or in what is left."""
    boxes = [(each.lower, each.upper) for each in answer.solutions] + list(zip(*answer.left, strict=True))
    return all(any(bool(((a <= x) & (x <= b)).all()) for a, b in boxes) for x in points)


def points_of(case: Known) -> list[np.ndarray]:
    return [np.array([float(v) for v in x]) for x in sorted(case.points)]


@pytest.mark.parametrize(
    ("measured", "options", "error", "words"),
    [
        ([0.5, 0.5], {}, ur.errors.ShapeError, "2 numbers were measured, but there are 1 outputs"),
        ([math.nan], {}, ur.errors.InputError, "the measured output"),
        ([math.inf], {}, ur.errors.InputError, "the measured output"),
        ([0.5], {"outputs": [1]}, ur.errors.InputError, "whole numbers from 0 to 0"),
        ([0.5], {"outputs": [0.0]}, ur.errors.InputError, "whole numbers from 0 to 0"),
        ([0.5, 0.5], {"outputs": [0, 0]}, ur.errors.InputError, "names each measured output once"),
        ([], {"outputs": np.zeros(0, int)}, ur.errors.InputError, "at least one"),
        ([0.5], {"noise": -1.0}, ur.errors.InputError, "the noise holds a negative number or NaN"),
        ([0.5], {"noise": math.nan}, ur.errors.InputError, "the noise holds a negative number or NaN"),
        ([0.5], {"noise": [[-0.5, 0.25]]}, ur.errors.InputError, "the interval of measured number 0 ends below where"),
        ([0.5], {"noise": [[-math.inf, math.inf]]}, ur.errors.InputError, "the interval of measured number 0 ends"),
        ([0.5], {"resolution": math.nan}, ur.errors.InputError, "the resolution is finite and not negative"),
        ([0.5], {"noise": [0.1, 0.1]}, ur.errors.ShapeError, "one for each of the 1 measured ones, or how far"),
        ([0.5], {"exact": True, "noise": 0.1}, ur.errors.InputError, "leave noise and resolution out"),
        ([0.5], {"domain": ur.Box(-2, math.inf)}, ur.errors.DomainError, "in a bounded box only"),
        ([0.5], {"domain": ur.Nonnegative()}, ur.errors.DomainError, "with finite ends"),
        ([0.5], {"domain": ur.Box(np.zeros(2), np.ones(2))}, ur.errors.ShapeError, "do not fit 1 coordinates"),
        ([0.5], {"domain": ur.Polyhedron(np.ones((1, 1)), np.ones(1))}, ur.errors.DomainError, "ur.Box(lower, upper)"),
    ],
)
def test_misuse_is_told(measured: list[float], options: dict, error: type[Exception], words: str) -> None:
    asked = {"domain": ur.Box(-2, 2), **options}
    with pytest.raises(error) as refused:
        ur.invert(ABSOLUTE, np.array(measured), progress=False, **asked)
    assert words in str(refused.value)


def test_smooth_networks_and_many_inputs_are_refused() -> None:
    smooth = ur.Network.from_torch(nn.Sequential(nn.Linear(2, 2), nn.Tanh()).eval(), torch.zeros(1, 2))
    with pytest.raises(ur.errors.UnsupportedOperator, match="1"):
        ur.invert(smooth, np.zeros(2), domain=ur.Box(0, 1))
    assert ur.invert(smooth.upto("0"), np.zeros(2), domain=ur.Box(-9, 9), progress=False).complete
    wide = ur.Network.from_layers([(np.eye(65), np.zeros(65)), (np.eye(65), np.zeros(65))])
    with pytest.raises(ur.errors.TooLarge, match="65 inputs, and boxes are split in at most 64"):
        ur.invert(wide, np.zeros(65), domain=ur.Box(0, 1))


def test_the_order_of_outputs_is_the_order_of_measured_numbers() -> None:
    net, x, y = sampled(2, 4, 12, 0)
    box = ur.Box(-1, 1)
    whole = ur.invert(net, y, domain=box, progress=False)
    assert whole.complete
    assert holds_all(whole, [x])
    for outputs in ([3, 0, 2, 1], [2, 0], [1, 3]):
        part = ur.invert(net, y[outputs], domain=box, outputs=outputs, progress=False)
        assert part.complete
        assert holds_all(part, [x])
        assert all(holds_all(part, [each.center]) for each in whole.solutions)
    # one number a measured output, in their order: the large one belongs to output 0
    rough = ur.invert(net, y[[3, 0]], domain=box, outputs=[3, 0], resolution=[1e-12, 1e-7], progress=False)
    assert rough.resolution.tolist() == [1e-12, 1e-7]
    swapped = ur.invert(net, y[[3, 0]][::-1], domain=box, outputs=[3, 0], progress=False)
    assert not holds_all(swapped, [x])
    for each in rough.solutions:
        off = np.asarray(net(each.center[None]))[0, [3, 0]] - y[[3, 0]]
        assert np.allclose(each.residual, off, rtol=0, atol=1e-14)
        assert each.jacobian.shape == (2, 2)


def test_outputs_are_chosen_from_several_nodes_of_any_shape() -> None:
    torch.manual_seed(0)
    pictures = ur.Network.from_torch(nn.Conv2d(1, 2, 2, dtype=torch.float64).eval(), torch.zeros(1, 1, 2, 3).double())
    flat = ur.Network.from_torch(
        nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.ReLU()).double().eval(), torch.zeros(1, 1, 2, 3).double()
    )
    net = ur.Network.joined(pictures, flat)
    assert net.output_size == 7
    x = np.random.default_rng(0).uniform(-1, 1, (5, 1, 2, 3))
    for outputs in ([6, 0, 5, 3], [4, 5, 6], [0, 1, 2, 3], [3, 2, 1, 0, 4], [1], [0, 6, 1, 4, 2, 5, 3]):
        cut = chosen_outputs(net, np.array(outputs))
        assert np.array_equal(np.asarray(cut(x)).reshape(5, -1), np.asarray(net(x))[:, outputs])
    assert not any(name.startswith("2.") for name in (node.name for node in chosen_outputs(net, np.array([1])).nodes))


def test_joined_networks_have_the_solutions_that_all_have() -> None:
    case = magnitudes(2)
    shifted = ur.Network.from_layers([(np.eye(2), np.array([3.0, 3.0])), (np.array([[1.0, 0.0]]), np.array([-3.0]))])
    net = ur.Network.joined(case.network, shifted)
    y = np.append(case.measured, -case.measured[0])
    answer = ur.invert(net, y, domain=ur.Box(case.lower, case.upper), progress=False)
    assert answer.complete
    assert sorted(each.center.tolist() for each in answer.solutions) == [[-0.25, -0.5], [-0.25, 0.5]]
    assert answer.certificate.verify()


def test_equal_ends_fix_an_input() -> None:
    answer = found(fixed_input())
    assert answer.complete
    assert holds_all(answer, points_of(fixed_input()))
    case = magnitudes(3)
    fixed = ur.Box(np.array([0.25, -2.0, -2.0]), np.array([0.25, 2.0, 2.0]))
    answer = ur.invert(case.network, case.measured, domain=fixed, progress=False)
    assert answer.complete
    assert len(answer.solutions) == 4
    assert {each.center[0] for each in answer.solutions} == {0.25}
    assert answer.outer_ranges[0].tolist() == [0.25, 0.25]
    beside = ur.Box(np.array([0.5, -2.0, -2.0]), np.array([0.5, 2.0, 2.0]))
    assert ur.invert(case.network, case.measured, domain=beside, progress=False).unique is False
    # all of them fixed: is this input a solution?
    for x, n in (([0.25, -0.5, 0.75], 1), ([0.25, -0.5, 0.5], 0)):
        asked = ur.invert(case.network, case.measured, domain=ur.Box(np.array(x), np.array(x)), progress=False)
        assert asked.complete
        assert len(asked.solutions) == n


@pytest.mark.parametrize("reached", [True, False])
def test_constant_networks_give_all_or_nothing(reached: bool) -> None:
    case = constant(3, reached)
    answer = found(case, exact=True)
    assert answer.complete
    assert len(answer.solutions) == reached
    if reached:
        assert np.array_equal(answer.outer_ranges, np.stack([case.lower, case.upper], axis=1))
        assert answer.solutions[0].is_flat
    else:
        assert np.isnan(answer.outer_ranges).all()
        assert answer.unique is False


@pytest.mark.parametrize(
    "case", [dead_units(), overdetermined(), plateau(2, 0.5), never_reached()], ids=lambda case: case.name
)
def test_dead_units_plateaus_and_too_many_outputs_are_no_errors(case: Known) -> None:
    answer = found(case, time_limit=5.0)
    assert holds_all(answer, points_of(case))
    assert answer.complete
    assert answer.certificate.verify()
    assert bool(answer.solutions) == (case.dimension >= 0)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_the_units_of_inputs_and_outputs_do_not_matter(scale: float) -> None:
    """`diag(t) F(x / s)`, s and t powers of two, has the solutions s x, to the bit."""
    net, x, y = sampled(2, 2, 10, 3)
    s, t = np.array([1.0, 2.0 ** round(math.log2(scale))]), 2.0 ** -round(math.log2(scale))
    (W1, b1), (W2, b2), (W3, b3) = [
        (net.node(f"dense{k}").operator.weight.numpy(), net.node(f"dense{k}").operator.bias.numpy())  # pyright: ignore[reportAttributeAccessIssue]
        for k in (1, 2, 3)
    ]
    scaled = ur.Network.from_layers([(W1 / s, b1), (W2, b2), (t * W3, t * b3)])
    plain = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    answer = ur.invert(scaled, t * y, domain=ur.Box(-s, s), progress=False)
    assert answer.complete
    assert plain.complete
    assert len(answer.solutions) == len(plain.solutions)
    assert holds_all(answer, [s * x])
    for mine, other in zip(answer.solutions, plain.solutions, strict=True):
        assert np.allclose(mine.center / s, other.center, rtol=0, atol=1e-10)
        assert mine.condition == pytest.approx(other.condition, rel=1e-6)


def test_measured_numbers_in_single_precision_are_as_coarse_as_they_are() -> None:
    net, x, y = sampled(3, 5, 16, 1)
    box = ur.Box(-1, 1)
    answer = ur.invert(net, y.astype(np.float32), domain=box, progress=False)
    same = ur.invert(net, torch.from_numpy(y).float(), domain=box, progress=False)
    assert answer.complete
    assert holds_all(answer, [x])
    assert np.array_equal(answer.resolution, same.resolution)
    assert (answer.resolution >= np.abs(y.astype(np.float32) - y)).all()
    assert (answer.resolution <= 2.0**-23 * np.abs(y) + 1e-11).all()
    # five numbers, three unknowns: rounded ones have no exact solution, and that is proved
    assert [
        each.exact for each in answer.solutions if holds_all(answer, [x]) and np.allclose(each.center, x, atol=1e-3)
    ] == [False]
    exact = ur.invert(net, y.astype(np.float32), domain=box, exact=True, progress=False)
    assert (exact.complete, exact.solutions, exact.unique) == (True, (), False)


def test_the_kind_of_array_tells_how_far_numbers_are_rounded() -> None:
    """`|F - y| <= rho` counts the rounding to the array's dtype, whole numbers as float64."""
    kinds = {np.float16: 2.0**-11, np.float32: 2.0**-24, np.float64: 2.0**-53, int: 2.0**-53}
    exact = ur.invert(ABSOLUTE, np.array([1.0]), domain=ur.Box(-2, 2), progress=False).resolution[0] - 2.0**-53
    for kind, unit in kinds.items():
        rho = ur.invert(ABSOLUTE, np.array([1], kind), domain=ur.Box(-2, 2), progress=False).resolution[0]
        assert unit <= rho - exact <= 1.01 * unit
    listed = ur.invert(ABSOLUTE, [1], domain=ur.Box(-2, 2), progress=False)  # pyright: ignore[reportArgumentType]
    assert listed.resolution[0] == exact + 2.0**-53
    half = ur.invert(ABSOLUTE, torch.tensor([1.0]).bfloat16(), domain=ur.Box(-2, 2), progress=False)
    assert 2.0**-8 <= half.resolution[0] - exact <= 1.01 * 2.0**-8


@pytest.mark.parametrize("case", [tents(5, 0.3125), magnitudes(3)], ids=lambda case: case.name)
def test_out_of_time_at_once_and_going_on_give_the_same_answer(case: Known) -> None:
    whole = found(case)
    nothing = found(case, time_limit=0.0)
    assert (nothing.settled, nothing.complete, nothing.unique, nothing.stopped) == (0.0, False, None, "time limit")
    assert np.array_equal(nothing.outer_ranges, np.stack([case.lower, case.upper], axis=1))
    assert nothing.certificate.verify()
    later = nothing.go_on(progress=False)
    assert later.complete
    assert later.stopped == ""
    centers = [np.array([each.center for each in some.solutions]) for some in (later, whole)]
    assert centers[0] == pytest.approx(centers[1], rel=1e-9, abs=1e-9)
    assert (nothing.settled, nothing.complete, len(nothing.left[0])) == (0.0, False, 1)  # it keeps what it says
    assert len(whole.solutions) == len(case.points)


def test_an_interrupt_returns_what_is_known() -> None:
    net, x, y = sampled(3, 3, 24, 2)
    whole = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    assert whole.complete
    stopped = []
    for after in (0, 1, 3):
        answer = ur.invert(net, y, domain=ur.Box(-1, 1), progress=Interrupting(after))
        stopped.append(answer.stopped)
        if answer.stopped:
            assert not answer.complete
            assert 0 < answer.settled < 1
            assert "interrupted" in repr(answer)
        assert holds_all(answer, [x, *(each.center for each in whole.solutions)])
        low, high = answer.outer_ranges.T
        assert ((low <= x) & (x <= high)).all()
        assert answer.certificate.verify()
        rest = answer.go_on(progress=False)
        assert rest.complete
        # Boxes meet in other batches, whose sums may be rounded otherwise.
        centers = [np.array([each.center for each in some.solutions]) for some in (rest, whole)]
        assert centers[0] == pytest.approx(centers[1], rel=1e-9, abs=1e-9)
    assert "interrupted" in stopped


def test_progress_shows_what_is_settled_and_what_is_found() -> None:
    case = tents(5, 0.3125)
    early = found(case, time_limit=0.0)
    for again in (False, True):
        shown = Lines(io.StringIO(), clock=lambda: 0.0)
        answer = early.go_on(progress=shown) if again else found(case, progress=shown)
        assert len(answer.solutions) == 32
        count = int(answer.tree.holds.sum())
        assert count >= 32
        assert isinstance(shown.stream, io.StringIO)
        assert shown.stream.getvalue().splitlines() == [
            f"places that hold a solution: {count}, 0.0 s",
            "share of the domain settled, ‰: 1000 of 1000, 0.0 s",
        ]


def bytes_of(answer: Inversion) -> int:
    """What is held, array by array: of the search, and of what was handed back."""
    search = answer._search
    waiting = {id(each): each for part in search.open for each in vars(part).values()}
    columns = [*search.tree._columns.values(), *search.tree._weights.values()]
    copied = [each for each in vars(answer.tree).values() if isinstance(each, np.ndarray)]
    return sum(each.nbytes for each in (*waiting.values(), *columns, *copied, *answer.tree.weights.values()))


def test_memory_is_bounded_and_what_is_known_then_is_right() -> None:
    net, x, y = sampled(3, 3, 24, 2)
    whole = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    nothing = ur.invert(net, y, domain=ur.Box(-1, 1), memory_limit=1.0, progress=False)
    assert (nothing.stopped, nothing.settled, nothing.complete) == ("memory limit", 0.0, False)
    some = nothing.go_on(memory_limit=2.0**19, progress=False)
    assert some.stopped == "memory limit"
    assert 0 < some.settled < 1
    assert bytes_of(some) <= 2.0**19
    assert holds_all(some, [x, *(each.center for each in whole.solutions)])
    assert some.certificate.verify()
    last = some.go_on(memory_limit=2.0**20, progress=False)
    assert last.complete
    assert last.stopped == ""
    assert bytes_of(last) <= 2.0**20
    assert len(last.solutions) == len(whole.solutions)
    for limit in (0.0, -1.0, math.nan):
        with pytest.raises(ur.errors.InputError, match="memory_limit is a number of bytes above 0"):
            nothing.go_on(memory_limit=limit)


def test_no_batch_takes_more_memory_than_was_foreseen() -> None:
    case = tents(9, 0.3125)
    early = found(case, time_limit=0.0)
    search = early._search.copy()
    foreseen, sizes = [search.memory], []

    def tell(search: Search) -> None:
        now = Inversion(search.statement, search.tree.frozen(), 0.0, 0.0, "", search)
        sizes.append(len(search.tree))
        assert bytes_of(now) <= foreseen[-1]
        foreseen.append(search.memory)

    search.run(tell=tell)
    assert min(sizes) < 1024 < max(sizes)  # it grew


def test_contains_tells_members_by_exact_outputs() -> None:
    case = tents(3, 0.75)
    exact, rounded = found(case, exact=True), found(case)
    for x in points_of(case):
        assert exact.contains(x)
        assert rounded.contains(x)
        beside = np.nextafter(x, 2)
        assert not exact.contains(beside)  # a kink or not, slopes are 8
        assert not rounded.contains(x + 1e-9)
    assert not exact.contains(2 - points_of(case)[0])  # outside of the domain
    with pytest.raises(ur.errors.ShapeError, match="the input x has 2 numbers, but the network takes 1"):
        exact.contains(np.full(2, 0.5))


def test_solutions_lie_in_their_boxes_and_in_the_outer_ranges() -> None:
    for seed in range(4):
        net, x, y = sampled(2, 2, 16, seed)
        answer = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
        assert answer.complete
        assert holds_all(answer, [x])
        low, high = answer.outer_ranges.T
        assert ((low <= x) & (x <= high)).all()
        for each in answer.solutions:
            assert each.holds
            assert answer.contains(each.center)
            assert ((each.lower <= each.center) & (each.center <= each.upper)).all()
            assert ((low <= each.lower) & (each.upper <= high)).all()
            assert (np.abs(each.residual) <= answer.resolution).all()
            assert (each.center + each.radius >= each.upper).all()


def test_a_solution_moves_as_its_sensitivity_says() -> None:
    net, x, y = sampled(3, 3, 12, 4)
    answer = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    (mine,) = [each for each in answer.solutions if bool(((each.lower <= x) & (x <= each.upper)).all())]
    moved = 1e-7 * np.array([1.0, -2.0, 0.5])
    there = x + mine.sensitivity @ moved
    assert np.allclose(np.asarray(net(there[None]))[0], y + moved, rtol=0, atol=1e-12)
    assert mine.exact is True
    assert mine.at_most_one


def test_the_magnitude_by_hand() -> None:
    """`ABSOLUTE` at 1/2: two exact roots, neither noise nor a second one near them."""
    answer = ur.invert(ABSOLUTE, np.array([0.5]), domain=ur.Box(-2, 2), exact=True, progress=False)
    assert [Fraction(float(each.center[0])) for each in answer.solutions] == [Fraction(-1, 2), Fraction(1, 2)]
    assert [(each.exact, each.noise[0], each.dimension.upper) for each in answer.solutions] == [(True, 0.0, 0)] * 2
    assert answer.unique is False
