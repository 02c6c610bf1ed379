"""Colours and markers: one for each initializer, the same in every figure, that colour-blind readers tell apart too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["COLOURS", "MARKERS", "colour", "marker", "style_of", "styles"]

COLOURS: Final = ("#2277cc", "#ff6611", "#555577", "#aa2211", "#33aaff", "#bb9977", "#9999aa", "#886666")
"""Chosen by search: any two are apart by 17 and more in CAM02-UCS, as seen with full colour vision and without each
kind of cone, and each has a contrast of at least 2.4 to white and to near-black."""

MARKERS: Final = ("o", "s", "D", "^", "v", "P", "X", "*")

_FAMILIES: Final = (
    r"he\b|he_|kaiming",
    r"glorot|xavier",
    r"zeros",
    r"random|normal|trunc",
    r"lecun|linear_default",
    r"orthogonal|dirac|identity|delta",
    r"constant|ones",
)
"""Which initializers have each colour; the last colour is for all others."""


def style_of(label: str) -> int:
    """Return the number of an initializer's colour and marker.

    Example:
        >>> [style_of(label) for label in ("he", "torch:kaiming_uniform(a=0.2)", "xavier_normal", "zeros", "uniform")]
        [0, 0, 1, 2, 7]
    """
    name = label.partition("(")[0].rpartition(":")[2]
    return next((k for k, family in enumerate(_FAMILIES) if re.match(family, name)), len(_FAMILIES))


def styles(labels: Sequence[str]) -> list[int]:
    """Return the numbers of the colours of several initializers, all different: of a family the shortest has its own.

    Example:
        >>> styles(["zeros", "he_uniform", "he", "glorot_normal"])
        [2, 7, 0, 1]
    """
    own = list(map(style_of, labels))
    first = {k: min((len(label), label) for label, other in zip(labels, own, strict=True) if other == k) for k in own}
    spare = [k for k in range(len(COLOURS) - 1, -1, -1) if k not in own]
    spare += range(len(COLOURS), len(COLOURS) + len(own))  # more than there are colours: their markers differ
    return [k if first[k][1] == label else spare.pop(0) for label, k in zip(labels, own, strict=True)]


def colour(style: int) -> str:
    """Return a colour by its number."""
    return COLOURS[style % len(COLOURS)]


def marker(style: int) -> str:
    """Return a marker by its number; beyond the colours, another one than the colour had first."""
    return MARKERS[(style + style // len(COLOURS)) % len(MARKERS)]
