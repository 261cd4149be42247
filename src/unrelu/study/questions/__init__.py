"""What a study can ask; each question is one file."""

from unrelu.study.questions.metamers import Metamers
from unrelu.study.questions.predictions import Predictions
from unrelu.study.questions.ranges import Ranges
from unrelu.study.questions.row_removal import RowRemoval
from unrelu.study.questions.solutions import Solutions
from unrelu.study.questions.spectra import Spectra
from unrelu.study.questions.uniqueness import Uniqueness
from unrelu.study.questions.verdicts import Verdicts

QUESTIONS = (Predictions, Verdicts, Uniqueness, Ranges, Spectra, RowRemoval, Metamers, Solutions)
"""All of them, in the order of a report."""

__all__ = ["Metamers", "Predictions", "Ranges", "RowRemoval", "Solutions", "Spectra", "Uniqueness", "Verdicts"]
