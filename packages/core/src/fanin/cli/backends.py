"""The command `fanin backends`."""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points

import fanin
from fanin.cli.text import table
from fanin.contract import ENTRY_POINT_GROUP

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments: none."""


def run(options: argparse.Namespace) -> int:
    """Print the table; a backend that is installed and does not load makes the exit code 1."""
    rows, faults, broken = [], [], False
    installed = fanin.available_backends()
    for name in fanin.known_backends():
        try:
            backend = fanin.backend(name)
            engine = getattr(backend, "engine", "")  # of use to people only, and so not part of the contract
        except fanin.FaninError as error:
            rows.append([name, "broken" if name in installed else "no", "", "", "", "", ""])
            faults.append(str(error))
            broken |= name in installed
            continue
        able = backend.capabilities
        dtypes = " ".join(sorted(able.dtypes))
        jit = "yes" if able.jit else "no"
        rows.append([name, _version(name), able.level, str(backend.SPEC_VERSION), jit, engine, dtypes])
    print(table(["backend", "installed", "level", "spec", "jit", "engine", "dtypes"], rows))
    for fault in dict.fromkeys(faults):  # one setting may break several
        print(f"- {fault}")
    return 1 if broken else 0


def _version(name: str) -> str:
    owners = [point.dist for point in entry_points(group=ENTRY_POINT_GROUP, name=name)]
    return owners[0].version if owners and owners[0] is not None else "yes"
