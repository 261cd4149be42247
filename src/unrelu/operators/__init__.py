"""The operators a network is made of; all that is known of a kind of node is in its file."""

from unrelu.operators.absolute import Absolute
from unrelu.operators.add import Add, Subtract
from unrelu.operators.affine import AffineOperator
from unrelu.operators.average import AdaptiveAveragePool, AveragePool, Mean
from unrelu.operators.base import Operator, Shape
from unrelu.operators.blend import Blend
from unrelu.operators.clamp import AtLeast, AtMost, Clamp
from unrelu.operators.contraction import Contraction
from unrelu.operators.convolution import Convolution
from unrelu.operators.dense import Dense
from unrelu.operators.elementwise import Elementwise, Quotient
from unrelu.operators.extremum import LargestAlong, Maximum, Minimum, SmallestAlong
from unrelu.operators.input import Input
from unrelu.operators.layer_norm import GroupNorm, LayerNorm
from unrelu.operators.leaky_relu import LeakyReLU
from unrelu.operators.max_pool import MaxPool
from unrelu.operators.moving import Broadcast, Concatenate, Pad, Permute, Reshape, Slice
from unrelu.operators.normalization import Normalization
from unrelu.operators.relu import ReLU
from unrelu.operators.smooth import MatrixProduct, Product
from unrelu.operators.smooth_functions import ELU, GELU, Erf, Hardswish, Sigmoid, SiLU, Softplus, Tanh
from unrelu.operators.softmax import LogSoftmax, Softmax
from unrelu.operators.sum import Sum
from unrelu.operators.take import Take
from unrelu.operators.transposed_convolution import TransposedConvolution

__all__ = [
    "ELU",
    "GELU",
    "Absolute",
    "AdaptiveAveragePool",
    "Add",
    "AffineOperator",
    "AtLeast",
    "AtMost",
    "AveragePool",
    "Blend",
    "Broadcast",
    "Clamp",
    "Concatenate",
    "Contraction",
    "Convolution",
    "Dense",
    "Elementwise",
    "Erf",
    "GroupNorm",
    "Hardswish",
    "Input",
    "LargestAlong",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "MatrixProduct",
    "MaxPool",
    "Maximum",
    "Mean",
    "Minimum",
    "Normalization",
    "Operator",
    "Pad",
    "Permute",
    "Product",
    "Quotient",
    "ReLU",
    "Reshape",
    "Shape",
    "SiLU",
    "Sigmoid",
    "Slice",
    "SmallestAlong",
    "Softmax",
    "Softplus",
    "Subtract",
    "Sum",
    "Take",
    "Tanh",
    "TransposedConvolution",
]
