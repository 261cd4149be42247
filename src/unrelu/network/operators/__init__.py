"""The operators a network is made of: affine maps, the ReLU and max pooling."""

from unrelu.network.operators.add import Add, Subtract
from unrelu.network.operators.average import AdaptiveAveragePool, AveragePool, Mean
from unrelu.network.operators.base import AffineOperator, Operator, Shape
from unrelu.network.operators.convolution import Convolution
from unrelu.network.operators.dense import Dense
from unrelu.network.operators.elementwise import Elementwise, Quotient
from unrelu.network.operators.input import Input
from unrelu.network.operators.max_pool import MaxPool
from unrelu.network.operators.moving import Broadcast, Concatenate, Pad, Permute, Reshape, Slice
from unrelu.network.operators.normalization import Normalization
from unrelu.network.operators.relu import ReLU

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
