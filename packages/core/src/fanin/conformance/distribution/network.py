"""What initialization is for, on real networks in plain NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.conformance.adapter import NotClaimed
from fanin.conformance.calls import CallError
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, raised
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.statistics import z_limit
from fanin.initializers import Initializer
from fanin.initializers.presets import he_normal, he_truncated_normal, he_uniform, random, zeros

__all__ = ["NETWORK_CHECKS"]

Floats = npt.NDArray[np.float64]
_DEPTH: Final = 50
_WIDTH: Final = 512
_WIDTHS: Final = (16, 12, 4)
_STEPS: Final = 200


def _claimed(body: Callable[[SampleTrial], Iterator[Result]], on: str) -> Callable[[SampleTrial], Iterator[Result]]:
    def guarded(trial: SampleTrial) -> Iterator[Result]:
        try:
            yield from body(trial)
        except NotClaimed as reason:
            yield Result(on=on, verdict="skipped", note=str(reason))
        except CallError as error:
            yield raised(on, error)

    return guarded


def _train(trial: SampleTrial, initializer: Initializer, seed: int) -> tuple[Floats, float, float]:
    """Train two layers with sigmoid hidden units; return the hidden units' weights and the loss before and after.

    A unit is a row: its weights in, its bias, its weights out.
    """
    inputs, hidden, outputs = _WIDTHS
    data = np.random.default_rng(7)
    x, y = data.normal(size=(64, inputs)), data.normal(size=(64, outputs))
    first, second = (
        trial.weights(Case(shape, initializer, "OI", seed=seed + i, name=f"layers.{i}.weight")).astype(np.float64)
        for i, shape in enumerate(((hidden, inputs), (outputs, hidden)))
    )
    bias = np.zeros(hidden)
    losses: list[float] = []
    for _ in range(_STEPS):
        active = 1 / (1 + np.exp(-(x @ first.T + bias)))
        error = active @ second.T - y
        losses.append(float(np.mean(error**2)))
        back = (error @ second) * active * (1 - active) / len(x)
        second -= 0.5 * error.T @ active / len(x)
        first -= 0.5 * back.T @ x
        bias -= 0.5 * back.sum(axis=0)
    return np.concatenate((first, bias[:, None], second.T), axis=1), losses[0], losses[-1]


def symmetry(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether zeros leaves the hidden units identical through training, although the loss falls."""
    units, before, after = _train(trial, zeros(), 401)
    yield judge(
        f"{_STEPS} steps of gradient descent from zeros, {_WIDTHS[1]} hidden units",
        "the largest difference between two hidden units after training",
        float(np.ptp(units, axis=0).max()),
        n=units.size,
        high=1e-9,
        detects="units that differ by more than rounding",
        mistake="zeros is not zero",
        note=f"loss {before:.3f} → {after:.3f}, weights moved by {np.abs(units).max():.3f}",
    )


def symmetry_broken(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether random leaves no two hidden units identical after training."""
    units, before, after = _train(trial, random(), 411)
    distances = np.linalg.norm(units[:, None] - units[None], axis=2)[np.triu_indices(len(units), 1)]
    yield judge(
        f"{_STEPS} steps of gradient descent from random, {_WIDTHS[1]} hidden units",
        "the smallest distance between two hidden units after training",
        float(distances.min()),
        n=units.size,
        low=1e-3,
        alpha=trial.alpha,
        detects="two units that stay identical",
        mistake="units start equal: the same stream for every row, or a constant",
        note=f"loss {before:.3f} → {after:.3f}, start 2√{_WIDTHS[0]}·0.01 apart",
    )


def _moment_ratios(trial: SampleTrial, initializer: Initializer, seed: int) -> tuple[float, float]:
    """Return the natural logarithms of how the second moment changes over 50 ReLU layers, forward and backward."""
    layers = [
        trial.weights(Case((_WIDTH, _WIDTH), initializer, "OI", seed=seed + i, name=f"layers.{i}.weight"))
        for i in range(_DEPTH)
    ]
    state = np.random.default_rng(11).normal(size=(2, _WIDTH))
    signal, error = (row / math.sqrt(float(np.mean(row**2))) for row in state)
    forward = backward = 0.0
    masks: list[npt.NDArray[Any]] = []
    for weight in layers:
        active = weight.astype(np.float64) @ signal
        masks.append(active > 0)
        signal = np.maximum(active, 0)
        moment = float(np.mean(signal**2))
        forward += math.log(moment) if moment > 0 else -math.inf
        signal /= math.sqrt(moment) if moment > 0 else 1.0
    for weight, mask in zip(layers[::-1], masks[::-1], strict=True):
        error = weight.astype(np.float64).T @ (error * mask)
        moment = float(np.mean(error**2))
        backward += math.log(moment) if moment > 0 else -math.inf
        error /= math.sqrt(moment) if moment > 0 else 1.0
    return forward, backward


SIGNALS: Final = (
    ("he_normal", he_normal(), 1.0),
    ("he_uniform", he_uniform(), 1.0),
    ("he_truncated_normal", he_truncated_normal(), 1.0),
    ("random", random(), _WIDTH * 0.01**2 / 2),
)
"""Name, initializer, and the factor by which a layer changes the second moment of a ReLU network's signal."""


def signal(trial: SampleTrial) -> Iterator[Result]:
    """Yield how the second moment of activations, and of gradients, changes over 50 ReLU layers of width 512.

    A layer multiplies it by g/n Σ 2 relu(z)², with z standard normal: mean g, relative variance 5/n. So the logarithm
    over 50 layers has mean 50 (log g - 5/2n) and variance 250/n; it is held to 1.1 times the normal limit, since the
    factors are skewed.
    """
    std = math.sqrt(5 * _DEPTH / _WIDTH)
    reach = 1.1 * z_limit(trial.alpha) * std
    error = math.expm1((reach + 2.33 * std) / _DEPTH)
    for k, (name, initializer, gain) in enumerate(SIGNALS):
        try:
            found = _moment_ratios(trial, initializer, 421 + 100 * k)
        except NotClaimed as reason:
            yield Result(on=name, verdict="skipped", note=str(reason))
            continue
        except CallError as stopped:
            yield raised(name, stopped)
            continue
        center = _DEPTH * (math.log(gain) - 2.5 / _WIDTH)
        for direction, seen in zip(("forward", "backward"), found, strict=True):
            layer = math.exp(seen / _DEPTH)
            yield judge(
                f"{name}, {_DEPTH} ReLU layers of width {_WIDTH}, {direction}",
                "the natural logarithm of how the second moment changes",
                seen,
                n=_DEPTH * _WIDTH,
                low=center - reach,
                high=center + reach,
                alpha=trial.alpha,
                detects=f"a variance of the weights that is off by {error:.0%}",
                mistake=f"a layer multiplies the second moment by {layer:.3g}, not by {gain:.3g}: a wrong gain or fan",
                note=f"factor {layer:.4f} a layer, expected {gain:.4g}",
            )


NETWORK_CHECKS: Final = (
    Check(
        "network.zeros",
        "distribution",
        "zeros keeps all hidden units identical through training",
        _claimed(symmetry, "zeros"),
    ),
    Check(
        "network.random",
        "distribution",
        "random breaks the symmetry",
        _claimed(symmetry_broken, "random"),
    ),
    Check("network.signal", "distribution", "he keeps the signal's second moment over 50 ReLU layers", signal),
)
