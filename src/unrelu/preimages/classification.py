"""Many inputs of one layer, classified at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from unrelu.cones.decide import by_structure, decide_cone, decide_cones, is_crowded
from unrelu.cones.decision import ConeDecision, Decision, decided, still_open
from unrelu.cones.proofs import Cone
from unrelu.devices import resolve_device
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.expected import expect_layer_or_network
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.parallel import in_threads, share_workers
from unrelu.polyhedra.domains import Domain
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.feature_decision import preimage_of_features
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.prefix_decision import decide_prefix
from unrelu.preimages.prefix_preimage import PrefixPreimage
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.preimage import Preimage
from unrelu.preimages.same_features import SameFeatures
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.gram_rows import GramRows

BLOCK = 64
"""Inputs that share their products with all rows, at most; products with fewer at a time are slower for each."""

PATTERN_BLOCK = 1024
"""Inputs whose pre-activations are held in memory at a time: 29 MB an array for 3,500 features."""

_REASONS_SHOWN = 3

PreimageT = TypeVar("PreimageT", Preimage, PrefixPreimage)

OTHER_PIECES = "some units have the same features on several pieces, and only that of the input was looked at"
"""Why questions about a union stay open."""


@dataclass(frozen=True, eq=False)
class Classification(Generic[PreimageT]):
    """What the preimages of many inputs of one layer, or of a deeper prefix, are.

    Attributes:
        system: the layer or the prefix, the domain and the tolerance.
        preimages: one an input that was not skipped, in order.
        inputs: (n,) int64, which inputs these are.
        skipped: which inputs were left out, and why.
    """

    system: LayerSystem | PrefixSystem
    preimages: tuple[PreimageT, ...]
    inputs: np.ndarray
    skipped: dict[int, str]

    @property
    def layer(self) -> ReLULayer:
        """The layer.

        Raises:
            InputError: if the inputs are those of a prefix.
        """
        if isinstance(self.system, PrefixSystem):
            raise InputError("these are preimages of a prefix of a network, not of a layer; the prefix is in `system`.")
        return self.system.layer

    def __len__(self) -> int:
        return len(self.preimages)

    def __getitem__(self, index: int) -> PreimageT:
        return self.preimages[index]

    @property
    def kind(self) -> np.ndarray:
        """(n,) of `Kind`."""
        return self._collect(lambda preimage: preimage.kind, object)

    @property
    def bounded(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.bounded, object)

    @property
    def singleton(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.singleton, object)

    @property
    def n_active(self) -> np.ndarray:
        """(n,) int64, numbers of positive features."""
        return self._collect(lambda preimage: preimage.n_active, np.int64)

    @property
    def dimension_lower(self) -> np.ndarray:
        """(n,) int64, proved lower bounds of the dimension."""
        return self._collect(lambda preimage: preimage.dimension.lower, np.int64)

    @property
    def dimension_upper(self) -> np.ndarray:
        """(n,) int64, proved upper bounds of the dimension; each costs a factorisation of the active rows."""
        return self._collect(lambda preimage: preimage.dimension.upper, np.int64)

    @property
    def margin(self) -> np.ndarray:
        """(n,) float64, how clearly boundedness was decided; NaN where counting or rank decided it."""
        return self._collect(lambda preimage: preimage.margin, np.float64)

    def __repr__(self) -> str:
        """A line with the number of inputs of each kind, and what left the undecided ones open, the commonest first."""
        kinds, counts = np.unique([kind.value for kind in self.kind], return_counts=True)
        told = ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))
        left_out = f"; {len(self.skipped)} skipped" if self.skipped else ""
        reasons = Counter(preimage.reason for preimage in self.preimages if preimage.reason).most_common()
        why = "".join(f"; {count} open: {reason}" for reason, count in reasons[:_REASONS_SHOWN])
        more = f"; {len(reasons) - _REASONS_SHOWN} other reasons" if len(reasons) > _REASONS_SHOWN else ""
        return f"Classification({len(self)} inputs of {self.system.title}: {told}{left_out}{why}{more})"

    def verify(self, progress: Progress | bool | None = None, workers: int | None = None) -> np.ndarray:
        """Check the certificates of all inputs without a solver.

        Returns:
            (n,) bool: whether the kind is proved.
        """
        proved = np.zeros(len(self), dtype=bool)
        with resolve_progress(progress).stage(f"proofs of {self.system.title}", len(self)) as advance:
            checks = in_threads(lambda preimage: preimage.certificate.verify(), self.preimages, workers=workers)
            for index, verified in enumerate(checks):
                proved[index] = verified
                advance(1)
        return proved

    def _collect(self, value: Callable[[PreimageT], object], dtype: type) -> np.ndarray:
        collected = np.empty(len(self), dtype=dtype)
        for index, preimage in enumerate(self.preimages):
            collected[index] = value(preimage)
        return collected


@overload
def classify(
    layer: ReLULayer,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage]: ...
@overload
def classify(
    layer: Network,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage] | Classification[PrefixPreimage]: ...
def classify(
    layer: ReLULayer | Network,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage] | Classification[PrefixPreimage]:
    """Say for many inputs of a layer whether the inputs with the same features are one point, bounded or unbounded.

    Args:
        layer: the layer, or a prefix of a network of any depth, such as `net.upto("relu3")`; of one that is deeper than
            one ReLU layer the piece of each input is decided, see `PrefixPreimage`.
        inputs: (n, *shape), what the layer is fed; any shape with d numbers a sample. What their dtype rounds counts as
            rounding where they meet the rows of a domain; see `unrelu.polyhedra.domain_at.DomainAt`.
        domain: where inputs may lie, e.g. `Box(0, 1)` for pictures or `Nonnegative()` for what a ReLU gives; the whole
            space by default.
        tolerance: how much each feature may differ, in the features' own units: one number, or one for each feature.
        exact: whether rows of the domain hold as they are stored, without being moved through an input that keeps them
            up to rounding.
        on_bad: what becomes of inputs that are not finite or lie outside the domain: "raise" ends the call, "skip"
            leaves them out and says why in `skipped`.
        progress: where to show progress.
        workers: threads; by default one a core. BLAS is kept to one thread in each.
        device: where products that all inputs share are computed, e.g. "cuda"; the processor by default. What belongs
            to one input is always computed on the processor, and so are the proofs.

    Raises:
        InputError: if the inputs do not fit the layer or are not finite, the tolerance is negative, or there is no such
            device.
        DomainError: if an input lies outside the domain, or the domain is empty or does not fit the layer.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    >>> [kind.value for kind in classify(layer, np.array([[0.0], [3.0]])).kind]
    ['bounded', 'singleton']
    """
    asked = expect_layer_or_network(layer)
    if on_bad not in {"raise", "skip"}:
        raise InputError(f'on_bad is "raise" or "skip", not {on_bad!r}.')
    unit, skip = unit_roundoff(inputs), on_bad == "skip"
    if isinstance(asked, Network):
        of_prefix = PrefixSystem.ask(asked, domain, tolerance, unit=unit, exact=exact)
        points, skipped = _points(of_prefix.title, asked.input_size, inputs, skip=skip)
        return _classify_prefix(of_prefix, points, skipped, skip=skip, progress=progress)
    system = LayerSystem.ask(asked, domain, tolerance, unit=unit, exact=exact)
    points, skipped = _points(system.title, asked.n_inputs, inputs, skip=skip)
    return classify_points(system, points, skipped, skip=skip, progress=progress, workers=workers, device=device)


def _classify_prefix(
    system: PrefixSystem,
    points: np.ndarray,
    skipped: dict[int, str],
    *,
    skip: bool,
    progress: Progress | bool | None,
) -> Classification[PrefixPreimage]:
    """`classify` for points (n, d) of a prefix, one after the other, as each has large rows of its own."""
    preimages: list[PrefixPreimage] = []
    kept: list[int] = []
    with resolve_progress(progress).stage(f"preimages of {system.title}", len(points)) as advance:
        for index, point in enumerate(points):
            advance(1)
            if index in skipped:
                continue
            try:
                preimages.append(decide_prefix(PrefixStatement(system, point)))
            except DomainError as error:
                if not skip:
                    raise DomainError(f"input {index}: {error}") from error
                skipped[index] = str(error)
                continue
            kept.append(index)
    return Classification(system, tuple(preimages), np.array(kept, dtype=np.int64), dict(sorted(skipped.items())))


def classify_points(
    system: LayerSystem,
    points: np.ndarray,
    skipped: dict[int, str],
    *,
    skip: bool = False,
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage]:
    """`classify` for points (n, d) of a system; those in `skipped` are left out, and with `skip` those outside."""
    skipped = dict(skipped)
    shared = GramRows(system.rows, resolve_device(device))
    patterns: list[LayerPattern] = []
    kept: list[int] = []
    for start in range(0, len(points), PATTERN_BLOCK):
        indices = [i for i in range(start, min(start + PATTERN_BLOCK, len(points))) if i not in skipped]
        for index, pattern in zip(indices, system.patterns(points[indices]), strict=True):
            if not isinstance(pattern, DomainError):
                patterns.append(pattern)
                kept.append(index)
            elif skip:
                skipped[index] = str(pattern)
            else:
                raise DomainError(f"input {index}: {pattern}")
    cones = [system.recession_cone(pattern.enclosing or pattern.interval) for pattern in patterns]
    hard = [cone.equalities for cone in cones if cone.uses_all_rows and not is_crowded(cone)]
    if len(hard) > 1:
        shared.prepare(np.stack(hard))

    def block(indices: list[int]) -> list[Preimage]:
        chosen = [kept[index] for index in indices]
        return _classify_block(system, shared, points[chosen], [patterns[index] for index in indices])

    n = len(kept)
    size = max(1, min(BLOCK, -(-n // share_workers(workers, max(n, 1)).tasks)))
    blocks = [list(range(n))[start : start + size] for start in range(0, n, size)]
    preimages: list[Preimage] = []
    with resolve_progress(progress).stage(f"preimages of {system.title}", n) as advance:
        for part in in_threads(block, blocks, workers=workers):
            preimages.extend(part)
            advance(len(part))
    return Classification(system, tuple(preimages), np.array(kept, dtype=np.int64), dict(sorted(skipped.items())))


@overload
def preimage(
    layer: ReLULayer,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
) -> Preimage: ...
@overload
def preimage(
    layer: Network,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
) -> Preimage | PrefixPreimage: ...
def preimage(
    layer: ReLULayer | Network,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
) -> Preimage | PrefixPreimage:
    """The set of all inputs of a layer that have the same features as `at`, or that have given features.

    Args:
        layer: the layer, or a prefix of a network of any depth, such as `net.upto("relu3")`; of one that is deeper than
            one ReLU layer the piece of `at` is decided, see `PrefixPreimage`.
        at: one input of the layer, of its sample shape (or any shape with d numbers). What its dtype rounds counts as
            rounding where it meets the rows of a domain; see `unrelu.polyhedra.domain_at.DomainAt`.
        features: instead of `at`: m features; a point is found, or the set is proved EMPTY.
        domain: where inputs may lie; the whole space by default.
        tolerance: how much each feature may differ, in the features' own units: one number, or one for each feature.
        exact: whether rows of the domain hold as they are stored, without being moved through `at` where it keeps them
            up to rounding.

    Raises:
        InputError: if not one of `at` and `features` is given, it does not fit the layer or is not finite, the
            tolerance is negative, or features are given for more than one layer.
        DomainError: if `at` lies outside the domain, or the domain is empty or does not fit the layer.

    >>> preimage(ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0])), at=np.array([0.0])).kind
    <Kind.BOUNDED: 'bounded'>
    >>> preimage(ReLULayer(np.eye(1), np.zeros(1)), features=np.array([-1.0])).kind
    <Kind.EMPTY: 'empty'>
    """
    if (at is None) == (features is None):
        raise InputError("preimage needs one of `at` (an input of the layer) and `features`, not both.")
    asked = expect_layer_or_network(layer)
    if isinstance(asked, Network):
        if at is None:
            raise InputError(
                f"`features` are answered for one layer only, and the network up to {', '.join(asked.outputs)} is "
                "more: on which piece of its input they lie is not searched for yet; give an input as `at`."
            )
        of_prefix = PrefixSystem.ask(asked, domain, tolerance, unit=unit_roundoff(at), exact=exact)
        point = _point(of_prefix.title, asked.input_size, at, f"one sample of shape {asked.input_shape}")
        try:
            return decide_prefix(PrefixStatement(of_prefix, point))
        except DomainError as error:
            raise DomainError(f"the point `at` lies outside the domain: {error}") from error
    if features is not None:
        values = as_numpy(features, "the features").reshape(-1)
        return preimage_of_features(LayerSystem.ask(asked, domain, tolerance), values)
    assert at is not None
    system = LayerSystem.ask(asked, domain, tolerance, unit=unit_roundoff(at), exact=exact)
    point = _point(system.title, asked.n_inputs, at, "one input of the layer (net.layer_input(name, x)[i])")
    pattern = system.pattern(point, "the point `at` lies outside the domain")
    with share_workers(1, 1).limited():
        (found,) = _classify_block(system, GramRows(system.rows, resolve_device(None)), point.reshape(1, -1), [pattern])
    return found


def _point(title: str, size: int, at: Array, advice: str) -> np.ndarray:
    """(d,) the point `at`."""
    point = as_numpy(at, "the point `at`")
    if point.size != size:
        raise ShapeError(f"`at` has {point.size} numbers, but {title} takes {size}; give {advice}.")
    return point.reshape(-1)


def _points(title: str, size: int, inputs: Array, *, skip: bool) -> tuple[np.ndarray, dict[int, str]]:
    """The inputs as rows, and those of them that are not finite."""
    batch = as_numpy(inputs, "the inputs", finite=not skip)
    if batch.ndim < 2 or batch.size != len(batch) * size or len(batch) == 0:
        raise ShapeError(
            f"inputs of shape {batch.shape} do not fit {title}: it needs (n, *shape) with n >= 1 samples of "
            f"{size} numbers each."
        )
    points = batch.reshape(len(batch), size)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist() if skip else []
    return points, dict.fromkeys(bad, "it holds NaN or infinite values; clean it first.")


def _classify_block(
    system: LayerSystem, shared: GramRows, points: np.ndarray, patterns: list[LayerPattern]
) -> list[Preimage]:
    # Of a union: of a polyhedron that encloses all of it.
    tangent = [system.enclosing_tangent_cone(pattern) for pattern in patterns]
    recession = [system.recession_cone(pattern.enclosing or pattern.interval) for pattern in patterns]
    singleton = [decide_cone(cone) for cone in tangent]
    bounded: dict[int, ConeDecision] = {}
    for index, (cone, at_point, unique) in enumerate(zip(recession, tangent, singleton, strict=True)):
        if unique.holds is True or _is_same(cone, at_point):
            # A single point is bounded; and where every inequality is tight, both questions are about one cone.
            bounded[index] = unique
            continue
        structural = by_structure(cone)
        if structural is not None:
            bounded[index] = structural
        elif not cone.uses_all_rows:
            bounded[index] = decide_cone(cone)
    hard = [index for index in range(len(patterns)) if index not in bounded]
    bounded.update(zip(hard, decide_cones(shared, [recession[index] for index in hard]), strict=True))
    for index, pattern in enumerate(patterns):
        if pattern.enclosing is not None:
            own = system.recession_cone(pattern.interval), system.tangent_cone(pattern)
            bounded[index] = _by_a_piece(bounded[index], own[0], recession[index])
            singleton[index] = _by_a_piece(singleton[index], own[1], tangent[index])
            if singleton[index].holds is None and system.has_independent_rows:
                singleton[index] = decided(OtherPieces())
    return [
        Preimage(
            statement=SameFeatures.of(system, point, pattern),
            bounded_decision=bounded[index],
            singleton_decision=_refuted(singleton[index], bounded[index]),
            existence=Decision(True),
            interior=None,
            point=point,
        )
        for index, (point, pattern) in enumerate(zip(points, patterns, strict=True))
    ]


def _by_a_piece(of_all: ConeDecision, own: Cone, enclosing: Cone) -> ConeDecision:
    """The answer about a union.

    A trivial cone of what encloses it proves it, one of the piece of x0 that is not so refutes it, and otherwise other
    pieces decide.
    """
    if of_all.holds is True:
        return of_all
    piece = of_all if _is_same(own, enclosing) else decide_cone(own)
    return piece if piece.holds is not True else still_open(OTHER_PIECES)


def _is_same(first: Cone, second: Cone) -> bool:
    return np.array_equal(first.equalities, second.equalities) and np.array_equal(
        first.inequalities, second.inequalities
    )


def _refuted(singleton: ConeDecision, bounded: ConeDecision) -> ConeDecision:
    """An open question of uniqueness is answered where the preimage is unbounded."""
    if singleton.holds is None and bounded.holds is False and bounded.certificate is not None:
        return decided(bounded.certificate)
    return singleton
