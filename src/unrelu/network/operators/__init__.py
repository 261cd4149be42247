"""The operators a network is made of: affine maps, and the ReLU."""

from unrelu.network.operators.add import Add
from unrelu.network.operators.average import AdaptiveAveragePool, AveragePool
from unrelu.network.operators.base import AffineOperator, Operator, Shape
from unrelu.network.operators.convolution import Convolution
from unrelu.network.operators.dense import Dense
from unrelu.network.operators.elementwise import Elementwise
from unrelu.network.operators.input import Input
from unrelu.network.operators.moving import Pad, Permute, Reshape
from unrelu.network.operators.relu import ReLU

__all__ = [
    "AdaptiveAveragePool",
    "Add",
    "AffineOperator",
    "AveragePool",
    "Convolution",
    "Dense",
    "Elementwise",
    "Input",
    "Operator",
    "Pad",
    "Permute",
    "ReLU",
    "Reshape",
    "Shape",
]
