"""The one place that imports scikit-learn, for those who hold an estimator of it."""

from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "PCA",
    "BaseEstimator",
    "FunctionTransformer",
    "IncrementalPCA",
    "MLPClassifier",
    "MLPRegressor",
    "MaxAbsScaler",
    "MinMaxScaler",
    "NotFittedError",
    "Pipeline",
    "RobustScaler",
    "SelectorMixin",
    "StandardScaler",
    "TransformedTargetRegressor",
    "TruncatedSVD",
    "check_is_fitted",
]
