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
from dataclasses import dataclass

from fanin.compare.activations import Activation, get_activation
from fanin.compare.experiment import Network
from fanin.initializers import Constant, Initializer, Normal, TruncatedNormal, Uniform

__all__ = ["Theory", "predict", "weight_variance"]


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


def weight_variance(initializer: Initializer, network: Network) -> list[float] | None:
    """Return the variance of each layer's weights; None where their mean is not 0 or their law is not known."""
    laws = [initializer.law(plan.geometry.fans()) for plan in network.plans(initializer)]
    variances = []
    for law in laws:
        if isinstance(law, Constant) and law.value == 0:
            variances.append(0.0)
        elif isinstance(law, Normal) and law.mean == 0:
            variances.append(law.std**2)
        elif isinstance(law, Uniform) and law.low == -law.high:
            variances.append(law.high**2 / 3)
        elif isinstance(law, TruncatedNormal) and law.mean == 0 and law.lower == -law.upper:
            variances.append(law.std**2)
        else:
            return None
    return variances


def predict(network: Network, initializer: Initializer, input_moment: float) -> Theory | None:
    """Return the predictions for a network, or None where the weights' mean is not 0, which the theory assumes.

    Args:
        network: The network.
        initializer: Its weights' initializer.
        input_moment: Mean square of the input.

    Example:
        >>> import fanin
        >>> predict(Network(64, 3, 100, 10), fanin.he_normal(), 1.0).activation_moments[:3]
        (1.0, 1.0, 1.0)
    """
    variances = weight_variance(initializer, network)
    if variances is None:
        return None
    activation, widths = get_activation(network.activation), network.widths
    moment, spread = input_moment, 0.0
    q: list[float] = []
    moments: list[float] = []
    spreads: list[float] = []
    for layer, ((inputs, units), variance) in enumerate(zip(itertools.pairwise(widths), variances, strict=True)):
        q.append(inputs * variance * moment)
        last = layer == len(variances) - 1
        moment = q[-1] if last else activation.second_moment(q[-1])
        response, noise = (1.0, 2.0) if last else (_response(activation, q[-1]), _excess(activation, q[-1], False))
        spread = math.sqrt((response * spread) ** 2 + noise / units)
        moments.append(moment)
        spreads.append(spread)
    factors, gradient_spreads = [1.0], [0.0]
    for layer in range(len(variances) - 2, -1, -1):
        slope = activation.slope_moment(q[layer])
        factors.append(factors[-1] * widths[layer + 2] * variances[layer + 1] * slope)
        noise = _excess(activation, q[layer], True) / widths[layer + 1]
        gradient_spreads.append(math.sqrt(gradient_spreads[-1] ** 2 + noise))
    return Theory(tuple(moments), tuple(factors[::-1]), tuple(spreads), tuple(gradient_spreads[::-1]))


def _response(activation: Activation, q: float) -> float:
    """Return d log E[phi(sqrt(q) z)^2] / d log q: how a deviation of one layer enters the next."""
    if not 0 < q < math.inf:
        return 0.0
    up, down = activation.second_moment(q * 1.01), activation.second_moment(q / 1.01)
    return math.log(up / down) / (2 * math.log(1.01)) if down > 0 else 0.0


def _excess(activation: Activation, q: float, backward: bool) -> float:
    """Return the relative variance of one unit's square, forward phi(z)^2 or backward (phi'(z) z')^2, z' normal."""
    mean, square = activation.moments(q, backward)
    if not 0 < mean < math.inf:
        return 0.0
    return (3 if backward else 1) * square / mean**2 - 1
