"""Progress on stderr, text and tables on stdout: fit for a terminal, a pipe and a file."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fanin.cli.text import encodable, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fanin.lab.severity import Severity

__all__ = [
    "output",
    "plain_table",
    "print_labelled",
    "print_paragraphs",
    "print_table",
    "progress",
    "verdict_line",
]

_PIPED_WIDTH, _LEAST_WIDTH = 120, 80
_NUMBERS: Final = ("fan_in", "fan_out", "std", "lowest", "highest")
_UNBROKEN: Final = (*_NUMBERS, "name", "profile", "level")
_LABEL: Final = 11
_WIDTH: Final = 100


def output() -> Console:
    """Return the console for results: in a pipe without colour; never so narrow that a table would lose its ends."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # which `main` handles; rich would end the program

    console = Output(highlight=False)
    if not console.is_terminal:
        return Output(highlight=False, width=_PIPED_WIDTH)
    return console if console.width >= _LEAST_WIDTH else Output(highlight=False, width=_LEAST_WIDTH)


def plain_table(*headings: str, title: str | None = None, left: int = 0, is_tight: bool = False) -> Table:
    """Return an empty table without frames, whose first `left` columns are of text and the others of numbers.

    Args:
        headings: One per column; a line break makes two lines.
        title: A line above, as plain text.
        left: How many columns are aligned to the left. The first may be broken where the console is narrow.
        is_tight: Whether columns are parted by one space, and not by two.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(
        title=None if title is None else escape(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0 if is_tight else 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for k, heading in enumerate(headings):
        made.add_column(
            escape(encodable(heading)),
            justify="left" if k < left else "right",
            no_wrap=k > 0 or left == 0,
            overflow="fold",
        )
    return made


def print_labelled(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table whose first column is a label: beside its row, or where that is too wide, on a line above.

    Args:
        console: Where.
        headings: One per column; a line break makes two lines.
        rows: The cells; rows with the same label are parted by a line from others.
        left: How many columns are aligned to the left.
    """
    from rich.markup import escape

    lines = [heading.rpartition("\n")[::2] for heading in headings]
    widths = [max(map(len, [*lines[k], *(row[k] for row in rows)])) for k in range(len(headings))]
    is_wide = sum(widths) + 2 * (len(widths) - 1) > console.width
    first = 1 if is_wide else 0

    def line(cells: Sequence[str]) -> str:
        pairs = zip(cells, widths, strict=True)
        shown = [cell.ljust(width) if k < left else cell.rjust(width) for k, (cell, width) in enumerate(pairs)]
        return ("  " * first + "  ".join(shown[first:])).rstrip()

    def put(text: str) -> None:
        console.print(escape(encodable(text)), soft_wrap=True)

    for upper in (True, False):
        if not upper or any(above for above, _ in lines):
            put(line([above if upper else below for above, below in lines]))
    put(("─" if encodable("─") == "─" else "-") * min(console.width, sum(widths[first:]) + 2 * (len(widths) - 1)))
    for k, row in enumerate(rows):
        if is_wide and (k == 0 or row[0] != rows[k - 1][0]):
            put(row[0])
        put(line(row))


def verdict_line(severity: Severity, text: str) -> str:
    """Return a verdict with its severity before it, for rich."""
    from rich.markup import escape

    from fanin.lab.severity import STYLES

    style = STYLES[severity]
    return f"[{style}]{severity:<7}[/{style}] {escape(text)}"


@contextmanager
def progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """Show a progress bar while the block runs; nothing where stderr is no terminal.

    Yields:
        A function that sets the text and advances the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda text, steps: bar.update(task, description=text, advance=steps)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: by rich where it is installed, which wraps long cells."""
    try:
        from rich import box
        from rich.table import Table
        from rich.text import Text
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
