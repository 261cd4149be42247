"""Whether this thread computes in the way that every proof here rests on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from unrelu.errors import UnprovableArithmetic

Arguments = ParamSpec("Arguments")

# Names, so that the sums below are computed when they are asked for and not beforehand.
_ONE, _LEAST_NORMAL, _NEXT = 1.0, 2.0**-1022, 1.5 * 2.0**-1022
_LITTLE = 2.0**-55  # less than half of what separates 1 from its neighbours on either side


def is_ieee() -> bool:
    """Whether this thread rounds to nearest and keeps subnormal numbers, as operands and as results.

    `torch.set_flush_denormal(True)`, libraries built with -ffast-math and `fesetround` change that for one thread at a
    time, and threads that it starts later inherit it. Then a row of small numbers compares equal to 0, and what is
    "exact" is not. Where this is False nothing is proved, and nothing that a proof rests on is kept:

    * Rounding bounds all come from `gamma` and `norm_above`, exact signs from `exact_sign` and `exact_signs_batch`,
      integers from `integer_rows`, scaled rows and their zeros from `ScaledRows`. These raise
      `UnprovableArithmetic`, so that no proof can be found, and no wrong row or sign stored for later.
    * A number that has a value for "nothing is proved" (a bound of 0 or infinity, a rank that is not proved, a piece
      that is not confirmed) gets that value.
    * Every `verify` is a `proof`, and False: those that read off stored rows what is zero and what is not need none
      of the above.

    Threads of BLAS and of PyTorch have modes of their own, and compute products of matrices: these bounds hold
    whatever they do with subnormal numbers, see `unrelu.rigor.rounding.lost`.

    >>> is_ieee()
    True
    """
    # The difference is subnormal: a result that may be flushed, and then an operand that may be. (A product would
    # do, but took longer.)
    return _NEXT - _LEAST_NORMAL > 0.0 and _ONE + _LITTLE == _ONE == _ONE - _LITTLE


def require_ieee() -> None:
    """Raise unless this thread computes as proofs assume.

    Raises:
        UnprovableArithmetic: if it does not.
    """
    if not is_ieee():
        raise UnprovableArithmetic(
            "this thread flushes subnormal numbers to zero or does not round to nearest, so nothing can be proved in "
            "it; call torch.set_flush_denormal(False) there, or ask in another thread."
        )


def proof(verify: Callable[Arguments, bool]) -> Callable[Arguments, bool]:
    """A check of a proof, which is not passed where `is_ieee` does not hold."""

    @functools.wraps(verify)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> bool:
        return is_ieee() and verify(*args, **kwargs)

    return checked
