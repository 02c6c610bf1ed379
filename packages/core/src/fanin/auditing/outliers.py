"""Without a scheme: single weights far beyond all others, which no law that fits those can have drawn."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fanin.auditing.against_law import bound_text
from fanin.auditing.context import Context
from fanin.auditing.families import may_follow_a_law
from fanin.auditing.far import FAR, middle_and_spread
from fanin.auditing.findings import Finding
from fanin.auditing.reading import PIECE, Reading, numbers_of
from fanin.auditing.slices import places_in
from fanin.dtypes import DTYPES

__all__ = ["outliers"]

_FEWEST: Final = 256
_FEW: Final = 1e-4


def outliers(found: Reading, context: Context) -> Finding | None:
    """Return the finding that a few weights lie beyond what the others' law can draw; None where none do.

    Args:
        found: The tensor; one unit without a law.
        context: The audit.
    """
    summary = found.units[0].summary
    if found.tensor.dtype not in DTYPES or summary.count < _FEWEST or summary.is_constant or found.is_ordered():
        return None
    sample = summary.ordered_sample
    middle, spread = middle_and_spread(sample)
    if not spread > 0 or max(summary.high - middle, middle - summary.low) <= FAR * spread:
        return None
    inner = sample[np.abs(sample - middle) <= FAR * spread]
    if not may_follow_a_law(inner, "float64", context.alpha, ordered=True):
        return None  # the others follow no law: a table, or trained
    mean, std = float(inner.mean()), float(inner.std())
    beyond = 0
    for region in found.tensor.pieces(PIECE):
        values = numbers_of(found.tensor.read(region), found.tensor.dtype)
        beyond += int((np.abs(values - mean) > FAR * std).sum())
    if not 0 < beyond <= max(1, _FEW * summary.count):
        return None
    bound = bound_text(summary.low, summary.high)
    far = max(summary.high - mean, mean - summary.low) / std
    ends = [end for end in (summary.low, summary.high) if abs(end - mean) > FAR * std]
    shown = " and ".join(f"{end:.4g}" for end in ends)
    which = places_in(found, lambda values: np.abs(values - mean) > FAR * std)
    cause = (
        f"has {beyond} weight{'s' * (beyond > 1)} of {shown}, {far:.3g} standard deviations from the others, whose "
        f"std is {std:.3g}{f', in {which}' if which else ''}{bound}"
    )
    numbers: dict[str, Any] = {
        "outside": beyond,
        "lowest": summary.low,
        "highest": summary.high,
        "mean": mean,
        "std": std,
    }
    if bound:
        numbers["likely"] = [bound]  # one finding for all that have it
    return Finding("warning", "outlier", (found.name,), cause, numbers, context.line(found.units[0]))
