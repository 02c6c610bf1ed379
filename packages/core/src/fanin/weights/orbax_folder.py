"""Folders of Orbax: the tree is described in JSON, and the arrays are read by TensorStore."""

from __future__ import annotations

from pathlib import Path

from fanin.weights.tensor import Tensor

__all__ = ["is_orbax", "open_orbax"]


def is_orbax(path: Path) -> bool:
    """Return whether a folder is one."""
    return (path / "_METADATA").is_file()


def open_orbax(path: Path) -> list[Tensor]:
    """Return the tensors of a folder."""
    raise NotImplementedError
