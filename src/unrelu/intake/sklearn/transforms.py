"""How the steps before a neural network are read, and those undone behind it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder import affine, piecewise
from unrelu.intake.builder.site import Handler
from unrelu.intake.draft import Signal
from unrelu.intake.sklearn.library import (
    PCA,
    FunctionTransformer,
    IncrementalPCA,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    SelectorMixin,
    StandardScaler,
    TruncatedSVD,
)
from unrelu.intake.sklearn.place import Place

_Step: TypeAlias = tuple[str, Handler, Any]
"""What it is called, the verb, and the numbers it takes; None for these means that there is no such step."""

_WHY = {
    "Normalizer": "divides each sample by its norm, which is not piecewise linear",
    "PowerTransformer": "takes powers or logarithms, which are not piecewise linear",
    "PolynomialFeatures": "multiplies inputs with each other, which is not piecewise linear",
    "QuantileTransformer": "is piecewise linear, but not read yet",
    "ColumnTransformer": "treats some columns otherwise than others, which is not read yet",
    "FeatureUnion": "joins several transformers, which is not read yet",
    "SimpleImputer": "fills in missing values, and an input of a network has none",
    "OneHotEncoder": "counts categories, and the inputs of a network are numbers",
    "OrdinalEncoder": "counts categories, and the inputs of a network are numbers",
    "Binarizer": "jumps from 0 to 1",
    "KBinsDiscretizer": "jumps from bin to bin",
}


def transform(at: Place, x: Signal, fitted: Any) -> Signal:
    """What a fitted transformer makes of a sample.

    Raises:
        UnsupportedOperator: if it is not read.
    """
    for kind, steps in _FORWARD.items():
        if isinstance(fitted, kind):
            return _written(at, x, steps(fitted))
    if _does_nothing(fitted):
        return x
    powers = getattr(fitted, "powers_", None)  # of PolynomialFeatures, a row a feature
    if powers is not None and powers.sum(axis=1).max() <= 1:
        constant = (powers.sum(axis=1) == 0).astype(float)
        return _written(at, x, [("select", affine.product, powers.T.astype(float)), ("constant", affine.add, constant)])
    name = type(fitted).__name__
    why = next((_WHY[kind.__name__] for kind in type(fitted).__mro__ if kind.__name__ in _WHY), "is not read")
    raise UnsupportedOperator(
        f"step {at.wish!r}, a {name}, {why}; transform the inputs before, and hand over the rest of the pipeline "
        "(pipeline[k:], k the number of steps to leave out)."
    )


def undo(at: Place, x: Signal, fitted: Any) -> Signal:
    """What a fitted transformer of the target makes of a prediction, `inverse_transform`.

    Raises:
        UnsupportedOperator: if it is not read.
    """
    for kind, steps in _BACKWARD.items():
        if isinstance(fitted, kind):
            return _written(at, x, steps(fitted))
    if _does_nothing(fitted):
        return x
    name = type(fitted).__name__
    raise UnsupportedOperator(
        f"the target goes through a {name}, which is not read, as scalers are; hand over the regressor_ alone, which "
        "predicts what the transformer makes of the target."
    )


def _does_nothing(fitted: Any) -> bool:
    return fitted == "passthrough" or (
        isinstance(fitted, FunctionTransformer) and fitted.func is None and fitted.inverse_func is None
    )


def _written(at: Place, x: Signal, steps: list[_Step]) -> Signal:
    """The steps one after the other, of which the last goes by the name of the whole."""
    steps = [step for step in steps if step[2] is not None]
    for name, verb, numbers in steps[:-1]:
        x = verb(at.part(name), x, at.number(numbers))
    for _, verb, numbers in steps[-1:]:
        x = verb(at, x, at.number(numbers))
    return x


def _clip(at: Place, x: Signal, ends: Any) -> Signal:
    return piecewise.clamp(at, x, ends[0], ends[1])


def _center_and_scale(s: Any) -> tuple[Any, Any]:
    """Of a StandardScaler or RobustScaler, None for what it does not do (it may hold a mean that it does not use)."""
    if isinstance(s, StandardScaler):
        return s.mean_ if s.with_mean else None, s.scale_
    return s.center_ if s.with_centering else None, s.scale_ if s.with_scaling else None


def _centered(s: Any) -> list[_Step]:
    center, scale = _center_and_scale(s)
    return [("center", affine.subtract, center), ("scale", affine.divide, scale)]


def _moved_back(s: Any) -> list[_Step]:
    center, scale = _center_and_scale(s)
    return [("scale", affine.multiply, scale), ("center", affine.add, center)]


def _min_max(s: MinMaxScaler) -> list[_Step]:
    ends = s.feature_range if s.clip else None
    return [("scale", affine.multiply, s.scale_), ("shift", affine.add, s.min_), ("clip", _clip, ends)]


def _max_abs(s: MaxAbsScaler) -> list[_Step]:
    # before scikit-learn 1.7 it did not clip
    ends = (-1.0, 1.0) if getattr(s, "clip", False) else None
    return [("scale", affine.divide, s.scale_), ("clip", _clip, ends)]


def _components(s: Any) -> list[_Step]:
    scale = None
    if s.whiten:  # as scikit-learn does, with variances that are not quite zero
        scale = np.sqrt(s.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    matrix = s.components_.T
    return [
        ("project", affine.product, matrix),
        ("center", affine.subtract, s.mean_ @ matrix),
        ("whiten", affine.divide, scale),
    ]


def _selected(s: Any) -> list[_Step]:
    support = s.get_support()
    return [("select", affine.product, np.eye(len(support))[:, support])]


_FORWARD: dict[type, Any] = {
    StandardScaler: _centered,
    RobustScaler: _centered,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PCA: _components,
    IncrementalPCA: _components,
    TruncatedSVD: lambda s: [("project", affine.product, s.components_.T)],
    SelectorMixin: _selected,
}

_BACKWARD: dict[type, Any] = {
    StandardScaler: _moved_back,
    RobustScaler: _moved_back,
    MinMaxScaler: lambda s: [("shift", affine.subtract, s.min_), ("scale", affine.divide, s.scale_)],
    MaxAbsScaler: lambda s: [("scale", affine.multiply, s.scale_)],
}
