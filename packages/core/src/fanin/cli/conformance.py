"""fanin conformance: test a backend against the specification."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    from fanin.conformance.cli import add_arguments as add

    add(parser)


def run(options: argparse.Namespace) -> int:
    """Run the suite, and return its exit code."""
    from fanin.conformance.cli import run as run_suite

    return run_suite(options)
