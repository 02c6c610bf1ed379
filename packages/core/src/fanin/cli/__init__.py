"""The command line: `fanin compare`, `fanin probe`, `fanin plan`, `fanin backends`, `fanin conformance`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, as `fanin.cli.app.main` does; Ctrl-C ends the program quietly also while that is loaded."""
    try:
        from fanin.cli import app

        return app.main(arguments)
    except KeyboardInterrupt:
        print("fanin: interrupted", file=sys.stderr)
        return 130
