"""The nox session `compare`, which the README begins with: it installs the backends that it is asked for."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

COMPARE = runpy.run_path(str(Path(__file__).parents[2] / "noxfile.py"))["compare"]


class Session:
    """A session that writes down what it is told."""

    def __init__(self, posargs: list[str]) -> None:
        self.posargs = posargs
        self.installed: list[str] = []
        self.ran: list[str] = []

    def install(self, *requirements: str) -> None:
        self.installed += [path.rpartition("_")[2] for path in requirements if "backend_" in path]

    def run(self, *command: str) -> None:
        self.ran += command


@pytest.mark.parametrize(
    ("words", "installed", "backends"),
    [
        ("", ["numpy"], "--backends numpy"),
        ("--epochs 5", ["numpy"], "--backends numpy --epochs 5"),
        ("--backends numpy torch jax", ["numpy", "torch", "jax"], "--backends numpy torch jax"),
        ("--epochs 5 --backends=jax", ["jax"], "--epochs 5 --backends=jax"),
        ("--backends torch,jax --seeds 2", ["numpy", "torch", "jax"], "--backends torch,jax --seeds 2"),
        ("--backends all", ["numpy", "torch", "jax"], "--backends all"),
    ],
)
def test_compare_installs_what_it_is_asked_for(words: str, installed: list[str], backends: str) -> None:
    session = Session(words.split())
    COMPARE(session)
    assert session.installed == installed
    assert session.ran == ["fanin", "compare", *backends.split()]
