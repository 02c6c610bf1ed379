"""What theory predicts of a wide network at its start: the second moments of the signal and the gradient, by layer.

With independent weights of mean 0 and zero biases, a pre-activation of layer l is, over the draw of the weights, close
to N(0, q_l), where

    q_l = fan_in_l Var(w_l) E[x_{l-1}^2],    E[x_l^2] = E[phi(sqrt(q_l) z)^2],    z ~ N(0, 1),

which for ReLU is equation 9 of He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers". Backward, with g_l the mean
square of the loss's derivative by a pre-activation of layer l,

    g_l = fan_out_{l+1} Var(w_{l+1}) E[phi'(sqrt(q_l) z)^2] g_{l+1},

equation 13 there; Poole et al. 2016, "Exponential expressivity in deep neural networks through transient chaos", has
both for any activation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from fanin.exceptions import FaninValueError
from fanin.gains.activations import Activation, get_activation
from fanin.gains.quadrature import gaussian_square_mean
from fanin.initializers import Initializer
from fanin.lab.network import Network
from fanin.plans import Plan
from fanin.plans.facts import facts

__all__ = ["Theory", "gaussian_moment", "predict", "weight_variances"]


@dataclass(frozen=True)
class Theory:
    """The predictions, each a tuple with one entry for each layer; the last layer is the output.

    Attributes:
        activation_moments: E[x_l^2]; for the output, that of the logits.
        gradient_factors: g_l / g_L, L the output layer.
        activation_spreads: Standard deviation, over draws of the weights, of the logarithm of a measured activation
            moment, to first order in 1/width: a finite network is not expected to be closer than this.
        gradient_spreads: The same for the gradient.
    """

    activation_moments: tuple[float, ...]
    gradient_factors: tuple[float, ...]
    activation_spreads: tuple[float, ...]
    gradient_spreads: tuple[float, ...]


def weight_variances(initializer: Initializer, network: Network) -> list[float] | None:
    """Return the variance of each layer's weights; None where their mean is not 0, or they are not random at all."""
    variances = [_variance(initializer, plan) for plan in network.plans(initializer)]
    known = [variance for variance in variances if variance is not None]
    return known if len(known) == len(variances) else None


def _variance(initializer: Initializer, plan: Plan) -> float | None:
    found = facts(initializer, plan.geometry)
    if not found.symmetric or not (initializer.is_random or found.high == 0.0):
        return None
    return found.std**2


def gaussian_moment(function: Callable[[float], float], q: float) -> float:
    """Return E[f(z)^2] for z ~ N(0, q).

    Raises:
        FaninValueError: It is not finite, or f is too rough for the quadrature.

    Example:
        >>> gaussian_moment(lambda z: max(z, 0.0), 3.0)
        1.5
    """
    root = math.sqrt(q)
    return gaussian_square_mean(lambda z: function(root * z)) if q > 0 else function(0.0) ** 2


def predict(network: Network, initializer: Initializer, input_moment: float) -> Theory | None:
    """Return the predictions for a network, or None where the theory has none: it needs weights of mean 0.

    Args:
        network: The network.
        initializer: Its weights' initializer.
        input_moment: Mean square of the input.

    Example:
        >>> import fanin
        >>> predict(Network(64, 3, 100, 10), fanin.he_normal(), 1.0).activation_moments[:3]
        (1.0, 1.0, 1.0)
    """
    variances = weight_variances(initializer, network)
    if variances is None:
        return None
    try:
        return _recursion(get_activation(network.activation), network.widths, variances, input_moment)
    except (FaninValueError, OverflowError):  # the moments leave the range of a double
        return None


def _recursion(activation: Activation, widths: list[int], variances: list[float], moment: float) -> Theory:
    spread = 0.0
    q: list[float] = []
    moments: list[float] = []
    spreads: list[float] = []
    for layer, ((inputs, units), variance) in enumerate(zip(itertools.pairwise(widths), variances, strict=True)):
        q.append(inputs * variance * moment)
        if layer == len(variances) - 1:
            moment, response, noise = q[-1], 1.0, 2.0
        else:
            moment = gaussian_moment(activation.value, q[-1])
            response, noise = _response(activation, q[-1]), _kurtosis(activation.value, q[-1]) - 1
        spread = math.sqrt((response * spread) ** 2 + noise / units)
        moments.append(moment)
        spreads.append(spread)
    factors, gradient_spreads = [1.0], [0.0]
    for layer in range(len(variances) - 2, -1, -1):
        slope = gaussian_moment(activation.slope, q[layer])
        factors.append(factors[-1] * widths[layer + 2] * variances[layer + 1] * slope)
        noise = 3 * _kurtosis(activation.slope, q[layer]) - 1  # 3: that of the sum over the layer behind, a normal
        gradient_spreads.append(math.sqrt(gradient_spreads[-1] ** 2 + noise / widths[layer + 1]))
    return Theory(tuple(moments), tuple(factors[::-1]), tuple(spreads), tuple(gradient_spreads[::-1]))


def _response(activation: Activation, q: float) -> float:
    """Return d log E[phi(sqrt(q) z)^2] / d log q: how a deviation of one layer enters the next."""
    if q == 0:
        return 0.0
    up, down = gaussian_moment(activation.value, q * 1.01), gaussian_moment(activation.value, q / 1.01)
    return math.log(up / down) / (2 * math.log(1.01)) if down > 0 else 0.0


def _kurtosis(function: Callable[[float], float], q: float) -> float:
    """Return E[f^4] / E[f^2]^2; 1, that of a constant, where f is 0."""
    mean = gaussian_moment(function, q)
    return gaussian_moment(lambda z: function(z) ** 2, q) / mean**2 if mean > 0 else 1.0
