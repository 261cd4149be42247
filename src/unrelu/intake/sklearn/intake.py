"""From an estimator of scikit-learn to a network."""

from __future__ import annotations

import copy
import sys
import warnings
from typing import Any

import numpy as np
import torch

from unrelu.errors import ModelError
from unrelu.intake.head import without_head
from unrelu.network.agreement import EXAMPLES, check_agreement
from unrelu.network.graph import Network


def network_from_sklearn(estimator: object, upto: str | None = None) -> Network:
    """Read a fitted neural network of scikit-learn, with the scalers before it and behind it.

    Args:
        estimator: MLPClassifier or MLPRegressor, alone, behind transformers in a Pipeline, or in a
            TransformedTargetRegressor.
        upto: name of the node that the network ends in; nothing behind it is read.

    Returns:
        The network, with the estimator as its source.

    Raises:
        ModelError: if it is not read; the message names the step and what to do.
        UnknownNode: if no node is called `upto`.
    """
    if "sklearn" not in sys.modules:  # so it is none of its estimators
        raise ModelError(_other(estimator))
    from unrelu.intake.sklearn.library import BaseEstimator
    from unrelu.intake.sklearn.translation import translate

    if not isinstance(estimator, BaseEstimator):
        raise ModelError(_other(estimator))
    estimator = copy.deepcopy(estimator)  # so that later changes of it are not seen
    network = translate(estimator, upto)
    example = _example(estimator, network.input_size)
    if upto is not None:
        check_agreement(network, example)
        return network
    check_agreement(network, example, _own_output(estimator, example, network.output_size))
    return without_head(network)


def _other(given: object) -> str:
    if isinstance(given, type):
        return f"from_sklearn takes a fitted estimator, not the class {given.__name__}; make one and call its fit."
    return f"from_sklearn takes a fitted estimator of scikit-learn, not a {type(given).__name__}."


def _example(estimator: Any, size: int) -> torch.Tensor:
    """Inputs that the transformers of a pipeline bring to the size of one, where they can be undone."""
    generator = np.random.default_rng(0)
    try:
        scalers = estimator[:-1]
        inputs = scalers.inverse_transform(generator.standard_normal((EXAMPLES, estimator[-1].n_features_in_)))
    except (TypeError, AttributeError, ValueError, IndexError, NotImplementedError):  # there are none, or no way back
        inputs = generator.standard_normal((EXAMPLES, size))
    return torch.from_numpy(np.asarray(inputs, dtype=np.float64))


def _own_output(estimator: Any, example: torch.Tensor, size: int) -> torch.Tensor:
    """What the estimator itself predicts, with probabilities if it has them, (n, size)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they say that columns had names when it was fitted
        predict = getattr(estimator, "predict_proba", None) or estimator.predict
        # of two classes it gives both probabilities, and the network that of the second
        return torch.as_tensor(predict(example.clone().numpy())).reshape(len(example), -1)[:, -size:]
