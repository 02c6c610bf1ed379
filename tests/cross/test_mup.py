"""muP's width rules, by training: they are what keeps the steps of every layer the same at any width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fanin.fans import Fans
from fanin.recipes import MupSetting, mup


def changes(width: int, optimizer: str, setting: Callable[[str], MupSetting]) -> list[float]:
    """Return how far each layer of a network moves in three steps: the root mean square of its outputs' change."""
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(32, 16)), rng.normal(size=(32, 1))
    weights, rates = {}, {}
    for role, fans in (("input", (16, width)), ("hidden", (width, width)), ("output", (width, 1))):
        chosen = setting(role)
        weights[role] = rng.normal(size=fans) * chosen.initializer.law(Fans(*map(float, fans))).std  # type: ignore[union-attr]
        rates[role] = chosen.learning_rate * {"sgd": 0.05, "adam": 0.005}[optimizer]

    def outputs() -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        first = x @ weights["input"]
        second = np.tanh(first) @ weights["hidden"]
        return [first, second, np.tanh(second) @ weights["output"]]

    before = outputs()
    for _ in range(3):
        first, second, last = outputs()
        h1, h2, error = np.tanh(first), np.tanh(second), (last - target) / 16
        back = (error @ weights["output"].T) * (1 - h2**2)
        gradients = {
            "output": h2.T @ error,
            "hidden": h1.T @ back,
            "input": x.T @ ((back @ weights["hidden"].T) * (1 - h1**2)),
        }
        for role, gradient in gradients.items():  # Adam's steps have, like these, nothing of the gradient's size
            weights[role] -= rates[role] * (np.sign(gradient) if optimizer == "adam" else gradient)
    return [float(np.sqrt(np.mean((a - b) ** 2))) for a, b in zip(outputs(), before, strict=True)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_mup_keeps_the_steps_of_every_layer(optimizer: str) -> None:
    """The coordinate check: with the rules, 16 times the width changes no layer's steps; without them it does."""
    base = changes(128, optimizer, lambda role: mup(role, 1.0, optimizer=optimizer))  # type: ignore[arg-type]
    wide = changes(2048, optimizer, lambda role: mup(role, 16.0, optimizer=optimizer))  # type: ignore[arg-type]
    without = changes(2048, optimizer, lambda role: mup(role, 1.0, optimizer=optimizer))  # type: ignore[arg-type]
    assert [w / b for w, b in zip(wide, base, strict=True)] == pytest.approx([1.0, 1.0, 1.0], abs=0.35)
    assert max(w / b for w, b in zip(without, base, strict=True)) > 8
