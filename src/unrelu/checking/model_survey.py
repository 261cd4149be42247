"""Any model, surveyed: the one place that knows the kinds there are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.export import ExportedProgram

from unrelu.errors import InputError
from unrelu.intake.keras import survey_keras
from unrelu.intake.onnx import example_for, survey_onnx
from unrelu.intake.survey import Survey
from unrelu.intake.torch import survey_torch
from unrelu.network.arrays import Array
from unrelu.network.graph import Network
from unrelu.network.load import ONNX, is_of_torch, load, trusted_module


@dataclass(frozen=True, eq=False)
class ModelSurvey:
    """What was found in a model, and inputs to begin with.

    Attributes:
        survey: the nodes, read or not.
        example: (n, *input_shape).
        may_have_head: whether a softmax at its end is cut off, as of a model that is read.
    """

    survey: Survey
    example: Tensor
    may_have_head: bool


_FAMILIES = {"sklearn": Network.from_sklearn}
"""How models of other libraries are read, by the package that their class, or one it is derived from, comes from."""


def survey_model(model: object, example: Array | None = None, *, trust: bool = False) -> ModelSurvey:
    """Survey a network, a module or program with an example, a Keras model, an estimator, or what `unrelu.load` takes.

    Args:
        model: any of them.
        example: of a module or program: a batch (n, *shape).
        trust: as for `unrelu.load`.

    Raises:
        InputError: if it is none of them, or an example is missing.
        ModelError: if the model cannot be looked into at all; the message says what to do.
        ModelFileError: if the file is missing, damaged, of another kind, or needs trust.
    """
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        if path.suffix.lower() == ONNX:
            survey = survey_onnx(path, trust)
            return ModelSurvey(survey, example_for(survey.network), True)
        held = trusted_module(path, example) if trust and is_of_torch(path) else None
        model, example = (load(path), example) if held is None else held
    packages = {each.__module__.split(".")[0] for each in type(model).__mro__}
    if "keras" in packages:  # on PyTorch it is a module too, but knows its own inputs
        survey, batch = survey_keras(model, example)
        return ModelSurvey(survey, batch, True)
    if isinstance(model, nn.Module | ExportedProgram):
        if example is None:
            raise InputError("a module is checked with an example input: give ur.check(module, example).")
        survey, batch = survey_torch(model, example)
        return ModelSurvey(survey, batch, True)
    for package, read in _FAMILIES.items():
        if package in packages:
            model = read(model)
    if not isinstance(model, Network):
        raise InputError(
            f"a Network, a torch.nn.Module with an example, a model of Keras, an estimator of scikit-learn or the path "
            f"of a model is checked, not {type(model).__name__}."
        )
    return ModelSurvey(Survey(model, (), len(model.outputs)), example_for(model), False)
