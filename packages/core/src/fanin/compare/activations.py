"""The activations that `fanin compare` and `fanin probe` know, and their Gaussian second moments.

Plain Python: each activation is its scalar definition, which the trainers' functions are tested against, and which the
theory integrates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fanin._checks import closest
from fanin.exceptions import FaninTypeError, FaninValueError

__all__ = ["ACTIVATIONS", "LEAKY_SLOPE", "SELU_ALPHA", "SELU_SCALE", "Activation", "get_activation"]

LEAKY_SLOPE: Final = 0.01
SELU_ALPHA: Final = 1.6732632423543772
SELU_SCALE: Final = 1.0507009873554805
"""The constants of Klambauer, Unterthiner, Mayr and Hochreiter 2017, "Self-normalizing neural networks", eq. 14."""


@dataclass(frozen=True)
class Activation:
    """A scalar activation and its derivative.

    Attributes:
        name: Its name on the command line.
        value: phi(x).
        slope: phi'(x); where phi has a kink, the derivative from the left.
    """

    name: str
    value: Callable[[float], float]
    slope: Callable[[float], float]

    def second_moment(self, q: float) -> float:
        """Return E[phi(z)^2] for z ~ N(0, q).

        Example:
            >>> round(get_activation("relu").second_moment(3.0), 12)
            1.5
        """
        return _gaussian_mean(self.value, q)[0]

    def slope_moment(self, q: float) -> float:
        """Return E[phi'(z)^2] for z ~ N(0, q).

        Example:
            >>> round(get_activation("relu").slope_moment(3.0), 12)
            0.5
        """
        return _gaussian_mean(self.slope, q)[0]

    def moments(self, q: float, slope: bool = False) -> tuple[float, float]:
        """Return E[phi(z)^2] and E[phi(z)^4], or those of phi', for z ~ N(0, q)."""
        return _gaussian_mean(self.slope if slope else self.value, q)

    @property
    def gain(self) -> float:
        """1 / sqrt(E[phi(z)^2]), z ~ N(0, 1): `std = gain / sqrt(fan_in)` keeps a second moment of 1.

        For ReLU it is sqrt(2), equation 10 of He, Zhang, Ren and Sun 2015.

        Example:
            >>> round(get_activation("tanh").gain, 4)
            1.5925
        """
        return 1 / math.sqrt(self.second_moment(1.0))


@lru_cache(maxsize=4096)
def _gaussian_mean(function: Callable[[float], float], q: float) -> tuple[float, float]:
    """Return the means of function(sqrt(q) z)^2 and ^4, z ~ N(0, 1), by the double-exponential rule on each half line.

    With x = exp(pi/2 sinh t), the nodes are dense near 0 at every scale: a kink at 0 and a step that is narrow beside
    the Gaussian (tanh of a large argument) are both resolved.
    """
    if q == 0.0:
        return function(0.0) ** 2, function(0.0) ** 4
    if not math.isfinite(q):
        return math.nan, math.nan
    root, second, fourth = math.sqrt(q), 0.0, 0.0
    for x, weight in _nodes():
        for value in (function(root * x), function(-root * x)):
            second += weight * value * value
            fourth += weight * value * value * value * value
    return second, fourth


@lru_cache(maxsize=1)
def _nodes() -> list[tuple[float, float]]:
    """Return nodes x > 0 and weights of the standard normal density on a half line."""
    step, nodes = 1 / 32, []
    for k in range(-4 * 32, 2 * 32):
        t = k * step
        x = math.exp(math.pi / 2 * math.sinh(t))
        if x < 38:  # beyond, the density is no longer a double
            weight = math.exp(-x * x / 2) * x * math.cosh(t)
            nodes.append((x, weight * step * math.sqrt(math.pi / 8)))
    return nodes


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _gelu_slope(x: float) -> float:
    return _normal_cdf(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _tanh_slope(x: float) -> float:
    return 1 - math.tanh(x) ** 2


def _silu_slope(x: float) -> float:
    s = _logistic(x)
    return s * (1 + x * (1 - s))


def _mish_slope(x: float) -> float:
    t = math.tanh(_softplus(x))
    return t + x * _logistic(x) * (1 - t * t)


def _elu(x: float) -> float:
    return x if x > 0 else math.expm1(x)


def _elu_slope(x: float) -> float:
    return 1.0 if x > 0 else math.exp(x)


def _selu_slope(x: float) -> float:
    return SELU_SCALE * (1.0 if x > 0 else SELU_ALPHA * math.exp(x))


ACTIVATIONS: Final[dict[str, Activation]] = {
    activation.name: activation
    for activation in (
        Activation("relu", lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0),
        Activation("leaky_relu", lambda x: x if x > 0 else LEAKY_SLOPE * x, lambda x: 1.0 if x > 0 else LEAKY_SLOPE),
        Activation("elu", _elu, _elu_slope),
        Activation("selu", lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x)), _selu_slope),
        Activation("gelu", lambda x: x * _normal_cdf(x), _gelu_slope),
        Activation("silu", lambda x: x * _logistic(x), _silu_slope),
        Activation("mish", lambda x: x * math.tanh(_softplus(x)), _mish_slope),
        Activation("softplus", _softplus, _logistic),
        Activation("tanh", math.tanh, _tanh_slope),
        Activation("sigmoid", _logistic, lambda x: _logistic(x) * _logistic(-x)),
        Activation("linear", lambda x: x, lambda x: 1.0),
    )
}
"""Every activation, by name."""


def get_activation(name: str) -> Activation:
    """Return the activation of a name.

    Raises:
        FaninValueError: Nobody knows the name.
        FaninTypeError: It is not text.

    Example:
        >>> get_activation("relu").value(-2.0)
        0.0
    """
    if not isinstance(name, str):
        raise FaninTypeError(f"activation must be a name. Received: {name!r} of type {type(name).__name__}.")
    if name not in ACTIVATIONS:
        raise FaninValueError(
            f"unknown activation {name!r}.{closest(name, ACTIVATIONS)} Accepted: {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]
