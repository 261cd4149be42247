"""What a ReLU network cannot see: preimages, metamers and the stability of the inverse, with proofs."""

from importlib import import_module
from typing import TYPE_CHECKING

from unrelu import errors as errors

if TYPE_CHECKING:
    from unrelu import bounds as bounds
    from unrelu import executors as executors
    from unrelu import questions as questions
    from unrelu.across.far_pairs import far_pairs as far_pairs
    from unrelu.across.frame_bounds import FrameBounds as FrameBounds
    from unrelu.across.inverse_lipschitz import InverseLipschitz as InverseLipschitz
    from unrelu.across.inverse_lipschitz import LocalStability as LocalStability
    from unrelu.across.inverse_lipschitz import inverse_lipschitz as inverse_lipschitz
    from unrelu.across.look_alike_pair import LookAlikePair as LookAlikePair
    from unrelu.checking.basis import Basis as Basis
    from unrelu.checking.check import check as check
    from unrelu.checking.cut_check import CutCheck as CutCheck
    from unrelu.checking.model_check import ModelCheck as ModelCheck
    from unrelu.checking.node_check import NodeCheck as NodeCheck
    from unrelu.checking.node_kind import NodeKind as NodeKind
    from unrelu.checking.question_check import QuestionCheck as QuestionCheck
    from unrelu.cones.decision import Decision as Decision
    from unrelu.exact.hull import ExactHull as ExactHull
    from unrelu.exact.infeasible import ExactInfeasible as ExactInfeasible
    from unrelu.exact.system import ExactSystem as ExactSystem
    from unrelu.inverse.best_fit import BestFit as BestFit
    from unrelu.inverse.consistent_ranges import ConsistentRanges as ConsistentRanges
    from unrelu.inverse.consistent_set import ConsistentSet as ConsistentSet
    from unrelu.inverse.inversion import Inversion as Inversion
    from unrelu.inverse.invert import invert as invert
    from unrelu.inverse.paving import Paving as Paving
    from unrelu.inverse.sampler_seen import SamplerSeen as SamplerSeen
    from unrelu.inverse.solution import Solution as Solution
    from unrelu.metamerism.judge import Classes as Classes
    from unrelu.metamerism.judge import SeenDifference as SeenDifference
    from unrelu.metamerism.metamer import metamer as metamer
    from unrelu.metamerism.metamer_path import MetamerPath as MetamerPath
    from unrelu.metamerism.metamer_path import metamer_path as metamer_path
    from unrelu.metamerism.metamers import Metamers as Metamers
    from unrelu.metamerism.metamers import metamers as metamers
    from unrelu.metamerism.result import Metamer as Metamer
    from unrelu.network.graph import Network as Network
    from unrelu.network.layer import ReLULayer as ReLULayer
    from unrelu.network.load import load as load
    from unrelu.network.node import Node as Node
    from unrelu.network.node_deviation import NodeDeviation as NodeDeviation
    from unrelu.polyhedra.analytic_center import AnalyticCenter as AnalyticCenter
    from unrelu.polyhedra.chebyshev import ChebyshevCenter as ChebyshevCenter
    from unrelu.polyhedra.dimension_interval import DimensionInterval as DimensionInterval
    from unrelu.polyhedra.domains import Box as Box
    from unrelu.polyhedra.domains import Domain as Domain
    from unrelu.polyhedra.domains import Intersection as Intersection
    from unrelu.polyhedra.domains import Nonnegative as Nonnegative
    from unrelu.polyhedra.farthest import FarthestPoint as FarthestPoint
    from unrelu.polyhedra.functional_range import FunctionalRange as FunctionalRange
    from unrelu.polyhedra.nearest import NearestPoint as NearestPoint
    from unrelu.polyhedra.point_membership import Membership as Membership
    from unrelu.polyhedra.polyhedron import Polyhedron as Polyhedron
    from unrelu.polyhedra.ranges import Ranges as Ranges
    from unrelu.polyhedra.recession import Recession as Recession
    from unrelu.polyhedra.sampling.sample import Sample as Sample
    from unrelu.polyhedra.vertices import Vertices as Vertices
    from unrelu.polyhedra.volumes.result import Volume as Volume
    from unrelu.polyhedra.volumes.result import VolumeMethod as VolumeMethod
    from unrelu.preimages.admissibility import Admissibility as Admissibility
    from unrelu.preimages.admissibility import admissibility as admissibility
    from unrelu.preimages.admissible_sets import AdmissibleSets as AdmissibleSets
    from unrelu.preimages.admissible_sets import admissible_sets as admissible_sets
    from unrelu.preimages.among_values import AmongValues as AmongValues
    from unrelu.preimages.certificate_files.load import SavedCertificates as SavedCertificates
    from unrelu.preimages.certificate_files.load import load_certificates as load_certificates
    from unrelu.preimages.certificate_files.save import save_certificates as save_certificates
    from unrelu.preimages.certificate_files.verdict import SavedVerdict as SavedVerdict
    from unrelu.preimages.certificate_files.verdict import Verification as Verification
    from unrelu.preimages.classification import Classification as Classification
    from unrelu.preimages.excluded_set import ExcludedSet as ExcludedSet
    from unrelu.preimages.kind import Kind as Kind
    from unrelu.preimages.layer_preimage import LayerPreimage as LayerPreimage
    from unrelu.preimages.omnidirectional import Omnidirectionality as Omnidirectionality
    from unrelu.preimages.omnidirectional import omnidirectional as omnidirectional
    from unrelu.preimages.prefix_certificate import PrefixCertificate as PrefixCertificate
    from unrelu.preimages.prefix_preimage import PrefixPreimage as PrefixPreimage
    from unrelu.preimages.preimage import Preimage as Preimage
    from unrelu.preimages.preimage_certificate import PreimageCertificate as PreimageCertificate
    from unrelu.preimages.preimage_sample import PreimageSample as PreimageSample
    from unrelu.preimages.questions import classify as classify
    from unrelu.preimages.questions import preimage as preimage
    from unrelu.preimages.same_features import SameFeatures as SameFeatures
    from unrelu.preimages.search.completeness_certificate import CompletenessCertificate as CompletenessCertificate
    from unrelu.preimages.search.exact_set import ExactSet as ExactSet
    from unrelu.preimages.stability_radius import StabilityRadius as StabilityRadius
    from unrelu.preimages.union.given_features import GivenFeatures as GivenFeatures
    from unrelu.preimages.union.union_certificate import UnionCertificate as UnionCertificate
    from unrelu.preimages.union.union_preimage import UnionPreimage as UnionPreimage
    from unrelu.progress import Progress as Progress
    from unrelu.report.write import Report as Report
    from unrelu.solvers.status import Status as Status
    from unrelu.stability.cost import SpectrumCost as SpectrumCost
    from unrelu.stability.cost import spectrum_cost as spectrum_cost
    from unrelu.stability.extremes.convolution_spectrum import ConvolutionSpectrum as ConvolutionSpectrum
    from unrelu.stability.extremes.convolution_spectrum import convolution_spectrum as convolution_spectrum
    from unrelu.stability.extremes.density import Count as Count
    from unrelu.stability.extremes.density import Density as Density
    from unrelu.stability.extremes.density import SpectralDensity as SpectralDensity
    from unrelu.stability.extremes.density import spectral_density as spectral_density
    from unrelu.stability.extremes.extreme_values import extreme_singular_values as extreme_singular_values
    from unrelu.stability.extremes.result import Claim as Claim
    from unrelu.stability.extremes.result import ExtremeSingularValues as ExtremeSingularValues
    from unrelu.stability.extremes.result import SingularTriplet as SingularTriplet
    from unrelu.stability.following.follow import follow as follow
    from unrelu.stability.following.path import Breakpoint as Breakpoint
    from unrelu.stability.following.path import Flip as Flip
    from unrelu.stability.following.path import RegionPath as RegionPath
    from unrelu.stability.linearization import Boundary as Boundary
    from unrelu.stability.linearization import Linearization as Linearization
    from unrelu.stability.linearization import linearize as linearize
    from unrelu.stability.linearization import linearize_many as linearize_many
    from unrelu.stability.operator import JacobianOperator as JacobianOperator
    from unrelu.stability.operator import jacobian_operator as jacobian_operator
    from unrelu.stability.pattern import ActivationPattern as ActivationPattern
    from unrelu.stability.quantiles import SpectrumQuantiles as SpectrumQuantiles
    from unrelu.stability.quantiles import spectrum_quantiles as spectrum_quantiles
    from unrelu.stability.residuals import SpectrumResiduals as SpectrumResiduals
    from unrelu.stability.residuals import spectrum_residuals as spectrum_residuals
    from unrelu.stability.spectra import spectra as spectra
    from unrelu.stability.spectrum import Spectrum as Spectrum
    from unrelu.stability.spectrum import spectrum as spectrum
    from unrelu.stability.tradeoff import Spread as Spread
    from unrelu.stability.tradeoff import Tradeoff as Tradeoff
    from unrelu.stability.tradeoff import TradeoffRow as TradeoffRow
    from unrelu.stability.tradeoff import tradeoff as tradeoff
    from unrelu.stability.window import Window as Window
    from unrelu.study.account import Account as Account
    from unrelu.study.analyze import analyze as analyze
    from unrelu.study.asked import Asked as Asked
    from unrelu.study.comparison import Comparison as Comparison
    from unrelu.study.foreseen import Forecast as Forecast
    from unrelu.study.foreseen import Foreseen as Foreseen
    from unrelu.study.foreseen import foresee as foresee
    from unrelu.study.info import StudyInfo as StudyInfo
    from unrelu.study.inputs.inputs import Inputs as Inputs
    from unrelu.study.inputs.read import read_inputs as read_inputs
    from unrelu.study.saving import load_study as load_study
    from unrelu.study.study import Study as Study

__version__ = "0.1.0"

_HOMES = {
    # a model as affine maps and ReLUs
    "Network": "unrelu.network.graph",
    "ReLULayer": "unrelu.network.layer",
    "Node": "unrelu.network.node",
    "load": "unrelu.network.load",
    # what is read of it, what it can be asked, and what that takes
    "check": "unrelu.checking.check",
    "ModelCheck": "unrelu.checking.model_check",
    "NodeCheck": "unrelu.checking.node_check",
    "NodeKind": "unrelu.checking.node_kind",
    "NodeDeviation": "unrelu.network.node_deviation",
    "CutCheck": "unrelu.checking.cut_check",
    "QuestionCheck": "unrelu.checking.question_check",
    "Basis": "unrelu.checking.basis",
    # where inputs may lie
    "Box": "unrelu.polyhedra.domains",
    "Nonnegative": "unrelu.polyhedra.domains",
    "Polyhedron": "unrelu.polyhedra.polyhedron",
    "Domain": "unrelu.polyhedra.domains",
    "Intersection": "unrelu.polyhedra.domains",
    "Sample": "unrelu.polyhedra.sampling.sample",
    "Vertices": "unrelu.polyhedra.vertices",
    # which inputs have the same features
    "preimage": "unrelu.preimages.questions",
    "Preimage": "unrelu.preimages.preimage",
    "LayerPreimage": "unrelu.preimages.layer_preimage",
    "PrefixPreimage": "unrelu.preimages.prefix_preimage",
    "PrefixCertificate": "unrelu.preimages.prefix_certificate",
    "UnionPreimage": "unrelu.preimages.union.union_preimage",
    "UnionCertificate": "unrelu.preimages.union.union_certificate",
    "ExactSet": "unrelu.preimages.search.exact_set",
    "ExactHull": "unrelu.exact.hull",
    "ExactSystem": "unrelu.exact.system",
    "ExactInfeasible": "unrelu.exact.infeasible",
    "GivenFeatures": "unrelu.preimages.union.given_features",
    "SameFeatures": "unrelu.preimages.same_features",
    "Decision": "unrelu.cones.decision",
    "PreimageCertificate": "unrelu.preimages.preimage_certificate",
    "PreimageSample": "unrelu.preimages.preimage_sample",
    "classify": "unrelu.preimages.questions",
    "Classification": "unrelu.preimages.classification",
    "Kind": "unrelu.preimages.kind",
    "omnidirectional": "unrelu.preimages.omnidirectional",
    "Omnidirectionality": "unrelu.preimages.omnidirectional",
    # ... and how large that set is (what its methods answer)
    "DimensionInterval": "unrelu.polyhedra.dimension_interval",
    "StabilityRadius": "unrelu.preimages.stability_radius",
    "Membership": "unrelu.polyhedra.point_membership",
    "NearestPoint": "unrelu.polyhedra.nearest",
    "FarthestPoint": "unrelu.polyhedra.farthest",
    "ChebyshevCenter": "unrelu.polyhedra.chebyshev",
    "AnalyticCenter": "unrelu.polyhedra.analytic_center",
    "Ranges": "unrelu.polyhedra.ranges",
    "FunctionalRange": "unrelu.polyhedra.functional_range",
    "Recession": "unrelu.polyhedra.recession",
    "Volume": "unrelu.polyhedra.volumes.result",
    "VolumeMethod": "unrelu.polyhedra.volumes.result",
    # its proofs on disk, for others to verify
    "save_certificates": "unrelu.preimages.certificate_files.save",
    "load_certificates": "unrelu.preimages.certificate_files.load",
    "SavedCertificates": "unrelu.preimages.certificate_files.load",
    "SavedVerdict": "unrelu.preimages.certificate_files.verdict",
    "Verification": "unrelu.preimages.certificate_files.verdict",
    # which inputs give a wanted output: all of them
    "invert": "unrelu.inverse.invert",
    "Inversion": "unrelu.inverse.inversion",
    "ConsistentSet": "unrelu.inverse.consistent_set",
    "ConsistentRanges": "unrelu.inverse.consistent_ranges",
    "Paving": "unrelu.inverse.paving",
    "SamplerSeen": "unrelu.inverse.sampler_seen",
    "BestFit": "unrelu.inverse.best_fit",
    "Solution": "unrelu.inverse.solution",
    "CompletenessCertificate": "unrelu.preimages.search.completeness_certificate",
    # which features can be inactive together
    "admissibility": "unrelu.preimages.admissibility",
    "Admissibility": "unrelu.preimages.admissibility",
    "admissible_sets": "unrelu.preimages.admissible_sets",
    "AdmissibleSets": "unrelu.preimages.admissible_sets",
    "ExcludedSet": "unrelu.preimages.excluded_set",
    "AmongValues": "unrelu.preimages.among_values",
    # which changes the features hardly notice
    "linearize": "unrelu.stability.linearization",
    "linearize_many": "unrelu.stability.linearization",
    "Linearization": "unrelu.stability.linearization",
    "ActivationPattern": "unrelu.stability.pattern",
    "Boundary": "unrelu.stability.linearization",
    "jacobian_operator": "unrelu.stability.operator",
    "JacobianOperator": "unrelu.stability.operator",
    "spectrum": "unrelu.stability.spectrum",
    "Spectrum": "unrelu.stability.spectrum",
    "Window": "unrelu.stability.window",
    "spectrum_cost": "unrelu.stability.cost",
    "SpectrumCost": "unrelu.stability.cost",
    "spectrum_residuals": "unrelu.stability.residuals",
    "SpectrumResiduals": "unrelu.stability.residuals",
    "spectra": "unrelu.stability.spectra",
    "spectrum_quantiles": "unrelu.stability.quantiles",
    "SpectrumQuantiles": "unrelu.stability.quantiles",
    "tradeoff": "unrelu.stability.tradeoff",
    "Tradeoff": "unrelu.stability.tradeoff",
    "TradeoffRow": "unrelu.stability.tradeoff",
    "Spread": "unrelu.stability.tradeoff",
    "extreme_singular_values": "unrelu.stability.extremes.extreme_values",
    "ExtremeSingularValues": "unrelu.stability.extremes.result",
    "SingularTriplet": "unrelu.stability.extremes.result",
    "Claim": "unrelu.stability.extremes.result",
    "spectral_density": "unrelu.stability.extremes.density",
    "SpectralDensity": "unrelu.stability.extremes.density",
    "Density": "unrelu.stability.extremes.density",
    "Count": "unrelu.stability.extremes.density",
    "convolution_spectrum": "unrelu.stability.extremes.convolution_spectrum",
    "ConvolutionSpectrum": "unrelu.stability.extremes.convolution_spectrum",
    # ... also across linear regions
    "follow": "unrelu.stability.following.follow",
    "RegionPath": "unrelu.stability.following.path",
    "Breakpoint": "unrelu.stability.following.path",
    "Flip": "unrelu.stability.following.path",
    "inverse_lipschitz": "unrelu.across.inverse_lipschitz",
    "InverseLipschitz": "unrelu.across.inverse_lipschitz",
    "LocalStability": "unrelu.across.inverse_lipschitz",
    "FrameBounds": "unrelu.across.frame_bounds",
    "far_pairs": "unrelu.across.far_pairs",
    "LookAlikePair": "unrelu.across.look_alike_pair",
    # and why: what theory says when rows are removed (a module)
    "bounds": "unrelu",
    "executors": "unrelu",
    "questions": "unrelu",
    # what else looks the same to the network
    "metamer": "unrelu.metamerism.metamer",
    "Metamer": "unrelu.metamerism.result",
    "metamers": "unrelu.metamerism.metamers",
    "Metamers": "unrelu.metamerism.metamers",
    "metamer_path": "unrelu.metamerism.metamer_path",
    "MetamerPath": "unrelu.metamerism.metamer_path",
    "Classes": "unrelu.metamerism.judge",
    "SeenDifference": "unrelu.metamerism.judge",
    # inputs, in every form that people have them
    "read_inputs": "unrelu.study.inputs.read",
    "Inputs": "unrelu.study.inputs.inputs",
    # every layer, every input
    "analyze": "unrelu.study.analyze",
    "Study": "unrelu.study.study",
    "Account": "unrelu.study.account",
    "Asked": "unrelu.study.asked",
    "Comparison": "unrelu.study.comparison",
    "StudyInfo": "unrelu.study.info",
    "foresee": "unrelu.study.foreseen",
    "Forecast": "unrelu.study.foreseen",
    "Foreseen": "unrelu.study.foreseen",
    "load_study": "unrelu.study.saving",
    "Report": "unrelu.report.write",
    # how a search stopped, and where progress is shown
    "Status": "unrelu.solvers.status",
    "Progress": "unrelu.progress",
}
"""Where each public name lives. It is imported from there when it is first used (PEP 562), so that whoever verifies
certificates loads no solver; type checkers read the imports above, and a test holds the two together."""

__all__ = [*_HOMES, "errors"]  # pyright: ignore[reportUnsupportedDunderAll]

if not TYPE_CHECKING:  # or a type checker would take every misspelt name for a public one

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module 'unrelu' has no attribute {name!r}")
        home = _HOMES[name]
        value = import_module(f"unrelu.{name}") if home == __name__ else getattr(import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """All names, used or not."""
        return sorted({*globals(), *__all__})
