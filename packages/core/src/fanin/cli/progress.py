"""Progress on stderr, text and tables on stdout: fit for a terminal, a pipe and a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fanin.cli.text import encodable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["output", "plain_table", "progress"]

_PIPED_WIDTH, _LEAST_WIDTH = 120, 80


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


def plain_table(*headings: str, title: str | None = None, left: int = 0) -> Table:
    """Return an empty table without frames, whose first `left` columns are of text and the others of numbers.

    Args:
        headings: One a column; a line break makes two lines.
        title: A line above, as plain text.
        left: How many columns are aligned to the left. The first may be broken where the console is narrow.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=None if title is None else escape(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for k, heading in enumerate(headings):
        table.add_column(
            escape(encodable(heading)),
            justify="left" if k < left else "right",
            no_wrap=k > 0 or left == 0,
            overflow="fold",
        )
    return table


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
