"""The command `fanin diff`.

The exit code is that of diff(1): 0 where both draw the same weights, 1 where they differ.
"""

from __future__ import annotations

import argparse
import json

from fanin.cli.files import read_text
from fanin.exceptions import FaninError, FaninValueError
from fanin.models import Scheme, diff

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("first", metavar="A.json", help="a scheme, as `fanin scheme MODEL --json A.json` writes it")
    parser.add_argument("second", metavar="B.json", help="another one")
    parser.add_argument("--names", metavar="FILE", help='a JSON object, {"name in A": "name in B", ...}')


def run(options: argparse.Namespace) -> int:
    """Print the differences; some make the exit code 1."""
    differences = diff(_scheme(options.first), _scheme(options.second), _names(options.names))
    print(differences)
    return 1 if differences else 0


def _scheme(path: str) -> Scheme:
    text = read_text(path)
    try:
        return Scheme.from_json(text)
    except FaninError as error:
        raise type(error)(f"{path}: {error}") from error


def _names(path: str | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        names = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, FaninError):
            raise
        raise FaninValueError(f"{path} must be JSON: {error}.") from error
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise FaninValueError(f'{path} must be an object of names: {{"name in A": "name in B", ...}}.')
    return names
