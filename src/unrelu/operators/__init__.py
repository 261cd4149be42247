"""The operators a network is made of: affine maps, the ReLU and max pooling."""

from unrelu.operators.add import Add, Subtract
from unrelu.operators.average import AdaptiveAveragePool, AveragePool, Mean
from unrelu.operators.base import AffineOperator, Operator, Shape
from unrelu.operators.convolution import Convolution
from unrelu.operators.dense import Dense
from unrelu.operators.elementwise import Elementwise, Quotient
from unrelu.operators.input import Input
from unrelu.operators.max_pool import MaxPool
from unrelu.operators.moving import Broadcast, Concatenate, Pad, Permute, Reshape, Slice
from unrelu.operators.normalization import Normalization
from unrelu.operators.relu import ReLU

__all__ = [
    "AdaptiveAveragePool",
    "Add",
    "AffineOperator",
    "AveragePool",
    "Broadcast",
    "Concatenate",
    "Convolution",
    "Dense",
    "Elementwise",
    "Input",
    "MaxPool",
    "Mean",
    "Normalization",
    "Operator",
    "Pad",
    "Permute",
    "Quotient",
    "ReLU",
    "Reshape",
    "Shape",
    "Slice",
    "Subtract",
]
