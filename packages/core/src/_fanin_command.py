"""The command `fanin`, and the one place where Ctrl-C ends it.

It is outside the package because a Ctrl-C may come while the package is still being loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["EXIT_INTERRUPTED", "main"]

EXIT_INTERRUPTED = 130
"""Also of a command that was interrupted and has shown what was finished."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, as `fanin.cli.app.main` does."""
    try:
        from fanin.cli.app import main as run

        return run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("fanin: interrupted\n")
        return EXIT_INTERRUPTED
