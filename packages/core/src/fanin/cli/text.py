"""Plain tables, for the commands that run without the extra `cli`; and the message where that extra is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Final

from fanin.exceptions import FaninError

__all__ = ["ExtraMissingError", "require_extra", "table"]

_MODULES: Final = ("numpy", "rich", "matplotlib", "jinja2", "sklearn", "scipy", "threadpoolctl")


class ExtraMissingError(FaninError, ImportError):
    """A library of the extra `cli` is not installed; the message holds the command that installs it."""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns as text; what is longest in a column sets its width."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headings))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])


def require_extra(command: str) -> None:
    """Check, before any work is done, that the libraries of the extra `cli` are installed; none is imported.

    Raises:
        ExtraMissingError: One is not.
    """
    for module in _MODULES:
        if importlib.util.find_spec(module) is None:
            raise ExtraMissingError(
                f'fanin {command} needs {module}, which is not installed. Run: pip install "fanin[cli,numpy]".'
            )
