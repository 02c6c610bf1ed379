"""Folders of `torch.distributed.checkpoint`: the index is read without running code, and a tensor chunk by chunk."""

from __future__ import annotations

from pathlib import Path

from fanin.weights.tensor import Tensor

__all__ = ["is_torch_checkpoint", "open_torch_checkpoint"]


def is_torch_checkpoint(path: Path) -> bool:
    """Return whether a folder is one."""
    return (path / ".metadata").is_file()


def open_torch_checkpoint(path: Path) -> list[Tensor]:
    """Return the tensors of a folder."""
    raise NotImplementedError
