"""A probe as rows: of plain data, for other programs, and as text, for a table."""

from __future__ import annotations

import math
from typing import Any, Final

from fanin.probe.measure import Measured, Probe

__all__ = ["HEADINGS", "cells", "layer_rows"]

HEADINGS: Final = (
    "\nlayer",
    "\nfan-in",
    "E[x²]\nmeasured",
    "\ntheory",
    "\nratio",
    "E[g²]\nmeasured",
    "\ntheory",
    "\nratio",
    "distinct\nunits",
)
"""Of `cells`: x is a layer's output, g the derivative of a sample's loss by its pre-activations."""


def cells(row: dict[str, Any]) -> list[str]:
    """Return a row of `layer_rows` as text."""
    return [
        row["kind"],
        str(row["fan_in"]),
        *_three(row["activation_second_moment"], row["predicted_activation_second_moment"]),
        *_three(row["gradient_second_moment"], row["predicted_gradient_second_moment"]),
        f"{row['distinct_units']}/{row['units']}",
    ]


def _three(measured: float, predicted: float | None) -> tuple[str, str, str]:
    if predicted is None:
        return f"{measured:.2e}", "-", "-"
    if measured == predicted:
        return f"{measured:.2e}", f"{predicted:.2e}", "1.00"
    ratio = measured / predicted if predicted else math.inf
    return f"{measured:.2e}", f"{predicted:.2e}", f"{ratio:.2f}" if ratio < 1000 else "-"


def layer_rows(result: Probe, found: Measured) -> list[dict[str, Any]]:
    """Return one row per layer: what was measured, averaged over the seeds, and what the theory predicts."""
    widths, depth = result.network.widths, result.network.depth
    activations, gradients, predicted = found.activations(), found.gradients(), found.predicted_gradients()
    return [
        {
            "initialization": found.initialization,
            "layer": layer + 1,
            "kind": "output" if layer == depth else str(layer + 1),
            "fan_in": widths[layer],
            "units": widths[layer + 1],
            "activation_second_moment": activations[layer],
            "predicted_activation_second_moment": found.theory.activation_moments[layer] if found.theory else None,
            "gradient_second_moment": gradients[layer],
            "predicted_gradient_second_moment": predicted[layer] if predicted else None,
            "distinct_units": min(taken.distinct[layer] for taken in found.snapshots),
        }
        for layer in range(depth + 1)
    ]
