"""A probe as rows: of plain data, for other programs, and as text, for a table."""

from __future__ import annotations

import math
from typing import Any, Final

from fanin.probe.measure import Measured, Probe

__all__ = ["HEADINGS", "LEGEND", "cells", "layer_rows"]

HEADINGS: Final = (
    "\nlayer",
    "\nfan-in",
    "RMS x",
    "\ntheory",
    "\nratio",
    "\nworst",
    "RMS g",
    "\ntheory",
    "\nratio",
    "\nworst",
    "distinct\nunits",
)
"""Of `cells`."""

LEGEND: Final = (
    "RMS x: root mean square of a layer's output, the geometric mean over the seeds; RMS g: that of the derivative of "
    "a sample's loss by its pre-activations; ratio: measured over theory; worst: the same of the seed that is farthest "
    "from the mean"
)


def cells(row: dict[str, Any]) -> list[str]:
    """Return a row of `layer_rows` as text."""
    return [
        row["kind"],
        str(row["fan_in"]),
        *_four(row, "activation"),
        *_four(row, "gradient"),
        f"{row['distinct_units']}/{row['units']}",
    ]


def _four(row: dict[str, Any], what: str) -> tuple[str, str, str, str]:
    """Return the root mean square measured and in theory, their ratio, and that of the worst seed."""
    measured, predicted = row[f"{what}_second_moment"], row[f"predicted_{what}_second_moment"]
    worst = row[f"{what}_second_moment_worst_seed"]
    if predicted is None:
        return _size(measured), "-", "-", _ratio(worst, measured)
    return _size(measured), _size(predicted), _ratio(measured, predicted), _ratio(worst, predicted)


def _size(moment: float) -> str:
    """Return the root of a mean square as text."""
    if not math.isfinite(moment):
        return str(moment)
    root = math.sqrt(moment)
    return f"{root:.3g}" if root == 0 or 1e-2 <= root < 1e3 else f"{root:.1e}"


def _ratio(measured: float, predicted: float) -> str:
    """Return the ratio of the roots of two mean squares as text."""
    if measured == predicted:
        return "1.00"
    if not math.isfinite(measured) or not math.isfinite(predicted) or predicted == 0:
        return "inf" if measured > 0 and not math.isfinite(measured) else "-"
    ratio = math.sqrt(measured / predicted)
    return f"{ratio:.2f}" if ratio == 0 or 0.01 <= ratio < 100 else f"{ratio:.0e}"


def layer_rows(result: Probe, found: Measured) -> list[dict[str, Any]]:
    """Return one row per layer: what was measured, the mean over the seeds and the worst, and what the theory says."""
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
            "activation_second_moment_worst_seed": found.worst(layer),
            "predicted_activation_second_moment": found.theory.activation_moments[layer] if found.theory else None,
            "gradient_second_moment": gradients[layer],
            "gradient_second_moment_worst_seed": found.worst(layer, backward=True),
            "predicted_gradient_second_moment": predicted[layer] if predicted else None,
            "distinct_units": min(taken.distinct[layer] for taken in found.snapshots),
        }
        for layer in range(depth + 1)
    ]
