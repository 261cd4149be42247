"""What a study can be asked (`unrelu.analyze`), and what a question of one's own is made of.

A question is a frozen dataclass derived from `Question`, in one file: the settings are its fields, the columns of its
rows are described by `columns`, `plan` cuts the work into tasks, `answer` gives the rows of one.
"""

from unrelu.study.answer import Answer as Answer
from unrelu.study.columns import COUNT as COUNT
from unrelu.study.columns import FLAG as FLAG
from unrelu.study.columns import REAL as REAL
from unrelu.study.columns import REALS as REALS
from unrelu.study.columns import SHAPE as SHAPE
from unrelu.study.columns import TEXT as TEXT
from unrelu.study.columns import TEXTS as TEXTS
from unrelu.study.columns import columns as columns
from unrelu.study.context import Context as Context
from unrelu.study.plan import Plan as Plan
from unrelu.study.question import Question as Question
from unrelu.study.questions import Metamers as Metamers
from unrelu.study.questions import Predictions as Predictions
from unrelu.study.questions import Ranges as Ranges
from unrelu.study.questions import RowRemoval as RowRemoval
from unrelu.study.questions import Solutions as Solutions
from unrelu.study.questions import Spectra as Spectra
from unrelu.study.questions import Uniqueness as Uniqueness
from unrelu.study.questions import Verdicts as Verdicts
from unrelu.study.task import Task as Task
from unrelu.study.task import slices as slices

__all__ = [
    "COUNT",
    "FLAG",
    "REAL",
    "REALS",
    "SHAPE",
    "TEXT",
    "TEXTS",
    "Answer",
    "Context",
    "Metamers",
    "Plan",
    "Predictions",
    "Question",
    "Ranges",
    "RowRemoval",
    "Solutions",
    "Spectra",
    "Task",
    "Uniqueness",
    "Verdicts",
    "columns",
    "slices",
]
