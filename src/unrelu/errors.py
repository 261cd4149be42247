"""Every exception that unrelu raises on purpose, in one tree, and its warnings; each message says what to do.

A numerical outcome (undecided, infeasible, not proved) is a value, never an exception.
"""


class UnreluError(Exception):
    """The root of all errors that unrelu raises on purpose."""


class ModelError(UnreluError):
    """A model cannot be taken in as it is."""


class UnsupportedOperator(ModelError):
    """A node of the model is of a kind, or has a form, that is not read, or not for what is asked."""


class TrainingMode(ModelError):
    """The model is in training mode, where it is not one fixed function."""


class NonFiniteWeights(ModelError):
    """A weight of the model is NaN or infinite."""


class IntakeMismatch(ModelError):
    """The graph that was read computes something else than the model it was read from."""


class ModelFileError(ModelError):
    """A model file is missing, damaged, of an unknown kind, or declares sizes that are not believable."""


class UnknownNode(UnreluError):
    """A node was asked for by a name that the network does not have."""


class JoinedLayer(UnreluError):
    """A ReLU depends affinely on several non-affine nodes, so it has no single input."""


class InputError(UnreluError):
    """An array given by the user has the wrong shape, kind or content."""


class ShapeError(InputError):
    """An array or operator has a shape that does not fit."""


class DataError(InputError):
    """A file or folder with data is missing, empty or does not hold what is expected."""


class DomainError(InputError):
    """A domain is empty, of the wrong dimension, or does not contain the point it should."""


class TooLarge(UnreluError):
    """A computation would need more memory or time than allowed; the message says how much."""


class MissingExtra(UnreluError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class UnprovableArithmetic(UnreluError):
    """A thread flushes subnormal numbers to zero or does not round to nearest, so nothing can be proved in it."""


class SolverFailure(UnreluError):
    """A third-party solver stopped without an answer where one is certain to exist."""


class SamplingWarning(UserWarning):
    """Points were drawn, but the chains that drew them do not agree yet; the message says by how much."""


class HeadWarning(UserWarning):
    """A model ends in a softmax or sigmoid, which was cut off; the message says what the network gives instead."""


class StoreError(UnreluError):
    """Stored results are missing, damaged or from another version."""
