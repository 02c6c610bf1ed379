"""The command `fanin conformance`."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from _fanin_command import EXIT_INTERRUPTED

from fanin.exceptions import FaninValueError

if TYPE_CHECKING:
    from fanin.conformance.report import Report

__all__ = ["add_arguments", "run"]


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
    parser.add_argument("--random-seed", metavar="N", type=int, help="of bits.random and bits.places; else a new one")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write the report as JSON")
    parser.add_argument("--verbose", action="store_true", help="print every single result")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks, print the report, and return 0 if all passed, 1 if not, and 130 after Ctrl-C.

    The code is that of the checks also where nobody reads the report to its end (`| head`).

    Raises:
        FaninError: The backend or adapter cannot be loaded, or cannot draw on the device; a pattern names no check; the
            seed is outside [0, 2^64); a report cannot be written.
        KeyboardInterrupt: Ctrl-C, before anything was finished.
    """
    from fanin.cli.console import output
    from fanin.conformance.running import Interrupted

    if arguments.json is not None:
        _check_path(arguments.json)
    try:
        report = _run(arguments)
    except Interrupted as interruption:
        report = interruption.report
        if not report.checks:
            raise
    try:
        report.show(output(), verbose=arguments.verbose)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        if arguments.json is not None:
            _write(arguments.json, report.to_json())
    if report.interrupted:
        return EXIT_INTERRUPTED
    return 0 if report.passed else 1


def _run(arguments: argparse.Namespace) -> Report:
    from fanin.cli.console import progress
    from fanin.conformance.running import checks_of
    from fanin.conformance.running import run as run_checks

    levels = None if arguments.level == "all" else [arguments.level]
    with progress(sum(len(checks_of(level)) for level in levels or ("exact", "distribution"))) as advance:
        return run_checks(
            arguments.name,
            levels,
            seed=secrets.randbits(64) if arguments.fresh else arguments.seed,
            random_seed=arguments.random_seed,
            device=arguments.device,
            only=arguments.check,
            progress=lambda name: advance(name, 1),
        )


def _check_path(path: Path) -> None:
    """Refuse a path that cannot be written, before the checks have taken their time."""
    try:
        if path.is_dir():
            reason = "it is a folder"
        elif path.exists():
            reason = "" if os.access(path, os.W_OK) else "it cannot be written"
        elif not path.parent.is_dir():
            reason = "its folder does not exist"
        else:
            reason = "" if os.access(path.parent, os.W_OK | os.X_OK) else "its folder cannot be written"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise FaninValueError(f"--json must be a file that can be written. Received: {str(path)!r}, and {reason}.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise FaninValueError(f"--json {str(path)!r} could not be written: {error.strerror}.") from error
