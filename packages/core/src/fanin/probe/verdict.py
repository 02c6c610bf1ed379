"""The verdict: what the numbers of a probe mean for training, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fanin.dtypes import DTYPES
from fanin.gains import gain
from fanin.gains.activations import get_activation
from fanin.initializers import Initializer, Normal, VarianceScaling
from fanin.initializers.parse import parse_initialization
from fanin.lab.network import Network
from fanin.lab.severity import Severity, worse

__all__ = ["Verdict", "dead_layer", "describe", "float32_holds", "gain_advice", "judge", "tolerance"]

_DEVIATIONS: Final = 3.0
"""A change of as many standard deviations, over draws of the weights, may be chance."""

_NOISE: Final = 5.0
"""What a layer of n ReLU units adds to the variance of the logarithm of a mean square, times n."""

_SLOW: Final = 1.05
"""A change by less than this factor a layer is no matter even where it is no chance,"""

_LITTLE: Final = 2.0
"""if it is less than this in all."""

_HOPELESS: Final = 1e3
"""From such a change in all on, a course is a failure, and below it a warning."""

_FAR: Final = 10.0
"""A signal that differs from the input by this factor is stated also where it keeps its size from layer to layer."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of the signal and the gradient.

    Attributes:
        signal_factor: Root mean square of a layer's output over that of the layer before, on (geometric) average.
        gradient_factor: The same for the gradient, from a layer to the one before it.
        sentence: The verdict.
        severity: How bad it is.
    """

    signal_factor: float
    gradient_factor: float
    sentence: str
    severity: Severity


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
    seeds: int = 1,
    dead: int | None = None,
    died: int = 0,
) -> Verdict:
    """Return the verdict on an initialization.

    Args:
        label: The initialization.
        network: The network.
        input_moment: Mean square of its input.
        activations: Mean square of each layer's output, the network's output last.
        gradients: Mean square of the loss's derivative by each layer's pre-activations.
        distinct: The smallest number of distinct units of a hidden layer.
        seeds: How many networks the moments are means of.
        dead: The first hidden layer, from 1, whose units are all dead (`dead_layer`), if there is one.
        died: In how many of the networks, which the means leave out, the signal is 0 in the last hidden layer.
    """
    depth, width, name = network.depth, network.width, describe(label)
    # Between hidden layers, which are alike; the input and the output have other widths.
    backwards = gradients[::-1] if depth == 1 else gradients[depth - 1 :: -1]
    signal = _factor([input_moment, activations[0]] if depth == 1 else activations[:depth])
    gradient = _factor(backwards)
    allowed = tolerance(depth, width, seeds)
    if distinct == 1 and width > 1:
        sentence = _symmetric(network, activations, gradients)
        if signal > 0 or not math.isfinite(signal):
            forward, steady = _course("the signal", "the input's", signal, depth, allowed)
            sentence += f"; {forward}{_limits(activations[depth - 1], input_moment, signal, depth, steady)}"
        return Verdict(signal, gradient, f"{name}: {sentence}", "failure")
    if dead is not None:
        units = f"all {width} units of hidden layer {dead} are" if width > 1 else f"the unit of hidden layer {dead} is"
        return Verdict(signal, gradient, f"{name}: {units} dead, 0 for every sample, {_DEAD}", "failure")
    forward, steady = _course("the signal", "the input's", signal, depth, allowed)
    backward, even = _course("the gradient", "the output's", gradient, depth, allowed)
    limits = _limits(activations[depth - 1], input_moment, signal, depth, steady)
    gone = f"; in {died} of {seeds} networks it dies out: all units of a layer are 0" if died else ""
    severity = worse(
        _how_bad(signal, depth, steady), _how_bad(gradient, depth, even), "warning" if limits or died else "fine"
    )
    return Verdict(signal, gradient, f"{name}: {forward}{limits}{gone}; {backward} on its way back", severity)


_DEAD: Final = "so the signal and the gradient are 0 and only the output's bias learns"


def tolerance(depth: int, width: int, seeds: int) -> float:
    """Return how far the root mean square may change from the first hidden layer to the last and still be steady.

    As a logarithm: three standard deviations of chance, sqrt(5 (depth - 1) / (width seeds)) / 2 each; and where that
    is less, 5 % a layer, but no more than a factor of 2.

    Example:
        >>> round(math.exp(tolerance(depth=2, width=256, seeds=3)), 3)
        1.129
    """
    steps = depth - 1
    chance = _DEVIATIONS * math.sqrt(_NOISE * steps / (width * seeds)) / 2  # of a root: half of that of the square
    return max(chance, min(steps * math.log(_SLOW), math.log(_LITTLE)))


def dead_layer(network: Network, activations: Sequence[float], predicted: Sequence[float]) -> int | None:
    """Return the first hidden layer, from 1, that is 0 for every sample, if that is the units' doing.

    It is not where the activation gives something for negative numbers, nor where theory, too, has a signal of 0 or
    one that float32 has no number for.
    """
    if get_activation(network.activation).value(-1.0) != 0:
        return None
    for layer, (found, expected) in enumerate(zip(activations[: network.depth], predicted, strict=False)):
        if found == 0:
            return layer + 1 if float32_holds(math.sqrt(expected)) else None
    return None


def _change(moments: Sequence[float]) -> float:
    """Return the last root mean square over the first: 0 if either is, and NaN after an overflow."""
    first, last = moments[0], moments[-1]
    if not (math.isfinite(first) and math.isfinite(last)):
        return math.nan
    return 0.0 if first == 0 or last == 0 else math.sqrt(last) / math.sqrt(first)


def _factor(moments: Sequence[float]) -> float:
    """Return the geometric mean of the ratios of neighbouring root mean squares; 0 and NaN as `_change`."""
    return math.pow(_change(moments), 1 / (len(moments) - 1))


def _course(what: str, origin: str, factor: float, depth: int, allowed: float) -> tuple[str, bool]:
    """Return a clause that says what becomes of something, and whether it is steady."""
    if not math.isfinite(factor):
        return f"{what} overflows float32", False
    if factor == 0:
        return f"{what} is 0", False
    if depth == 1:  # the input and the output are of other widths, so this is no rate
        return f"{what} is {factor:.2g}× {origin}", True
    if abs(math.log(factor)) * (depth - 1) <= allowed:
        return f"{what} keeps its size ({factor:.2f}× a layer)", True
    return f"{what} {'grows' if factor > 1 else 'shrinks'} {_times(factor)} a layer", False


def _how_bad(factor: float, depth: int, steady: bool) -> Severity:
    """Return how bad a course is: a failure where it leaves three orders of magnitude, or any number."""
    if not math.isfinite(factor) or factor == 0:
        return "failure"
    if steady:
        return "fine"
    return "failure" if abs(math.log(factor)) * max(depth - 1, 1) > math.log(_HOPELESS) else "warning"


def _limits(moment: float, input_moment: float, factor: float, depth: int, steady: bool) -> str:
    """Return how large the signal is after the last hidden layer, and which format it has left, or when it would."""
    if not math.isfinite(factor) or factor == 0:
        return ""
    size = math.sqrt(moment)
    if steady and 1 / _FAR <= math.sqrt(moment) / math.sqrt(input_moment) <= _FAR:
        return ""
    total = f"; after {depth} layer{'s' if depth > 1 else ''} it is {size:.1e}"
    for name in ("float32", "float16"):
        smallest, largest = _range(name)
        if size < smallest:
            return f"{total}, below {name}'s smallest number ({smallest:.1e})"
        if size > largest:
            return f"{total}, beyond {name}'s largest number ({largest:.1e})"
    if steady:
        return total
    smallest, largest = _range("float16")
    layers = depth + math.ceil(math.log((largest if factor > 1 else smallest) / size) / math.log(factor))
    return f"{total}, and after {layers} it would leave float16's range"


def float32_holds(size: float) -> bool:
    """Return whether float32 has a number of this size."""
    smallest, largest = _range("float32")
    return smallest <= size <= largest


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
