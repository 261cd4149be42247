"""From the steps of an estimator to the nodes of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrelu.errors import ModelError, UnreluError, UnsupportedOperator
from unrelu.intake.builder import affine
from unrelu.intake.draft import Draft, Signal, before
from unrelu.intake.sklearn.library import (
    MLPClassifier,
    MLPRegressor,
    NotFittedError,
    Pipeline,
    TransformedTargetRegressor,
    check_is_fitted,
)
from unrelu.intake.sklearn.place import Place
from unrelu.intake.sklearn.program import SklearnProgram
from unrelu.intake.sklearn.transforms import transform, undo
from unrelu.intake.unread import Unread
from unrelu.network.graph import INPUT, Network
from unrelu.operators import Operator, ReLU, Sigmoid, Softmax, Tanh

_HIDDEN: dict[str, Operator | None] = {"identity": None, "relu": ReLU(), "tanh": Tanh(), "logistic": Sigmoid()}
_LAST: dict[str, Operator | None] = {"identity": None, "logistic": Sigmoid(), "softmax": Softmax(0)}


def translate(estimator: Any, upto: str | None = None) -> Network:
    """Write the network that an estimator is.

    Args:
        estimator: fitted.
        upto: name of the node to end in; None for the output. What lies behind it does not have to be readable.

    Raises:
        UnsupportedOperator: if a step is not read; the message names it.
        ModelError: if the estimator is not fitted.
        UnknownNode: if there is no node to end in.
    """
    check_fitted(estimator)
    draft, unread, places = Draft(), Unread[str](upto), {INPUT: ()}
    x = draft.begin((width(estimator),))
    try:
        output = _Translation(draft, places).estimator(x, estimator)
    except UnreluError:
        output = unread.found(draft)  # there is but one way through an estimator, so all before it was written
        if output is None:
            raise
    if upto is not None:
        output = unread.found(draft)
        if output is None:
            raise unread.missing(draft)
    needed = draft.needed(output)
    source = SklearnProgram({name: chain for name, chain in places.items() if name in needed})
    return draft.finish(output, source)


def check_fitted(estimator: Any) -> None:
    """Refuse an estimator that knows nothing yet.

    Raises:
        ModelError: if it is not fitted.
    """
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise ModelError(f"the {type(estimator).__name__} is not fitted; call its fit first.") from None


def width(estimator: Any) -> int:
    """Number of inputs of a fitted estimator; a pipeline does not tell it where its first step does nothing."""
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    return next(int(step.n_features_in_) for step in steps if hasattr(step, "n_features_in_"))


@dataclass(frozen=True, eq=False)
class _Translation:
    """One walk through an estimator.

    Attributes:
        draft: what is written into.
        places: for each node that scikit-learn computes too, by what (see `SklearnProgram`).
        chain: the transformers that are behind us.
    """

    draft: Draft
    places: dict[str, tuple[Any, ...]]
    chain: list[Any] = field(default_factory=list)

    def estimator(self, x: Signal, estimator: Any) -> Signal:
        if isinstance(estimator, MLPClassifier | MLPRegressor):
            return self._perceptron(x, estimator)
        if isinstance(estimator, Pipeline):
            return self._pipeline(x, estimator)
        if isinstance(estimator, TransformedTargetRegressor):
            return self._transformed(x, estimator)
        raise UnsupportedOperator(_refusal(estimator))

    def _pipeline(self, x: Signal, pipeline: Pipeline) -> Signal:
        for name, step in pipeline.steps[:-1]:
            x = self._transformer(x, name, step)
        return self.estimator(x, pipeline.steps[-1][1])

    def _transformer(self, x: Signal, name: str, fitted: Any) -> Signal:
        if isinstance(fitted, Pipeline):
            for part, step in fitted.steps:
                x = self._transformer(x, f"{name}.{part}", step)
            return x
        if fitted is None or isinstance(fitted, str):  # "passthrough"
            return x
        x = transform(Place(self.draft, name, before=before([x])), x, fitted)
        self.chain.append(fitted)
        self.places[x.node] = tuple(self.chain)
        return x

    def _transformed(self, x: Signal, estimator: TransformedTargetRegressor) -> Signal:
        behind = tuple(self.chain)
        x = self.estimator(x, estimator.regressor_)
        x = undo(Place(self.draft, "target", before=before([x])), x, estimator.transformer_)
        self.places[x.node] = (*behind, estimator)
        return x

    def _perceptron(self, x: Signal, mlp: Any) -> Signal:
        last = mlp.n_layers_ - 1
        for k, (weight, bias) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True), start=1):
            at = Place(self.draft, f"dense{k}", before=before([x]))
            x = affine.dense(at, x, at.number(np.ascontiguousarray(weight.T)), at.number(bias))
            self.places[x.node] = (*self.chain, _part(mlp, k, "identity"))
            activation = mlp.out_activation_ if k == last else mlp.activation
            operators = _LAST if k == last else _HIDDEN
            at = Place(self.draft, activation if k == last else f"{activation}{k}", before=x.node)
            if activation not in operators:
                raise at.unread("is an activation that is not read")
            operator = operators[activation]
            if operator is not None:
                x = at.write(operator, x)
                self.places[x.node] = (*self.chain, _part(mlp, k, activation))
        return x


def _part(mlp: Any, layers: int, activation: str) -> Any:
    """The first layers of a perceptron as one of its own, whose prediction is what they give."""
    part: Any = MLPRegressor(activation=mlp.activation)
    part.coefs_, part.intercepts_ = mlp.coefs_[:layers], mlp.intercepts_[:layers]
    part.n_layers_, part.out_activation_, part.n_features_in_ = layers + 1, activation, mlp.n_features_in_
    return part


def _refusal(estimator: Any) -> str:
    name = type(estimator).__name__
    if hasattr(estimator, "best_estimator_"):
        return f"a {name} chooses among estimators; hand over the one it chose, its best_estimator_."
    return (
        f"a {name} is not read, but MLPClassifier and MLPRegressor are, alone or behind scalers in a Pipeline, and in "
        "a TransformedTargetRegressor."
    )
