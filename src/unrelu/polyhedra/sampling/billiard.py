"""The billiard walk, for many chains at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unrelu.polyhedra.sampling.rounding import RoundedBody

CLEANED_EVERY = 1000
"""Reflections of each chain after which positions are computed afresh; each adds a rounding error of about 1e-16."""

LEAST_GAP = 1e-300
"""Stands for no distance to a facet: positive, so that a facet that one moves away from is never hit."""

TOLD_EVERY = 256
"""Reflections of each chain after which progress is told."""


class BilliardChains:
    """Chains that move through a body in straight lines, reflected at its facets, with a new velocity now and then.

    The billiard flow keeps volume, and velocities are Gaussian whatever the place, so the uniform distribution is
    invariant for trajectories of any fixed duration (Gryazina and Polyak, Random sampling: billiard walk algorithm,
    European Journal of Operational Research 238, 2014, who draw durations instead). Trajectories with too many
    reflections are taken back to where they began; since a trajectory and its reverse have as many, this too keeps the
    uniform distribution.

    What is kept of a chain are its positions p with respect to all m facets and their rates v. The time to a
    facet is a quotient of the two, and a reflection changes v by a row of the Gram matrix of the facets: O(m) numbers,
    whatever the dimension. All operations are on arrays (c, m) for c chains; each chain runs on its own clock.

    Attributes:
        body: where they move; may be exchanged between runs for the same body in other coordinates.
        positions: (c, m) where they are.
    """

    def __init__(self, body: RoundedBody, chains: int, rng: np.random.Generator) -> None:
        """Place all chains at the centre."""
        self.body = body
        self.positions = np.repeat(body.position[None], chains, axis=0)
        self._rng = rng

    @property
    def size(self) -> int:
        """c, the number of chains."""
        return len(self.positions)

    def keep(self, chains: int) -> None:
        """Give up all chains but so many."""
        self.positions = self.positions[:chains].copy()

    def run(
        self,
        draws: int,
        *,
        thin: int,
        duration: float,
        advance: Callable[[int], None],
    ) -> np.ndarray:
        """Move every chain for `draws * thin` trajectories.

        Args:
            draws: points to record of each chain.
            thin: trajectories from one recorded point to the next.
            duration: of a trajectory; velocities have independent standard normal coordinates.
            advance: told the number of points recorded since it was last told.

        Returns:
            (c, draws, k) coordinates y of the recorded points.
        """
        body, p = self.body, self.positions
        c, m = p.shape
        most = _most_reflections(m)
        recorded = np.empty((c, draws, m))
        count, done = np.zeros(c, dtype=np.intp), np.zeros(c, dtype=np.intp)
        bounces = np.zeros(c, dtype=np.intp)
        left = np.full(c, duration if draws else 0.0)
        velocities = _Velocities(body, c, self._rng)
        v = velocities.take(c)
        begun = p.copy()
        times, work = np.empty((c, m)), np.empty((c, m))
        chain = np.arange(c)
        steps, told = 0, 0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            while draws and bool((count < draws).any()):
                _times_to_facets(body.half_width, p, v, times, work)
                hit = times.argmin(axis=1)
                # A position that rounding left outside is reflected at once.
                ahead = np.maximum(times[chain, hit], 0.0)
                ends = ahead >= left
                step = np.minimum(ahead, left)
                left -= step
                p += np.multiply(v, step[:, None], out=work)
                towards_hit = np.where(ends, 0.0, v[chain, hit])
                body.reflection_rows(hit, work)
                work *= towards_hit[:, None]
                v -= work
                bounces += 1
                stuck = (bounces > most) & ~ends
                ends |= stuck
                if ends.any():
                    p[stuck] = begun[stuck]
                    left[ends] = 0.0
                    over = np.flatnonzero(ends & (count < draws))
                    done[over] += 1
                    full = over[done[over] % thin == 0]
                    recorded[full, count[full]] = p[full]
                    count[full] += 1
                    # Chains that have all their draws stand still: where others are when they end must not matter.
                    going = over[count[over] < draws]
                    begun[going] = p[going]
                    v[going] = velocities.take(going.size)
                    left[going] = duration
                    bounces[ends] = 0
                steps += 1
                if steps % TOLD_EVERY == 0:
                    advance(int(count.sum()) - told)
                    told = int(count.sum())
                if steps % CLEANED_EVERY == 0:
                    p[:], v[:] = body.cleaned(p, v)
        advance(int(count.sum()) - told)
        return body.coordinates(recorded.reshape(-1, m)).reshape(c, draws, -1)


def _times_to_facets(half_width: np.ndarray, p: np.ndarray, v: np.ndarray, times: np.ndarray, work: np.ndarray) -> None:
    """When each chain, left alone, would reach each facet, or the one of a pair that it moves towards: into `times`.

    Infinite for single facets that it moves away from. All arrays but the first are (c, m).
    """
    t = half_width.size
    pairs, gaps, towards = times[:, :t], times[:, t:], work[:, t:]
    np.copysign(half_width, v[:, :t], out=pairs)
    np.subtract(pairs, p[:, :t], out=pairs)
    np.divide(pairs, v[:, :t], out=pairs)
    np.maximum(np.negative(p[:, t:], out=gaps), LEAST_GAP, out=gaps)
    np.divide(gaps, np.maximum(v[:, t:], 0.0, out=towards), out=gaps)


class _Velocities:
    """Standard normal velocities as rates of approach to all facets, made many at a time."""

    def __init__(self, body: RoundedBody, chains: int, rng: np.random.Generator) -> None:
        self._body, self._rng = body, rng
        self._batch = max(chains, min(4096, 2**18 // len(body.facets)))
        self._ready = np.zeros((0, len(body.facets)))

    def take(self, number: int) -> np.ndarray:
        """The next ones: (number, m)."""
        if len(self._ready) < number:
            normal = self._rng.standard_normal((self._batch, self._body.dimension))
            self._ready = normal @ self._body.facets.T
        taken, self._ready = self._ready[:number], self._ready[number:]
        return taken


def _most_reflections(facets: int) -> int:
    """Reflections after which a trajectory is taken back: many times what one needs in a well rounded body."""
    return 20 * facets + 100
