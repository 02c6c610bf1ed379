"""Progress on stderr and text on stdout, both fit for a terminal, a pipe and a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["output", "progress"]

_PIPED_WIDTH = 120


def output() -> Console:
    """Return the console for results: in a pipe without colour, and wide enough for the tables."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


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
