"""The verdict: what the numbers of a probe mean for training, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fanin.compare.experiment import Network
from fanin.compare.initialization import parse_initialization
from fanin.dtypes import DTYPES
from fanin.gains import gain
from fanin.initializers import Initializer, Normal, VarianceScaling

__all__ = ["Verdict", "describe", "judge"]

_STEADY: Final = 10.0
"""A signal that changes by less than this factor from the first layer to the last is called steady."""

_SLOW: Final = 0.01
"""A change a layer, as a logarithm, below which nobody needs to know after how many layers a format ends."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of the signal and the gradient.

    Attributes:
        signal_factor: Root mean square of a layer's output over that of the layer before, on (geometric) average.
        gradient_factor: The same for the gradient, from a layer to the one before it.
        sentence: The verdict.
    """

    signal_factor: float
    gradient_factor: float
    sentence: str


def describe(label: str) -> str:
    """Return an initialization's label with its width in words.

    Example:
        >>> describe("random"), describe("he")
        ('random (std 0.01)', 'he (variance 2/fan_in)')
    """
    if "(" in label:
        return label
    initializer: Initializer = parse_initialization(label)
    if isinstance(initializer, Normal):
        return f"{label} (std {initializer.std:g})"
    if isinstance(initializer, VarianceScaling):
        return f"{label} (variance {initializer.scale:g}/{initializer.mode})"
    return label


def judge(
    label: str,
    network: Network,
    input_moment: float,
    activations: Sequence[float],
    gradients: Sequence[float],
    distinct: int,
) -> Verdict:
    """Return the verdict on an initialization.

    Args:
        label: The initialization.
        network: The network.
        input_moment: Mean square of its input.
        activations: Mean square of each layer's output, the network's output last.
        gradients: Mean square of the loss's derivative by each layer's pre-activations.
        distinct: The smallest number of distinct units of a hidden layer.
    """
    depth, name = network.depth, describe(label)
    # Between hidden layers, which are alike; the input and the output have other widths.
    backwards = gradients[::-1] if depth == 1 else gradients[depth - 1 :: -1]
    signal = _factor([input_moment, activations[0]] if depth == 1 else activations[:depth])
    gradient = _factor(backwards)
    if distinct == 1 and network.width > 1:
        return Verdict(signal, gradient, f"{name}: {_symmetric(network, activations, gradients)}")
    forward = _course("the signal", signal, depth, _change([input_moment, activations[depth - 1]]))
    backward = _course("the gradient", gradient, depth, _change(backwards))
    limits = _limits(math.sqrt(activations[depth - 1]), signal, depth) if forward[0] != "steady" else ""
    return Verdict(signal, gradient, f"{name}: {forward[1]}{limits}; {backward[1]} on its way back")


def _change(moments: Sequence[float]) -> float:
    """Return the last root mean square over the first: 0 if either is, and NaN after an overflow."""
    first, last = moments[0], moments[-1]
    if not (math.isfinite(first) and math.isfinite(last)):
        return math.nan
    return 0.0 if first == 0 or last == 0 else math.sqrt(last) / math.sqrt(first)


def _factor(moments: Sequence[float]) -> float:
    """Return the geometric mean of the ratios of neighbouring root mean squares; 0 and NaN as `_change`."""
    return math.pow(_change(moments), 1 / (len(moments) - 1))


def _course(what: str, factor: float, depth: int, total: float) -> tuple[str, str]:
    """Return the kind of course (steady, vanishing, exploding) and a clause that says it."""
    if not math.isfinite(total):
        return "exploding", f"{what} overflows float32"
    if 1 / _STEADY <= total <= _STEADY:
        return "steady", f"{what} keeps its size ({total:.2g}× over {depth} layer{'s' if depth > 1 else ''})"
    if factor == 0:
        return "vanishing", f"{what} is 0"
    kind, verb = ("exploding", "grows") if factor > 1 else ("vanishing", "shrinks")
    return kind, f"{what} {verb} {_times(factor)} a layer"


def _limits(size: float, factor: float, depth: int) -> str:
    """Return how large the signal is after the last hidden layer, and which format it has left, or when it would."""
    if not math.isfinite(size) or factor == 0:
        return ""
    total = f"; after {depth} layer{'s' if depth > 1 else ''} it is {size:.1e}"
    for name in ("float32", "float16"):
        smallest, largest = _range(name)
        if size < smallest:
            return f"{total}, below {name}'s smallest number ({smallest:.1e})"
        if size > largest:
            return f"{total}, beyond {name}'s largest number ({largest:.1e})"
    if abs(math.log(factor)) < _SLOW:
        return total
    smallest, largest = _range("float16")
    layers = depth + math.ceil(math.log((largest if factor > 1 else smallest) / size) / math.log(factor))
    return f"{total}, and after {layers} it would leave float16's range"


def _range(name: str) -> tuple[float, float]:
    number_format = DTYPES[name]
    return math.ldexp(number_format.smallest_normal, -number_format.mantissa), number_format.largest


def _times(factor: float) -> str:
    """Return by how much something grows or shrinks, as text."""
    size = max(factor, 1 / factor)
    return f"{size:.3g}×" if size < 100 else f"{size:.0f}×" if size < 1e4 else f"{size:.0e}×"


def _symmetric(network: Network, activations: Sequence[float], gradients: Sequence[float]) -> str:
    units = f"all {network.width} units of a hidden layer are identical and get identical gradients"
    if any(gradients[: network.depth]):
        return f"{units}, so nothing but rounding tells them apart: the layer is worth one unit"
    dead = "the signal and the gradient are 0" if activations[network.depth - 1] == 0 else "the gradient is 0"
    return f"{dead} in every hidden layer; {units}: only the output's bias learns"


def gain_advice(network: Network) -> str:
    """Return the standard deviation that theory asks for with this activation.

    Example:
        >>> gain_advice(Network(64, 3, 100, 10, "tanh"))
        'pre-activations keep a second moment of 1 through tanh with std = 1.593/sqrt(fan_in)'
    """
    return (
        f"pre-activations keep a second moment of 1 through {network.activation} with std = "
        f"{gain(network.activation):.4g}/sqrt(fan_in)"
    )
