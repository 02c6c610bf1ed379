"""Weights of a wide dtype that a narrower one holds: they were rounded on their way."""

from __future__ import annotations

from collections.abc import Iterator

from fanin.auditing.context import Context
from fanin.auditing.findings import Finding
from fanin.auditing.reading import Reading

__all__ = ["rounded"]

_FEWEST = 16


def rounded(found: Reading, context: Context) -> Iterator[Finding]:
    """Yield whether all weights are bfloat16 numbers, in a wider dtype."""
    units = [unit for unit in found.units if not unit.summary.is_constant and unit.summary.count >= _FEWEST]
    if found.tensor.dtype not in ("float32", "float64") or not units:
        return
    if context.has_scheme and not all(unit.is_random for unit in units):
        return
    if found.parameter is not None and found.parameter.dtype == "bfloat16":
        return
    values = found.first
    if not values.size or (values == values.round()).all():  # whole numbers: a table
        return
    if all(unit.summary.narrow == unit.summary.count for unit in units):
        cause = f"is stored as {found.tensor.dtype}, and every weight is a bfloat16 number: it was rounded"
        severity = "warning" if context.has_scheme else "note"
        yield Finding(severity, "rounded", (found.name,), cause, {}, context.line(found.units[0]))  # type: ignore[arg-type]
