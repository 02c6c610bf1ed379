"""The command line: `fanin compare`, `fanin probe`, `fanin plan`, `fanin backends`, `fanin conformance`."""

from __future__ import annotations

from fanin.cli.app import main

__all__ = ["main"]
