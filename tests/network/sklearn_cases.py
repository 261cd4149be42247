"""Estimators that were trained on a few rows, and what they compute by their own public methods."""

import warnings
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

__all__ = [
    "INPUTS",
    "REGRESSORS",
    "TARGET",
    "FunctionTransformer",
    "MLPRegressor",
    "Normalizer",
    "StandardScaler",
    "TransformedTargetRegressor",
    "by_columns",
    "classifier",
    "fitted",
    "make_pipeline",
    "regressor",
    "searched",
]

INPUTS = np.random.default_rng(1).standard_normal((80, 4)) * [1, 10, 100, 0.1] + [0, 5, -50, 1]
"""Of very different sizes, as measured quantities are."""

TARGET = np.abs(INPUTS[:, 0]) * INPUTS[:, 1]


def regressor(**settings: Any) -> MLPRegressor:
    return MLPRegressor(**{"hidden_layer_sizes": (7, 6), "max_iter": 60, "random_state": 0, **settings})


def classifier(**settings: Any) -> MLPClassifier:
    return MLPClassifier(**{"hidden_layer_sizes": (7, 6), "max_iter": 60, "random_state": 0, **settings})


def fitted(estimator: Any, target: np.ndarray = TARGET, inputs: np.ndarray = INPUTS) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(inputs, target)


def searched() -> Any:
    return GridSearchCV(regressor(max_iter=5), {"alpha": [0.1, 1.0]}, cv=2)


def by_columns() -> Any:
    return make_pipeline(make_column_transformer((StandardScaler(), [0]), remainder="passthrough"), regressor())


REGRESSORS = {
    "plain": lambda: regressor(),
    "standard": lambda: make_pipeline(StandardScaler(), regressor()),
    "standard without mean": lambda: make_pipeline(StandardScaler(with_mean=False), regressor()),
    "standard without scale": lambda: make_pipeline(StandardScaler(with_std=False, copy=False), regressor()),
    "standard that does nothing": lambda: make_pipeline(StandardScaler(with_std=False, with_mean=False), regressor()),
    "min max": lambda: make_pipeline(MinMaxScaler((-1, 2)), regressor()),
    "min max, clipped": lambda: make_pipeline(MinMaxScaler((-1, 2), clip=True), regressor()),
    "max abs": lambda: make_pipeline(MaxAbsScaler(), regressor()),
    "max abs, clipped": lambda: make_pipeline(MaxAbsScaler(clip=True), regressor()),
    "robust": lambda: make_pipeline(RobustScaler(), regressor()),
    "robust without center": lambda: make_pipeline(RobustScaler(with_centering=False), regressor()),
    "robust without scale": lambda: make_pipeline(RobustScaler(with_scaling=False), regressor()),
    "robust by unit variance": lambda: make_pipeline(RobustScaler(unit_variance=True), regressor()),
    "components": lambda: make_pipeline(StandardScaler(), PCA(3), regressor()),
    "whitened components": lambda: make_pipeline(StandardScaler(), PCA(3, whiten=True), regressor()),
    "singular vectors": lambda: make_pipeline(StandardScaler(), TruncatedSVD(2), regressor()),
    "columns left out": lambda: make_pipeline(VarianceThreshold(0.5), StandardScaler(), regressor()),
    "nothing, twice": lambda: make_pipeline("passthrough", FunctionTransformer(), StandardScaler(), regressor()),
    "a pipeline in a pipeline": lambda: make_pipeline(make_pipeline(RobustScaler(), MinMaxScaler()), regressor()),
    "no hidden layer": lambda: make_pipeline(StandardScaler(), regressor(hidden_layer_sizes=())),
    "tanh": lambda: make_pipeline(StandardScaler(), regressor(activation="tanh")),
    "logistic": lambda: make_pipeline(StandardScaler(), regressor(activation="logistic")),
    "identity": lambda: make_pipeline(StandardScaler(), regressor(activation="identity")),
    **{
        f"target by {scaler}": lambda scaler=scaler: TransformedTargetRegressor(
            make_pipeline(StandardScaler(), regressor()), transformer=scaler
        )
        for scaler in (
            StandardScaler(),
            MinMaxScaler(),
            MaxAbsScaler(),
            RobustScaler(with_centering=False),
            RobustScaler(with_scaling=False),
            StandardScaler(with_std=False),
            None,
        )
    },
    "target inside": lambda: make_pipeline(
        StandardScaler(), TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    ),
}
"""Regressors of one number, not fitted, by what is special about them."""
