"""What theory says about singular values when a ReLU removes rows, beside the true values.

`interlacing` is Lemma 8 of the paper, `weak_correlation` Lemma 9 with sharper forms, `correlation_scan` appendix A5.
"""

from unrelu.stability.removal.correlation_scan import CorrelationScan as CorrelationScan
from unrelu.stability.removal.correlation_scan import correlation_scan as correlation_scan
from unrelu.stability.removal.interlacing import Interlacing as Interlacing
from unrelu.stability.removal.interlacing import interlacing as interlacing
from unrelu.stability.removal.weak_correlation import WeakCorrelation as WeakCorrelation
from unrelu.stability.removal.weak_correlation import weak_correlation as weak_correlation

__all__ = [
    "CorrelationScan",
    "Interlacing",
    "WeakCorrelation",
    "correlation_scan",
    "interlacing",
    "weak_correlation",
]
