"""How clearly multipliers or a direction decide a cone of sparse rows."""

from __future__ import annotations

import numpy as np

from unrelu.cones.cone import Cone
from unrelu.cones.proofs import Direction, Multipliers


def margin_of(cone: Cone, certificate: Multipliers | Direction) -> float:
    """How clearly a cone was decided, from 0 to 1, see `Decision`; NaN where there are no inequalities."""
    if isinstance(certificate, Multipliers):
        lam = certificate.values[cone.inequalities]
        return float(lam.min() / lam.max())
    if not cone.inequalities.any():
        return float("nan")
    # The cosine between the direction and the sum of all rows' opposite.
    total = cone.inequalities.astype(np.float64) @ cone.rows.matrix
    size = float(np.linalg.norm(total) * np.linalg.norm(certificate.direction))
    return min(1.0, max(0.0, -float(total @ certificate.direction) / size)) if size > 0 else float("nan")
