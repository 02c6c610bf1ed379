"""The command `fanin conformance NAME`, also `python -m fanin.conformance NAME`."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fanin.conformance.running import checks_of
from fanin.conformance.running import run as run_checks

__all__ = ["add_arguments", "main", "run"]

_PIPED_WIDTH = 140


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a backend's name, or module:object of a backend or an adapter")
    parser.add_argument(
        "--level",
        choices=("exact", "distribution", "all"),
        default="all",
        help="bits and behaviour, statistics, or (the default) all that apply",
    )
    parser.add_argument("--check", metavar="PATTERN", action="append", default=[], help='only these, as "bits.*"')
    parser.add_argument("--device", metavar="DEVICE", help="where the backend shall draw, in its own terms")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seed", metavar="N", type=int, default=0, help="count the statistics' seeds from N")
    seeds.add_argument("--fresh", action="store_true", help="count them from a new random seed, which the report names")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write the report as JSON")
    parser.add_argument("--junit", metavar="PATH", type=Path, help="write the report as JUnit XML")
    parser.add_argument("--verbose", action="store_true", help="print every single result")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks, print the report, and return 0 if all passed, else 1.

    Raises:
        FaninError: The backend or adapter cannot be loaded, or a pattern names no check.
    """
    levels = None if arguments.level == "all" else [arguments.level]
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED_WIDTH)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        total = sum(len(checks_of(level)) for level in levels or ("exact", "distribution"))
        task = bar.add_task("loading", total=total)
        report = run_checks(
            arguments.name,
            levels,
            seed=secrets.randbits(64) if arguments.fresh else arguments.seed,
            device=arguments.device,
            only=arguments.check,
            progress=lambda name: bar.update(task, description=name, advance=1),
        )
    report.show(console, verbose=arguments.verbose)
    if arguments.json is not None:
        arguments.json.write_text(report.to_json(), encoding="utf-8")
    if arguments.junit is not None:
        arguments.junit.write_text(report.to_junit(), encoding="utf-8")
    return 0 if report.passed else 1


def main() -> int:
    """Run the command as a program of its own."""
    parser = argparse.ArgumentParser(prog="python -m fanin.conformance", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())
