"""Names for runs and tasks, under which their rows are kept."""

from __future__ import annotations

from collections.abc import Sequence

from unrelu.network.fingerprints import json_sha256, settings_of
from unrelu.study.asked import Asked
from unrelu.study.info import StudyInfo
from unrelu.study.material import Material
from unrelu.study.question import Question
from unrelu.study.task import Task

FORMAT_VERSION = 11
"""Raised whenever a column changes its meaning, comes or goes, or a part is written in another way."""

_LENGTH = 24
"""Characters of a name, 4 bits each: two of a billion different tasks share one with a chance of 1e-11."""


def run_key(question: Question, material: Material) -> str:
    """A name for a question with its settings about a network and data: what may lie in one folder."""
    settings = question.settings_sha256(material.net.input_size)
    return json_sha256([FORMAT_VERSION, settings, material.sha256(labels=question.reads_labels)])[:_LENGTH]


def task_key(settings: str, material: Material, task: Task, *, labels: bool) -> str:
    """A name for a task: its question with all settings, the network, the inputs it reads, and its boundaries.

    It does not depend on the rest of the data, so that a study of more data finds what is known of the first ones.
    """
    read = material.part_sha256(task.inputs, labels=labels)
    own = [task.layer, settings_of(task.settings, 0), task.divisible, read]
    return json_sha256([FORMAT_VERSION, settings, material.model, material.unit.hex(), own])[:_LENGTH]


def study_key(info: StudyInfo, asked: Sequence[Asked]) -> str:
    """A name for a study: its network, its data, and its questions with their settings."""
    runs = [[each.name, each.run] for each in asked]
    return json_sha256([FORMAT_VERSION, runs, info.weights_sha256, info.data_sha256])[:_LENGTH]
