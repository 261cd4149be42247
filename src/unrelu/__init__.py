"""What a ReLU network cannot see: preimages, metamers and the stability of the inverse, with proofs."""

from unrelu import errors
from unrelu.metamers.metamer import metamer
from unrelu.metamers.result import Metamer
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.load import load
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.classification import Classification, classify, preimage
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.stability.linearization import Linearization, linearize
from unrelu.stability.spectrum import Spectrum, spectrum
from unrelu.study.analyze import analyze
from unrelu.study.study import Study

__version__ = "0.1.0"

__all__ = [
    # a model as affine maps and ReLUs
    "Network",
    "ReLULayer",
    "load",
    # where inputs may lie
    "Box",
    "Nonnegative",
    "Polyhedron",
    # which inputs have the same features
    "preimage",
    "LayerPreimage",
    "classify",
    "Classification",
    "Kind",
    # which changes the features hardly notice
    "linearize",
    "Linearization",
    "spectrum",
    "Spectrum",
    # what else looks the same to the network
    "metamer",
    "Metamer",
    # every layer, every input
    "analyze",
    "Study",
    # what can go wrong
    "errors",
]
