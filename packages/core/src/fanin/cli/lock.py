"""The command `fanin lock`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fanin.cli.files import read_text, write_text
from fanin.cli.options import whole
from fanin.exceptions import FaninError
from fanin.locking import lock
from fanin.models import Scheme

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "model", metavar="MODEL", help="a scheme's JSON file, NAME.json, or a model as `fanin scheme` takes it"
    )
    parser.add_argument("--seed", metavar="N", type=whole, default=0, help="the seed of the weights (default 0)")
    parser.add_argument("--out", metavar="FILE", help="write the lock into this file; without one it is printed")


def run(options: argparse.Namespace) -> int:
    """Write the lock, and say how much is locked."""
    locked = lock(_scheme(options.model), options.seed)
    if options.out is None:
        print(locked.to_json(), end="")
    else:
        write_text(options.out, locked.to_json())
    where = sys.stderr if options.out is None else sys.stdout
    print(f"{locked}.", file=where)
    for name, note in locked.not_locked.items():
        print(f"not locked: {name}: {note}", file=where)
    return 0


def _scheme(text: str) -> Scheme:
    """Return the scheme of a file, or of the model that a text names."""
    if text.endswith(".json") and (":" not in text or Path(text).is_file()):
        written = read_text(text)
        try:
            return Scheme.from_json(written)
        except FaninError as error:
            raise type(error)(f"{text}: {error}") from error
    from fanin.cli.sources import scheme_of_text  # it may import torch

    return scheme_of_text(text)
