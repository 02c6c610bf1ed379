"""The command line: `app` is the shell, and each command is a module of its name, loaded when it is called."""

from __future__ import annotations

from _fanin_command import main

__all__ = ["main"]
