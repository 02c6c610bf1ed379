"""Plain tables, for the commands that run without the extra `cli`; and the message where that extra is missing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from fanin.exceptions import FaninError

__all__ = ["ExtraMissingError", "needs_extra", "table"]

_MODULES: Final = ("numpy", "rich", "matplotlib", "jinja2", "sklearn", "scipy")


class ExtraMissingError(FaninError, ImportError):
    """A library of the extra `cli` is not installed; the message holds the command that installs it."""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns as text; what is longest in a column sets its width."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headings))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])


@contextmanager
def needs_extra(command: str) -> Iterator[None]:
    """Turn a missing library of the extra `cli` into one clear message.

    Raises:
        ExtraMissingError: A library that the command needs is not installed.
    """
    try:
        for module in _MODULES[:2]:
            importlib.import_module(module)
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _MODULES:
            raise
        raise ExtraMissingError(
            f'fanin {command} needs {error.name}, which is not installed. Run: pip install "fanin[cli,numpy]".'
        ) from error
