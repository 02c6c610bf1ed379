"""What differs between a lock and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fanin.models.table import Row, columns, merged

__all__ = ["Finding", "Verification"]

_SHOWN: Final = 60
"""Rows of a table that are shown."""


@dataclass(frozen=True)
class Finding:
    """One thing that differs.

    Attributes:
        name: The parameter, as the lock calls it; one that the lock does not have, as the weights do.
        what: "missing", "extra", "shape", "dtype", "values" or "fanin": fanin itself draws other bits than when it was
            locked.
        detail: What was locked, and what is there.
        cause: What it looks like, or nothing.
        differing: Number of elements that differ, among those that this process holds.
        first: The index of the first of them.
    """

    name: str
    what: str
    detail: str = ""
    cause: str = ""
    differing: int = 0
    first: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"{self.name}: {': '.join(filter(None, (self.what, self.detail, self.cause)))}"


@dataclass(frozen=True)
class Verification:
    """What a verification found: true where all is equal; printed, a table.

    Attributes:
        findings: What differs, in the order of the lock.
        equal: Names of the parameters that are equal, as far as this process holds them.
        elements: Number of elements that were compared.
        not_locked: Names of the tensors that follow no law, which were not compared.
        tied: Tensors that the lock does not have and that are copies of one that it has, with its name.
        prefix: What stands before each name of the weights, and not before the lock's.
        partial: Names of the parameters of which this process holds only blocks.
    """

    findings: tuple[Finding, ...]
    equal: tuple[str, ...]
    elements: int
    not_locked: tuple[str, ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    partial: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        rows = list(merged(Row(one.name, (one.what, one.detail, one.cause)) for one in self.findings))
        lines = []
        if rows:
            lines.append(columns([("name", "what", "detail", "cause"), *(row[:4] for row in rows[:_SHOWN])]))
        if len(rows) > _SHOWN:
            lines.append(f"... and {len(rows) - _SHOWN} more rows")
        return "\n".join([*lines, self.summary])

    @property
    def summary(self) -> str:
        """How many parameters are equal, in a sentence."""
        faulty = len({one.name for one in self.findings})
        equal = f"{len(self.equal)} equal" if faulty else f"all {len(self.equal)} parameters are equal"
        text = f"{faulty} different, {equal}" if faulty else equal
        text += f" ({self.elements:,} elements compared)"
        if self.partial:
            text += f", {len(self.partial)} of them as far as this process holds them"
        if self.prefix:
            text += f", under {self.prefix!r}"
        if self.not_locked:
            text += f"; {len(self.not_locked)} follow no law and are not locked"
        return f"{text}."
