"""Gains: the factor by which an activation's weights must be larger to preserve the signal, or its gradient.

With weights of mean 0 and variance `gain^2 / fan_in`, a pre-activation with unit second moment leads to a next one with
unit second moment (He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", section 2.2; for any activation, Poole
et al. 2016, "Exponential expressivity in deep neural networks through transient chaos", equation 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fanin.exceptions import FaninValueError
from fanin.gains.activations import get_activation
from fanin.gains.quadrature import gaussian_square_mean

__all__ = ["backward_gain", "gain", "second_moment", "slope_moment"]

_Named = str | Callable[[float], float]


def gain(activation: _Named, parameter: float | None = None) -> float:
    """Return 1 / sqrt(E[phi(z)^2]), z ~ N(0, 1): with `std = gain / sqrt(fan_in)` the signal keeps its size.

    It is sqrt(2) for ReLU (He et al. 2015, equation 10) and sqrt(2 / (1 + a^2)) for leaky ReLU with slope a (equation
    15). torch's `calculate_gain` returns 5/3 for tanh and 3/4 for selu, and knows fewer names.

    Args:
        activation: A name ("relu", "leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "gelu_tanh", "silu", "mish",
            "softplus", "tanh", "sigmoid", "hardtanh", "hardsigmoid", "hardswish", "relu6", "linear"), or any function
            from float to float, which is integrated to at least 10 digits.
        parameter: The slope of "leaky_relu" (default 0.01) and "prelu" (0.25), or the alpha of "elu" and "celu" (1).

    Returns:
        A number above 0.

    Raises:
        FaninValueError: The name is unknown, it has no parameter, or the mean square is zero, infinite or not found.
        FaninTypeError: It is neither a string nor a function from float to float.

    Example:
        >>> gain("relu") == math.sqrt(2), round(gain("gelu"), 4), round(gain("tanh"), 4)
        (True, 1.5335, 1.5925)
        >>> gain(lambda z: max(z, 0.0) ** 2) == math.sqrt(1 / 1.5)  # squared ReLU
        True
    """
    return math.sqrt(1 / second_moment(activation, parameter))


def backward_gain(activation: _Named, parameter: float | None = None) -> float:
    """Return 1 / sqrt(E[phi'(z)^2]), z ~ N(0, 1): with `std = gain / sqrt(fan_out)` the gradient keeps its size.

    For linear, ReLU and leaky ReLU it equals the forward gain (He et al. 2015, equation 14); for the other activations
    it differs.

    Args:
        activation: As for `gain`; the derivative of a function is computed automatically.
        parameter: As for `gain`.

    Returns:
        A number above 0.

    Raises:
        FaninValueError: As for `gain`, but for the derivative; also if a function has a jump.
        FaninTypeError: As for `gain`.

    Example:
        >>> backward_gain("relu") == math.sqrt(2), round(backward_gain("tanh"), 4)
        (True, 1.4674)
    """
    return math.sqrt(1 / slope_moment(activation, parameter))


def second_moment(activation: _Named, parameter: float | None = None) -> float:
    """Return E[phi(z)^2], z ~ N(0, 1); the arguments and errors are those of `gain`.

    Example:
        >>> second_moment("relu")
        0.5
    """
    if not callable(activation):
        return _positive(get_activation(activation, parameter).second_moment, activation)
    _no_parameter(parameter)
    return _positive(gaussian_square_mean(activation), activation)


def slope_moment(activation: _Named, parameter: float | None = None) -> float:
    """Return E[phi'(z)^2], z ~ N(0, 1); the arguments and errors are those of `backward_gain`.

    Example:
        >>> slope_moment(math.sin) == slope_moment(lambda z: math.sin(z) + 1)
        True
    """
    if not callable(activation):
        return _positive(get_activation(activation, parameter).slope_moment, activation)
    _no_parameter(parameter)
    return _positive(gaussian_square_mean(activation, derivative=True), activation)


def _no_parameter(parameter: object) -> None:
    if parameter is not None:
        raise FaninValueError(
            f"a parameter is accepted only with the name of an activation, not with a function. Received: "
            f"{parameter!r}. Bind it in the function."
        )


def _positive(moment: float, activation: object) -> float:
    if not 0 < moment < math.inf:
        raise FaninValueError(
            f"the activation {activation!r} has a mean square of {moment:g}, which no gain can compensate. Use one "
            f"that is not constant."
        )
    return moment
