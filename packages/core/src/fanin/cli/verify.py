"""The command `fanin verify`.

The exit code is 0 where all weights are those that were locked, 1 where some differ.
"""

from __future__ import annotations

import argparse

from fanin.cli.files import read_text
from fanin.exceptions import FaninError
from fanin.locking import Lock, verification

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("lock", metavar="LOCK.json", help="a lock, as `fanin lock` writes it")
    parser.add_argument(
        "weights",
        metavar="WEIGHTS",
        help="a .safetensors, .npz, .pt, .pth or .bin file, an index of shards, *.safetensors.index.json, or the "
        "folder of a torch distributed checkpoint or of Orbax",
    )


def run(options: argparse.Namespace) -> int:
    """Print what differs; something makes the exit code 1."""
    found = verification(_lock(options.lock), options.weights)
    print(found)
    return 0 if found else 1


def _lock(path: str) -> Lock:
    text = read_text(path)
    try:
        return Lock.from_json(text)
    except FaninError as error:
        raise type(error)(f"{path}: {error}") from error
