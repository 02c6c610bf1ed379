"""How wide weights are, beside what their activation asks for."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import partial
from typing import Final

from fanin.exceptions import FaninError
from fanin.gains import gain
from fanin.signal.layer import Layer

__all__ = ["OFF", "cause_of", "common_activation", "initialization_for", "wanted_std", "width_of"]

OFF: Final = 1.2
"""A weight's standard deviation that is off by less is none of a cause."""

_BETWEEN: Final = "what lies between the layers"

_ODD: Final = 3.0
"""A layer among fitting ones stands out from here on."""

_TORCH: Final = math.sqrt(1 / 3)
"""torch's default: a standard deviation of 1/sqrt(3 fan_in)."""


def wanted_std(layer: Layer, activation: str | None) -> float | None:
    """Return the standard deviation that a layer's weight needs to keep the signal through an activation.

    gain(activation) / sqrt(fan_in): the second moment of the pre-activations stays 1 (He et al. 2015, equation 10).
    """
    if layer.weight_fan_in is None or not layer.weight_fan_in:
        return None
    return _gain(activation) / math.sqrt(layer.weight_fan_in)


def width_of(layer: Layer, activation: str | None) -> float:
    """Return a weight's standard deviation over the one that it needs; 0 where either is not known."""
    wanted = wanted_std(layer, activation)
    return 0.0 if wanted is None or layer.weight_std is None else layer.weight_std / wanted


def common_activation(layers: Sequence[Layer]) -> str | None:
    """Return the activation that most layers have, or None."""
    named = [layer.activation for layer in layers if layer.activation is not None]
    return statistics.mode(named) if named else None


def initialization_for(activation: str | None) -> str:
    """Return the initialization that keeps the signal through an activation."""
    return "he" if activation == "relu" else f"he(activation='{activation}')" if activation else "lecun_normal"


def cause_of(inner: Sequence[Layer]) -> tuple[str, str | None, str]:
    """Return the cause of a signal that shrinks or grows, the initialization that mends it, and what is blamed."""
    activation = common_activation(inner)
    inner = [layer for layer in inner[:-1] if not layer.is_head] or inner  # a head feeds no layer
    known = [layer for layer in inner if width_of(layer, activation) > 0]
    name = activation or "no activation"
    blamed = "the initialization"
    if not known:
        return "No layer's fan-in is known: compare the weights with gain/sqrt(fan_in) by hand.", None, blamed
    width = statistics.median(width_of(layer, activation) for layer in known)
    law = initialization_for(activation)
    if 1 / OFF < width < OFF:
        odd = max(known, key=partial(_misfit, activation))
        if _misfit(activation, odd) > math.log(_ODD):
            times = width_of(odd, activation)
            fit = f"The weights of {odd.name} are {times:.2g} times as wide as {name} needs, and the others fit."
            return fit, law, blamed
        return f"The weights are as wide as {name} needs, so look at {_BETWEEN}.", None, _BETWEEN
    is_torchs = abs(width / (_TORCH / _gain(activation)) - 1) < 0.1
    whose = "torch's default, U(±1/sqrt(fan_in)), makes" if is_torchs else "the initialization makes"
    return f"{whose[0].upper()}{whose[1:]} the weights {width:.2f} times as wide as {name} needs.", law, blamed


def _misfit(activation: str | None, layer: Layer) -> float:
    """Return how far a layer's width is from what it needs, on a logarithmic scale."""
    return abs(math.log(width_of(layer, activation)))


def _gain(activation: str | None) -> float:
    """Return an activation's gain; 1 for none, and for one that is not known by name."""
    try:
        return 1.0 if activation is None else gain(activation)
    except FaninError:
        return 1.0
