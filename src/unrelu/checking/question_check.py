"""One question that a network can be asked, or cannot."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.checking.basis import Basis


@dataclass(frozen=True)
class QuestionCheck:
    """One question.

    Attributes:
        question: "values", "linearize", "spectrum", "layer", "preimage of layer", "classify 100", "preimage of prefix",
            "metamer", "invert" or "injectivity".
        node: the layer, or the end of the prefix, that it is about.
        call: how it is asked; `x` is one input, `xs` many, `h` one input of the layer.
        basis: where the numbers come from, and REFUSED where it cannot be asked.
        seconds: processor seconds that it takes, of all cores together; None where they are not foreseen.
        memory: bytes that it takes at its peak beside the network itself; None where they are not foreseen.
        why: why it cannot be asked, or not be foreseen; "" otherwise.
    """

    question: str
    node: str
    call: str
    basis: Basis
    seconds: float | None
    memory: int | None
    why: str

    @property
    def allowed(self) -> bool:
        """Whether it can be asked."""
        return self.basis is not Basis.REFUSED
