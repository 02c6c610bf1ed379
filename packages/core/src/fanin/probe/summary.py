"""A probe for people: a sentence on each initialization, and what was probed."""

from __future__ import annotations

import math

from fanin.initializers.parse import parse_initialization
from fanin.lab.severity import Severity
from fanin.probe.measure import Measured, Probe
from fanin.probe.theory import Theory, weight_variances
from fanin.probe.verdict import Verdict, dead_layer, float32_holds, gain_advice, judge

__all__ = ["facts", "severities", "verdict_of", "verdicts"]


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
        found.died,
    )


def _dead(result: Probe, found: Measured) -> int | None:
    predicted = found.theory.activation_moments if found.theory is not None else ()
    return dead_layer(result.network, found.activations(), predicted)


def verdicts(result: Probe) -> list[str]:
    """Return a sentence for each initialization: the verdict, and how well the theory holds."""
    return [f"{verdict_of(result, found).sentence}. {_agreement(result, found)}" for found in result.measured]


def severities(result: Probe) -> list[Severity]:
    """Return how bad each verdict is."""
    return [verdict_of(result, found).severity for found in result.measured]


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
        if off / 2 > worst:
            worst, allowed = off / 2, spread / math.sqrt(len(found.snapshots)) / 2  # of a root: half of its square's
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
    return "; ".join(parts) + (", geometric means shown" if max(groups, default=0) > 1 else "")
