"""Any model, surveyed: the one place that knows the kinds there are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from unrelu.errors import InputError
from unrelu.intake.onnx import example_for, survey_onnx
from unrelu.intake.survey import Survey
from unrelu.intake.torch import survey_torch
from unrelu.network.arrays import Array
from unrelu.network.graph import Network
from unrelu.network.load import ONNX, load


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


def survey_model(model: object, example: Array | None = None) -> ModelSurvey:
    """Survey a network, a module with an example, or a file or folder that `unrelu.load` takes.

    Raises:
        InputError: if it is none of them, or an example is missing.
        ModelError: if the model cannot be looked into at all; the message says what to do.
        ModelFileError: if the file is missing, damaged or of another kind.
    """
    if isinstance(model, nn.Module):
        if example is None:
            raise InputError("a module is checked with an example input: give ur.check(module, example).")
        survey, batch = survey_torch(model, example)
        return ModelSurvey(survey, batch, True)
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        if path.suffix.lower() == ONNX:
            survey = survey_onnx(path)
            return ModelSurvey(survey, example_for(survey.network), True)
        model = load(path)
    if not isinstance(model, Network):
        raise InputError(
            f"a Network, a torch.nn.Module with an example, or the path of a model is checked, "
            f"not {type(model).__name__}."
        )
    return ModelSurvey(Survey(model, (), len(model.outputs)), example_for(model), False)
