"""Colours, each for light and for dark pages, told apart by people who do not see all colours.

Kinds of preimages: the finite ones are blues, darker for the smaller set, the infinite one is orange (the pair that
all common colour vision deficiencies keep apart). Layers run from dark to bright, so that their order is seen in
grey as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unrelu.study.shown.colours import Role, Shade, Step


@dataclass(frozen=True)
class Colour:
    """One role on the page.

    Attributes:
        name: of the CSS variable, without the dashes in front.
        light: what it is on a light page, and in the PNG files, "#rrggbb".
        dark: what it is on a dark page.
    """

    name: str
    light: str
    dark: str


INK = Colour("ink", "#1c2128", "#e4e7eb")
MUTED = Colour("muted", "#5b6571", "#9aa5b1")
GRID = Colour("grid", "#dfe3e7", "#333b45")
PAPER = Colour("paper", "#ffffff", "#14181d")
BEFORE = Colour("before", "#8a95a1", "#8d99a6")
AFTER = Colour("after", "#1f6fa8", "#5fb2e6")
OPEN = Colour("open", "#a9cbe4", "#2f5574")
OTHERS = Colour("others", "#c2571a", "#f0a15c")
"""What is open beside what is proved, and what another method has found."""

_ROLES: dict[Role, Colour] = {
    "ink": INK,
    "muted": MUTED,
    "before": BEFORE,
    "after": AFTER,
    "others": OTHERS,
    "singleton": Colour("singleton", "#0b3c63", "#b5dcf7"),
    "bounded": Colour("bounded", "#3f8fc6", "#4c9ad0"),
    "unbounded": Colour("unbounded", "#dd7a14", "#ee9a45"),
    "undecided": Colour("undecided", "#a3a9b0", "#7a838d"),
    "empty": Colour("empty", "#6a4c7d", "#b79acb"),
}

_LIGHT = ("#2d1e63", "#31598f", "#2c8a8f", "#4fae73", "#a8b82f")
_DARK = ("#7d74d8", "#5f9ddb", "#4fbcbc", "#79d493", "#dbe45c")


def colour_of(shade: Shade) -> Colour:
    """What a colour in a figure looks like on the page.

    >>> colour_of("after") == AFTER
    True
    """
    return layer_colours(shade.n)[shade.place] if isinstance(shade, Step) else _ROLES[shade]


def layer_colours(n: int) -> tuple[Colour, ...]:
    """A colour for each of n layers, from the first to the last."""
    steps = [0.0] if n == 1 else [k / (n - 1) for k in range(n)]
    return tuple(
        Colour(f"layer-{k + 1}-of-{n}", _between(_LIGHT, step), _between(_DARK, step)) for k, step in enumerate(steps)
    )


def _between(anchors: Sequence[str], step: float) -> str:
    position = step * (len(anchors) - 1)
    k = min(int(position), len(anchors) - 2)
    mixed = [
        round(low + (position - k) * (high - low))
        for low, high in zip(_channels(anchors[k]), _channels(anchors[k + 1]), strict=True)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))
