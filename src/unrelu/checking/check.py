"""What a model can be asked, before it is asked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from unrelu.checking.cut_rows import cut_rows
from unrelu.checking.model_check import ModelCheck
from unrelu.checking.model_survey import ModelSurvey, survey_model
from unrelu.checking.node_rows import node_rows
from unrelu.checking.questions import question_rows
from unrelu.errors import HeadWarning, InputError, IntakeMismatch, ModelError
from unrelu.intake.head import without_head
from unrelu.network.agreement import check_agreement, samples_like
from unrelu.network.arrays import Array
from unrelu.network.deviations import deviations
from unrelu.network.graph import INPUT, Network
from unrelu.network.node_deviation import NodeDeviation
from unrelu.study.inputs.array_files import NO_LABELS
from unrelu.study.inputs.read import read_samples


def check(
    model: object,
    example: Array | None = None,
    *,
    upto: str | None = None,
    data: object = None,
    resize: tuple[int, int] | None = None,
    array: str | None = None,
    scale: float | None = None,
    mean: Array | Sequence[float] | float | None = None,
    std: Array | Sequence[float] | float | None = None,
    questions: bool = True,
    trust: bool = False,
) -> ModelCheck:
    """What is read of a model, what it can be asked, what that takes, and how far it is from the model itself.

    Unlike `load` and `Network.from_torch` it does not stop at the first node that is not read: all of them are listed,
    with what each refusal says, and the rest is checked up to the last node that can be read. Cheap questions are asked
    once, at random inputs in [0, 1]; of the others a part is computed, and the whole foreseen from it.

    >>> import numpy as np
    >>> net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    >>> found = check(net)
    >>> found, found.all_read, found.question("layer").node
    (ModelCheck(4 nodes, all read), True, 'relu1')

    Args:
        model: a network, a `torch.nn.Module` in evaluation mode, an estimator as for `Network.from_sklearn`, or the
            path of a model as for `load`.
        example: of a module: a batch (n, *shape) of inputs.
        upto: name of the node to end in; the output if left out, or where that is not read the last node that is.
        data: inputs on which the network is compared with the model too, in any form that `read_inputs` takes.
        resize: see `read_inputs`.
        array: see `read_inputs`.
        scale: see `read_inputs`.
        mean: of the pictures that the model was trained on, if they were normalised by the code that loaded them; then
            `std` too, and what is looked at is the network behind `(x - mean) / std`: see `Network.normalized`.
        std: see `mean`.
        trust: whether a file may run code, as for `load`.
        questions: False to leave out what the questions take, which needs some time by itself.

    Raises:
        ModelError: if the model cannot be looked into at all: it is in training mode, or its file damaged.
        UnknownNode: if no node is called `upto`.
        InputError: if there is no such model, or the example or the data do not fit it.
    """
    found = survey_model(model, example, trust=trust)
    survey = found.survey if upto is None else found.survey.upto(upto)
    if (mean is None) != (std is None):
        raise InputError("mean and std go together; give both, with mean=0 or std=1 for none.")
    if mean is not None and std is not None and len(survey.network.nodes) > 1:
        survey = replace(survey, network=survey.network.normalized(mean, std))
    notes: list[str] = []
    last = survey.last
    ends = survey.network.outputs if survey.n_outputs > 1 and upto is None and found.may_have_head else ()
    if survey.unread:
        notes.append(_part(last))
    elif ends:
        notes.append(
            f"the model has {survey.n_outputs} outputs, {', '.join(survey.network.outputs)}: a network ends in one "
            f"node; name it (upto={last!r})."
        )
    inputs, random = None, samples_like(found.example)
    if data is not None:
        read = read_samples(data, survey.network.input_shape, labels=NO_LABELS, resize=resize, array=array, scale=scale)
        notes += read.notes
        inputs = torch.from_numpy(read.values)
    mismatch, far = _compared(survey.network, found, random, inputs)
    network = survey.network.upto(last)
    if found.may_have_head and not survey.unread and upto is None:
        network = _without_head(network, notes)
    return ModelCheck(
        nodes=tuple(node_rows(survey, far)),
        cuts=tuple(cut_rows(network)),
        questions=tuple(question_rows(network)) if questions and last != INPUT else (),
        upto=network.outputs[0],
        mismatch=mismatch,
        n_random=len(random) if far else 0,
        n_data=len(inputs) if far and inputs is not None else 0,
        ends=ends,
        notes=tuple(notes),
        network=network,
    )


def _part(last: str) -> str:
    if last == INPUT:
        return "nothing of the model is read; see what the refused nodes say."
    return f"the model can be read up to {last!r} (upto={last!r}); what follows is about that part."


def _compared(
    network: Network, found: ModelSurvey, random: Tensor, inputs: Tensor | None
) -> tuple[str, dict[str, NodeDeviation]]:
    """What the comparison with the model objects to, and the deviations of all nodes that the model computes."""
    if network.source is None:
        return "", {}
    mismatch = ""
    try:
        check_agreement(network, found.example)
        if inputs is not None:
            check_agreement(network, inputs)
    except IntakeMismatch as error:
        mismatch = str(error)
    except ModelError as error:
        return str(error), {}
    far = deviations(network, random, "random")
    if inputs is not None:
        for name, each in deviations(network, inputs, "data").items():
            far[name] = max(far[name], each, key=lambda one: one.largest)
    return mismatch, far


def _without_head(network: Network, notes: list[str]) -> Network:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", HeadWarning)
        network = without_head(network)
    notes.extend(str(each.message) for each in said)
    return network
