"""Text for any terminal: plain tables, letters that its encoding lacks, and the message where the extra is missing."""

from __future__ import annotations

import codecs
import importlib.util
import io
import sys
import unicodedata
from collections.abc import Sequence
from typing import Final

from fanin.exceptions import FaninError

__all__ = ["ExtraMissingError", "encodable", "replace_letters", "require_extra", "table"]

_MODULES: Final = ("numpy", "rich", "matplotlib", "jinja2", "sklearn", "scipy", "threadpoolctl")


class ExtraMissingError(FaninError, ImportError):
    """A library that a command needs is not installed; the message holds the command that installs it."""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns as text; what is longest in a column sets its width."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headings))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])


_ASCII: Final = {"²": "^2", "×": "x", "·": "*", "≤": "<=", "≥": ">=", "√": "sqrt", "−": "-", "–": "-", "…": "..."}


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    bases = (unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() for letter in letters)
    return "".join(_ASCII.get(letter) or base or "?" for letter, base in zip(letters, bases, strict=True)), error.end


codecs.register_error("fanin", _in_ascii)


def replace_letters() -> None:
    """Have the standard output take every letter: one that its encoding lacks is written as ASCII has it."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="fanin")


def encodable(text: str) -> str:
    """Return a text as the standard output will have it, for what depends on its length."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "fanin").decode(encoding)


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
