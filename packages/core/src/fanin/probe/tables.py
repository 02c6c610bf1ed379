"""A probe as tables: for the terminal, and as rows for CSV."""

from __future__ import annotations

import math
from typing import Any, Final

from fanin.initializers.parse import parse_initialization
from fanin.probe.measure import Measured, Probe
from fanin.probe.theory import Theory, weight_variances
from fanin.probe.verdict import Verdict, dead_layer, float32_holds, gain_advice, judge

__all__ = ["HEADINGS", "cells", "facts", "layer_rows", "verdict_of", "verdicts"]


def verdict_of(result: Probe, found: Measured) -> Verdict:
    """Return the verdict on one initialization."""
    return judge(
        found.initialization,
        result.network,
        result.input_moment,
        found.activations(),
        found.gradients(),
        found.distinct,
        len(found.snapshots),
        _dead(result, found),
    )


def _dead(result: Probe, found: Measured) -> int | None:
    predicted = found.theory.activation_moments if found.theory is not None else ()
    return dead_layer(result.network, found.activations(), predicted)


def verdicts(result: Probe) -> list[str]:
    """Return a sentence for each initialization: the verdict, and how well the theory holds."""
    return [f"{verdict_of(result, found).sentence}. {_agreement(result, found)}" for found in result.measured]


def _agreement(result: Probe, found: Measured) -> str:
    if found.theory is None:
        known = weight_variances(parse_initialization(found.initialization), result.network) is not None
        reason = "its numbers leave a double's range" if known else "it needs independent weights of mean 0"
        return f"The theory has no prediction: {reason}."
    if _dead(result, found) is not None:
        return "The theory is that of infinitely wide layers, in which units do not all die."
    worst, allowed, too = 0.0, 0.0, ", and the theory's do not"
    for measured, predicted, spread in _compared(found, found.theory):
        if measured == predicted:
            continue
        off = abs(math.log(measured / predicted)) if 0 < measured < math.inf and predicted > 0 else math.inf
        if not math.isfinite(off) and predicted >= 0 and not float32_holds(math.sqrt(predicted)):
            too = ", and so do the theory's"
        if off > worst:
            worst, allowed = off, spread / math.sqrt(len(found.snapshots))
    if worst == 0:
        return "Exactly what the theory says."
    if not math.isfinite(worst):
        return f"The measured numbers leave float32's range{too}."
    chance = f" (one standard deviation at this width: {math.exp(allowed):.2f})" if allowed else ""
    return f"Measured within a factor of {math.exp(worst):.2f} of the theory{chance}."


def _compared(found: Measured, theory: Theory) -> list[tuple[float, float, float]]:
    """Return (measured, predicted, spread of the logarithm) for every layer, forward and backward."""
    gradients = found.predicted_gradients() or []
    return [
        *zip(found.activations(), theory.activation_moments, theory.activation_spreads, strict=True),
        *zip(found.gradients(), gradients, theory.gradient_spreads, strict=True),
    ]


def facts(result: Probe) -> list[str]:
    """Return what was probed, in a few lines."""
    return [
        f"{result.data.name}: mean square of the input {result.input_moment:.3g}",
        f"network: {result.network}, untrained; {_seeds(result)}",
        f"theory: {gain_advice(result.network)}",
        *result.notes,
    ]


def _seeds(result: Probe) -> str:
    """Return how many seeds the numbers are of; after an interruption the last initialization may have fewer."""
    groups: dict[int, list[str]] = {}
    for found in result.measured:
        groups.setdefault(len(found.snapshots), []).append(found.initialization)
    parts = [
        f"{count} seed{'s' if count > 1 else ''}" + (f" of {', '.join(labels)}" if len(groups) > 1 else "")
        for count, labels in groups.items()
    ]
    return "; ".join(parts) + (", means shown" if max(groups, default=0) > 1 else "")


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
    """Return one row a layer: what was measured, averaged over the seeds, and what the theory predicts."""
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
