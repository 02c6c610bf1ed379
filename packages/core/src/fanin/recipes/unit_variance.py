"""LSUV: scale the weights, layer by layer, until each layer's output has unit variance on a batch of data.

The loop needs only two things from a framework: the variance of a layer's output, and a way to multiply a layer's
weight. Both are passed in as functions, so that it works with every backend, and without one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fanin._checks import finite_number, real_number, whole_number
from fanin.exceptions import FaninValueError

__all__ = ["Scaled", "lsuv"]


@dataclass(frozen=True)
class Scaled:
    """What was done to one layer.

    Attributes:
        factor: The total factor by which its weight was multiplied.
        variance: The variance of its output afterwards.
        iterations: The number of multiplications.
    """

    factor: float
    variance: float
    iterations: int


def lsuv(
    layers: Iterable[str],
    variance: Callable[[str], float],
    scale: Callable[[str, float], object],
    *,
    target: float = 1.0,
    tolerance: float = 0.1,
    max_iterations: int = 10,
) -> dict[str, Scaled]:
    """Scale each layer in turn until the variance of its output is within `tolerance` of `target`.

    Mishkin and Matas 2016, "All you need is a good init", algorithm 1. First draw the weights with
    `fanin.orthogonal()`, and set the biases to zero. The weights then depend on the batch and on the framework's
    arithmetic, so their last digits differ between frameworks, as those of an orthogonal matrix do.

    Args:
        layers: Names of the layers, in the order of the forward pass.
        variance: Runs the network on the batch and returns the variance of the named layer's output, before or after
            the activation. The paper uses the output before the activation.
        scale: Multiplies the named layer's weight by a number, in place or in the caller's own records.
        target: The desired variance, above 0.
        tolerance: The allowed distance from the target, at least 0; the authors use 0.1.
        max_iterations: The maximum number of times to scale one layer, at least 1.

    Returns:
        What was done, by layer. A variance may still be out of tolerance; the caller decides what to do then.

    Raises:
        FaninValueError: The variance of a layer's output is 0 or not finite, or a setting is out of range.

    Example:
        >>> weights = {"a": 3.0, "b": 0.1}  # each layer multiplies its input by one number; data have variance 1
        >>> def variance(name):
        ...     return weights["a"] ** 2 if name == "a" else (weights["a"] * weights["b"]) ** 2
        >>> def scale(name, factor):
        ...     weights[name] *= factor
        >>> done = lsuv(["a", "b"], variance, scale)
        >>> round(weights["a"], 12), round(weights["b"], 12), done["a"].iterations
        (1.0, 1.0, 1)
    """
    wanted = finite_number(target, "target")
    allowed = finite_number(tolerance, "tolerance")
    limit = whole_number(max_iterations, "max_iterations", 1)
    if wanted <= 0 or allowed < 0:
        raise FaninValueError(
            f"target must be above 0 and tolerance at least 0. Received: target={wanted}, tolerance={allowed}."
        )
    done: dict[str, Scaled] = {}
    for name in layers:
        factor, iterations, found = 1.0, 0, _variance(variance, name)
        while abs(found - wanted) > allowed and iterations < limit:
            step = math.sqrt(wanted / found)
            scale(name, step)
            factor, iterations, found = factor * step, iterations + 1, _variance(variance, name)
        done[name] = Scaled(factor, found, iterations)
    return done


def _variance(variance: Callable[[str], float], name: str) -> float:
    found = real_number(variance(name), f"the variance of layer {name!r}")
    if not 0 < found < math.inf:
        raise FaninValueError(
            f"the output of layer {name!r} has variance {found}, which no factor can scale to the target. Start from "
            f"weights that pass the signal on, such as fanin.orthogonal(), and from data that are finite and not all "
            f"equal."
        )
    return found
