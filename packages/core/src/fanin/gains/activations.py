"""The activations by name: their scalar definitions, and their Gaussian second moments as literals.

A weight must not depend on the C library's `exp` or `tanh`. So E[phi(z)^2] and E[phi'(z)^2], z ~ N(0, 1), are literals
in this file, computed with 50 digits and rounded once. A test recomputes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fanin._checks import closest, finite_number
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.gains.quadrature import gaussian_square_mean

__all__ = ["SELU_ALPHA", "SELU_SCALE", "Activation", "activation_names", "get_activation", "plain_name"]

SELU_ALPHA: Final = 1.6732632423543772
SELU_SCALE: Final = 1.0507009873554805
"""The constants of Klambauer, Unterthiner, Mayr and Hochreiter 2017, "Self-normalizing neural networks", eq. 14."""

_Scalar = Callable[[float], float]


@dataclass(frozen=True)
class Activation:
    """A scalar activation.

    Attributes:
        name: Its name.
        formula: phi(x), as text.
        value: phi(x).
        slope: phi'(x); at a kink of phi, the derivative from the left.
        second_moment: E[phi(z)^2], z ~ N(0, 1).
        slope_moment: E[phi'(z)^2], z ~ N(0, 1).
    """

    name: str
    formula: str
    value: _Scalar
    slope: _Scalar
    second_moment: float
    slope_moment: float


def get_activation(name: str, parameter: float | None = None) -> Activation:
    """Return the activation with this name, or with another framework's name for it.

    Args:
        name: One of `activation_names()`, or an alias such as "swish", "identity" or "hard_sigmoid".
        parameter: The slope of "leaky_relu" (default 0.01) and "prelu" (0.25) on the negative side, or the alpha of
            "elu" and "celu" (1); None for the default, and for every other activation.

    Raises:
        FaninValueError: The name is unknown, the activation has no parameter, or the parameter is out of range.
        FaninTypeError: The name is not a string, or the parameter is not a number.

    Example:
        >>> get_activation("leaky_relu", 0.2).value(-2.0), get_activation("swish").name
        (-0.4, 'silu')
    """
    if not isinstance(name, str):
        raise FaninTypeError(
            f"activation must be a name, or a function from float to float. Received: {name!r} of type "
            f"{type(name).__name__}. Pass, for example, 'gelu' or math.tanh."
        )
    known = plain_name(name)
    if known in _WITH_PARAMETER:
        default, make = _WITH_PARAMETER[known]
        return make(default if parameter is None else finite_number(parameter, f"the parameter of {name}"))
    if known not in _PLAIN:
        accepted = activation_names()
        raise FaninValueError(
            f"unknown activation {name!r}.{closest(name, [*accepted, *_ALIASES])} Accepted: {', '.join(accepted)}, or "
            f"a function from float to float."
        )
    if parameter is not None:
        raise FaninValueError(
            f"the activation {name!r} has no parameter. Received: {parameter}. Only these have one: "
            f"{', '.join(_WITH_PARAMETER)}."
        )
    return _PLAIN[known]


def plain_name(name: str) -> str:
    """Return the name of an activation that may be given by an alias.

    Example:
        >>> plain_name("swish"), plain_name("gelu")
        ('silu', 'gelu')
    """
    return _ALIASES.get(name, name)


def activation_names() -> tuple[str, ...]:
    """Return the names of all activations, without the aliases."""
    return (*_PLAIN, *_WITH_PARAMETER)


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _gelu_slope(x: float) -> float:
    return _normal_cdf(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh_argument(x: float) -> float:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def _gelu_tanh(x: float) -> float:
    return x / 2 * (1 + math.tanh(_gelu_tanh_argument(x)))


def _gelu_tanh_slope(x: float) -> float:
    t = math.tanh(_gelu_tanh_argument(x))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)


def _tanh_slope(x: float) -> float:
    return 1 - math.tanh(x) ** 2


def _silu_slope(x: float) -> float:
    s = _logistic(x)
    return s * (1 + x * (1 - s))


def _mish_slope(x: float) -> float:
    t = math.tanh(_softplus(x))
    return t + x * _logistic(x) * (1 - t * t)


def _selu(x: float) -> float:
    return SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x))


def _selu_slope(x: float) -> float:
    return SELU_SCALE * (1.0 if x > 0 else SELU_ALPHA * math.exp(x))


def _hard_sigmoid(x: float) -> float:
    return _clip(x / 6 + 0.5, 0.0, 1.0)


def _hard_swish_slope(x: float) -> float:
    return 0.0 if x <= -3 else x / 3 + 0.5 if x <= 3 else 1.0


def _leaky_relu(slope: float) -> Activation:
    moment = (1 + slope * slope) / 2
    return Activation(
        "leaky_relu",
        f"x if x > 0 else {slope:g} x",
        lambda x: x if x > 0 else slope * x,
        lambda x: 1.0 if x > 0 else slope,
        moment,
        moment,
    )


def _elu(alpha: float) -> Activation:
    square = alpha * alpha
    return Activation(
        "elu",
        f"x if x > 0 else {alpha:g} (exp(x) - 1)",
        lambda x: x if x > 0 else alpha * math.expm1(x),
        lambda x: 1.0 if x > 0 else alpha * math.exp(x),
        0.5 + square * _ELU_SQUARE,
        0.5 + square * _ELU_SLOPE_SQUARE,
    )


def _celu(alpha: float) -> Activation:
    if alpha <= 0:
        raise FaninValueError(f"the alpha of celu must be above 0. Received: {alpha}.")

    def value(x: float) -> float:
        return x if x > 0 else alpha * math.expm1(x / alpha)

    def slope(x: float) -> float:
        return 1.0 if x > 0 else math.exp(x / alpha)

    one = alpha == 1.0  # where celu is elu
    return Activation(
        "celu",
        f"x if x > 0 else {alpha:g} (exp(x / {alpha:g}) - 1)",
        value,
        slope,
        0.5 + _ELU_SQUARE if one else gaussian_square_mean(value),
        0.5 + _ELU_SLOPE_SQUARE if one else gaussian_square_mean(slope),
    )


_ELU_SQUARE: Final = 0.14494541749292386  # E[(exp(z) - 1)^2; z < 0] = 1/2 + e^2 Phi(-2) - 2 e^(1/2) Phi(-1)
_ELU_SLOPE_SQUARE: Final = 0.1681020012231706  # E[exp(z)^2; z < 0] = e^2 Phi(-2)

_PLAIN: Final[dict[str, Activation]] = {
    activation.name: activation
    for activation in (
        Activation("linear", "x", lambda x: x, lambda x: 1.0, 1.0, 1.0),
        Activation("relu", "max(x, 0)", lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0, 0.5, 0.5),
        Activation(
            "relu6",
            "min(max(x, 0), 6)",
            lambda x: _clip(x, 0.0, 6.0),
            lambda x: 1.0 if 0 < x <= 6 else 0.0,
            0.49999999807527046,
            0.49999999901341236,
        ),
        Activation(
            "selu",
            "1.0507 (x if x > 0 else 1.6733 (exp(x) - 1))",
            _selu,
            _selu_slope,
            0.9999999999999999,
            1.0715749924557991,
        ),
        Activation(
            "gelu", "x Phi(x)", lambda x: x * _normal_cdf(x), _gelu_slope, 0.4252214825702987, 0.4558508656492871
        ),
        Activation(
            "gelu_tanh",
            "x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))",
            _gelu_tanh,
            _gelu_tanh_slope,
            0.42519371103309944,
            0.4558178459629506,
        ),
        Activation(
            "silu", "x sigmoid(x)", lambda x: x * _logistic(x), _silu_slope, 0.35577551981735217, 0.3794823516328293
        ),
        Activation(
            "mish",
            "x tanh(softplus(x))",
            lambda x: x * math.tanh(_softplus(x)),
            _mish_slope,
            0.45234219237588275,
            0.47908375837396977,
        ),
        Activation("softplus", "log(1 + exp(x))", _softplus, _logistic, 0.9212459088593002, 0.29337903585809294),
        Activation("tanh", "tanh(x)", math.tanh, _tanh_slope, 0.3942944903978412, 0.46440290244826826),
        Activation(
            "sigmoid",
            "1 / (1 + exp(-x))",
            _logistic,
            lambda x: _logistic(x) * _logistic(-x),
            0.29337903585809294,
            0.04483624135019437,
        ),
        Activation(
            "hardtanh",
            "min(max(x, -1), 1)",
            lambda x: _clip(x, -1.0, 1.0),
            lambda x: 1.0 if -1 < x <= 1 else 0.0,
            0.5160585509617133,
            0.6826894921370859,
        ),
        Activation(
            "hardsigmoid",
            "min(max(x/6 + 1/2, 0), 1)",
            _hard_sigmoid,
            lambda x: 1 / 6 if -3 < x <= 3 else 0.0,
            0.2776390910565126,
            0.02770278344268722,
        ),
        Activation(
            "hardswish",
            "x min(max(x/6 + 1/2, 0), 1)",
            lambda x: x * _hard_sigmoid(x),
            _hard_swish_slope,
            0.3315673751379077,
            0.35853151717860526,
        ),
    )
}

_WITH_PARAMETER: Final[dict[str, tuple[float, Callable[[float], Activation]]]] = {
    "leaky_relu": (0.01, _leaky_relu),
    "prelu": (0.25, _leaky_relu),
    "elu": (1.0, _elu),
    "celu": (1.0, _celu),
}

_ALIASES: Final = {
    "identity": "linear",
    "swish": "silu",
    "leakyrelu": "leaky_relu",
    "gelu_exact": "gelu",
    "gelu_approximate": "gelu_tanh",
    "hard_tanh": "hardtanh",
    "hard_sigmoid": "hardsigmoid",
    "hard_swish": "hardswish",
    "hard_silu": "hardswish",
}
