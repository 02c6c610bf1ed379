"""Weights of a wide dtype that a narrower one holds: they were rounded on their way."""

from __future__ import annotations

from collections.abc import Iterator

from fanin.auditing.context import Context
from fanin.auditing.findings import Finding, Severity
from fanin.auditing.reading import Reading
from fanin.auditing.statistics import FEWEST_ROUNDED

__all__ = ["rounded"]


def rounded(found: Reading, context: Context) -> Iterator[Finding]:
    """Yield whether all weights are numbers of bfloat16, or of float16, in a wider dtype."""
    units = [one for one in found.units if not one.summary.is_constant and one.summary.count >= FEWEST_ROUNDED]
    precisions = {unit.summary.precision for unit in units}
    if len(precisions) != 1 or found.tensor.dtype in precisions:
        return
    if context.has_scheme and not all(unit.is_random for unit in units):
        return
    (narrow,) = precisions
    if found.parameter is not None and found.parameter.dtype == narrow:
        return
    values = found.first
    if not values.size or (values == values.round()).all():  # whole numbers: a table
        return
    counted = narrow == "bfloat16" or all(unit.summary.is_sample_whole for unit in units)
    which = "every weight" if counted else f"each of {sum(unit.summary.sample.size for unit in units):,} weights of it"
    cause = f"is stored as {found.tensor.dtype}, and {which} is a {narrow} number: it was rounded"
    severity: Severity = "warning" if context.has_scheme else "note"
    yield Finding(severity, "rounded", (found.name,), cause, {}, context.line(found.units[0]))
