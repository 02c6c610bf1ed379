"""How bad a verdict is, in a word that stands before it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["STYLES", "Severity", "worse"]

Severity: TypeAlias = Literal["fine", "warning", "failure", "unknown"]

STYLES: Final[dict[Severity, str]] = {"fine": "green", "warning": "yellow", "failure": "bold red", "unknown": "dim"}
"""How rich writes the word in a terminal."""

_ORDER: Final[tuple[Severity, ...]] = ("unknown", "fine", "warning", "failure")


def worse(*found: Severity) -> Severity:
    """Return the worst of some severities.

    Example:
        >>> worse("fine", "failure", "warning")
        'failure'
    """
    return max(found, key=_ORDER.index)
