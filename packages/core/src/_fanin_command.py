"""The command `fanin`. It is outside the package because a Ctrl-C may come while the package is still being loaded."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line, as `fanin.cli.main` does."""
    try:
        from fanin.cli.app import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("fanin: interrupted\n")
        return 130
