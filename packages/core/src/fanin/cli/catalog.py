"""Tables and paragraphs of the commands that show the catalog: `fanin list` and `fanin explain`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

from fanin.cli.text import table

__all__ = ["print_paragraphs", "print_table"]

_NUMBERS: Final = ("fan_in", "fan_out", "std", "lowest", "highest")
_UNBROKEN: Final = (*_NUMBERS, "name", "profile", "level")
_LABEL: Final = 11
_WIDTH: Final = 100


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: by rich where it is installed, which wraps long cells."""
    try:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from fanin.cli.progress import output
    except ModuleNotFoundError:
        print(table(headings, rows))
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for heading in headings:
        justify = "right" if heading in _NUMBERS else "left"
        drawn.add_column(heading, justify=justify, no_wrap=heading in _UNBROKEN)  # type: ignore[arg-type]  # either is one
    for row in rows:
        drawn.add_row(*map(Text, row))
    output().print(drawn)


def print_paragraphs(paragraphs: Mapping[str, str]) -> None:
    """Print paragraphs beside their labels, those that have text."""
    width = min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
    for label, text in paragraphs.items():
        if text:
            print(textwrap.fill(text, width, initial_indent=f"{label:{_LABEL}}", subsequent_indent=" " * _LABEL))
