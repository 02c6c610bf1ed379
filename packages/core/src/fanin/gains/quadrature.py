"""Gaussian means by adaptive Gauss-Kronrod quadrature, in plain Python.

Needed for the gain of an activation that is passed as a function. For named activations the means are literals.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["gaussian_square_mean"]

_NODES: Final = (
    (0.0, 0.20948214108472782, 0.4179591836734694),
    (0.20778495500789848, 0.20443294007529889, 0.0),
    (0.4058451513773972, 0.19035057806478542, 0.3818300505051189),
    (0.5860872354676911, 0.1690047266392679, 0.0),
    (0.7415311855993945, 0.14065325971552592, 0.27970539148927664),
    (0.8648644233597691, 0.10479001032225019, 0.0),
    (0.9491079123427585, 0.06309209262997856, 0.1294849661688697),
    (0.9914553711208126, 0.022935322010529224, 0.0),
)
"""Abscissa, weight of the 15-point Kronrod rule, and weight of the embedded 7-point Gauss rule, for half of (-1, 1).

Piessens, de Doncker-Kapenga, Überhuber and Kahaner 1983, "QUADPACK", table of the routine QK15.
"""
_RULE: Final = (*((-x, k, g) for x, k, g in reversed(_NODES[1:])), *_NODES)
_HALF_LINE: Final = (
    *(2.0**-k for k in range(20, 4, -1)),
    *(k / 16 for k in range(1, 96)),
    *(6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 38.0),
)
_CUTS: Final = (*(-x for x in reversed(_HALF_LINE)), 0.0, *_HALF_LINE)
"""The ends of the first intervals. They are short around 0, where activations bend, and a sixteenth wide where the
density is large, so that neighbouring nodes there are at most 0.0065 apart. Beyond 38, the density underflows."""
_MAX_PANELS: Final = 1000
_NARROWEST: Final = 1e-14


class _Panel(NamedTuple):
    negative_error: float  # first, so that the top of the heap is the worst panel
    start: float
    stop: float
    value: float


def gaussian_square_mean(function: Callable[[float], float], *, derivative: bool = False) -> float:
    """Return E[f(z)^2], or E[f'(z)^2], for z ~ N(0, 1), rounded to 12 significant digits.

    The line is first cut at 0, at powers of two below a sixteenth, and at multiples of a sixteenth. Then the interval
    whose Gauss and Kronrod sums differ most is halved, until the differences add up to less than 1e-12 of the mean.
    Features of f between two nodes, which are at most 0.0065 apart on [-6, 6], are not seen. For f', the polynomial
    through f at the 15 nodes of an interval is differentiated. The rounding keeps last-bit differences between two C
    libraries out of the weights.

    Args:
        function: A function from float to float, continuous if its derivative is asked for.
        derivative: Whether to take the derivative of f.

    Returns:
        The mean, at least 0.

    Raises:
        FaninTypeError: f does not accept a float or does not return a real number.
        FaninValueError: f is not finite somewhere, the mean is infinite, or f is too rough to integrate.

    Example:
        >>> gaussian_square_mean(lambda z: max(z, 0.0)), gaussian_square_mean(math.exp) == round(math.exp(2), 11)
        (0.5, True)
    """
    tolerance = 1e-12 if derivative else 1e-13
    panels = [_panel(function, start, stop, derivative) for start, stop in itertools.pairwise(_CUTS)]
    heapq.heapify(panels)
    while True:
        total = math.fsum(panel.value for panel in panels)
        if -math.fsum(panel.negative_error for panel in panels) <= tolerance * total:
            break
        _, start, stop, _ = heapq.heappop(panels)
        if len(panels) >= _MAX_PANELS or stop - start < _NARROWEST:
            raise FaninValueError(
                f"the activation {function!r} is too rough to integrate to 10 digits: it has a step or an infinite "
                f"slope, or it is not computed in double precision. Pass a smoother function, in double precision, for "
                f"example in plain Python."
            )
        middle = (start + stop) / 2
        heapq.heappush(panels, _panel(function, start, middle, derivative))
        heapq.heappush(panels, _panel(function, middle, stop, derivative))
    if math.fsum(panel.value for panel in panels if max(abs(panel.start), abs(panel.stop)) > 32) > tolerance * total:
        raise FaninValueError(
            f"the activation {function!r} grows so fast that its mean square over N(0, 1) is infinite or nearly so. "
            f"Pass one that grows more slowly than exp(z^2 / 4)."
        )
    return float(f"{total:.12g}")


def _panel(function: Callable[[float], float], start: float, stop: float, derivative: bool) -> _Panel:
    """Integrate over one interval by both rules; their difference estimates the error."""
    middle, half = (start + stop) / 2, (stop - start) / 2
    points = [middle + half * x for x, _, _ in _RULE]
    values = [_value(function, point) for point in points]
    density = [math.exp(-point * point / 2) * half / math.sqrt(2 * math.pi) for point in points]
    if derivative:
        changes = [value - values[0] for value in values]  # so that the derivative of a constant is exactly 0
        values = [
            math.fsum(c * change for c, change in zip(row, changes, strict=True)) / half for row in _differentiation()
        ]
    terms = [value * value * weight for value, weight in zip(values, density, strict=True)]
    kronrod = math.fsum(term * k for term, (_, k, _) in zip(terms, _RULE, strict=True))
    gauss = math.fsum(term * g for term, (_, _, g) in zip(terms, _RULE, strict=True))
    return _Panel(-abs(kronrod - gauss), start, stop, kronrod)


def _value(function: Callable[[float], float], point: float) -> float:
    try:
        value = float(function(point))
    except OverflowError:
        value = math.inf
    except (TypeError, ValueError, AttributeError) as error:
        raise FaninTypeError(
            f"an activation must take a float and return a float. Received: {function!r}, which for {point} raised "
            f"{type(error).__name__}: {error}. Wrap it in double precision, for example lambda z: float(f(array(z)))."
        ) from error
    if not math.isfinite(value) or not math.isfinite(value * value):
        raise FaninValueError(
            f"an activation must be finite on [-38, 38]. Received: {function!r}, which is {value} at {point}. "
            f"Use a form that does not overflow."
        )
    return value


@lru_cache(maxsize=1)
def _differentiation() -> list[list[float]]:
    """Return the matrix from values at the 15 nodes to the slopes of their polynomial (barycentric form).

    Berrut and Trefethen 2004, "Barycentric Lagrange interpolation", equations 9.4 and 9.5.
    """
    nodes = [x for x, _, _ in _RULE]
    weights = [1 / math.prod(x - other for other in nodes if other != x) for x in nodes]
    matrix = [
        [0.0 if i == j else weights[j] / weights[i] / (nodes[i] - nodes[j]) for j in range(len(nodes))]
        for i in range(len(nodes))
    ]
    for i, row in enumerate(matrix):
        row[i] = -math.fsum(row)
    return matrix
