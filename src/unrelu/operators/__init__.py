"""The operators a network is made of; all that is known of a kind of node is in its file."""

from unrelu.operators.absolute import Absolute
from unrelu.operators.add import Add, Subtract
from unrelu.operators.affine import AffineOperator
from unrelu.operators.average import AdaptiveAveragePool, AveragePool, Mean
from unrelu.operators.base import Operator, Shape
from unrelu.operators.clamp import AtLeast, AtMost, Clamp
from unrelu.operators.convolution import Convolution
from unrelu.operators.dense import Dense
from unrelu.operators.elementwise import Elementwise, Quotient
from unrelu.operators.extremum import LargestAlong, Maximum, Minimum, SmallestAlong
from unrelu.operators.input import Input
from unrelu.operators.leaky_relu import LeakyReLU
from unrelu.operators.max_pool import MaxPool
from unrelu.operators.moving import Broadcast, Concatenate, Pad, Permute, Reshape, Slice
from unrelu.operators.normalization import Normalization
from unrelu.operators.relu import ReLU

__all__ = [
    "Absolute",
    "AdaptiveAveragePool",
    "Add",
    "AffineOperator",
    "AtLeast",
    "AtMost",
    "AveragePool",
    "Broadcast",
    "Clamp",
    "Concatenate",
    "Convolution",
    "Dense",
    "Elementwise",
    "Input",
    "LargestAlong",
    "LeakyReLU",
    "MaxPool",
    "Maximum",
    "Mean",
    "Minimum",
    "Normalization",
    "Operator",
    "Pad",
    "Permute",
    "Quotient",
    "ReLU",
    "Reshape",
    "Shape",
    "Slice",
    "SmallestAlong",
    "Subtract",
]
