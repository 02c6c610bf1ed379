"""Which room imports which: compare and probe stand on the laboratory, and not on each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fanin

HOME = Path(fanin.__file__).parent


def imported(room: str) -> set[str]:
    """Return the rooms of fanin that a room's modules import, wherever in the file."""
    found = set()
    for path in (HOME / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fanin."):
                found.add((node.module or "").split(".")[1])
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("fanin.")}
    return found - {room}


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("lab", {"compare", "probe", "cli", "conformance"}),
        ("compare", {"probe", "cli", "conformance"}),
        ("probe", {"compare", "cli", "conformance"}),
        ("conformance", {"lab", "compare", "probe"}),
    ],
)
def test_a_room_does_not_import_another(room: str, others: set[str]) -> None:
    found = imported(room)
    assert "initializers" in found or "exceptions" in found
    assert not found & others
