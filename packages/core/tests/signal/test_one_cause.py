"""What comes of a cause that is named already is no finding of its own."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fanin.signal import Layer, ModelProbe

LOST = {"std": 0.0}
DEAD: dict[str, Any] = {"nonpositive": 1.0}
SOFTMAX: dict[str, Any] = {"activation": "softmax"}


def fading(size: float) -> dict[int, dict[str, Any]]:
    return {k: {"std": size**k} for k in range(12)}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({4: DEAD, **dict.fromkeys(range(5, 12), LOST)}, ["dead"]),
        ({4: SOFTMAX, **dict.fromkeys(range(5, 12), LOST)}, ["softmax"]),
        ({4: {**DEAD, "nonpositive": 0.85}, **dict.fromkeys(range(5, 12), LOST)}, ["signal"]),
        ({**fading(0.4), 8: {**DEAD, "std": 0.4**8}}, ["dead", "signal"]),  # it fades before
        ({**fading(0.4), 8: {**SOFTMAX, "std": 0.4**8}}, ["softmax", "signal"]),
    ],
)
def test_a_signal_that_is_lost_behind_a_dead_layer_or_a_softmax(
    changes: dict[int, dict[str, Any]], kinds: list[str]
) -> None:
    one = Layer("", "Linear", 1.0, 1.0, 1.0, activation="relu", weight_std=0.1, weight_fan_in=200.0)
    layers = [dataclasses.replace(one, name=f"layers.{k}", **changes.get(k, {})) for k in range(12)]
    assert [found.kind for found in ModelProbe(layers).findings] == kinds
