"""The part of a distributed tensor that this process holds."""

from __future__ import annotations

import sys

from torch import Tensor

from fanin.exceptions import FaninValueError

__all__ = ["local_part"]


def local_part(tensor: Tensor) -> tuple[Tensor, list[slice] | None]:
    """Return this process's memory of a tensor, and its location in the whole tensor; None if it is all of it.

    A `Shard` splits its dimension as `torch.chunk` does: into parts of ceil(size / n), the last ones smaller or empty.
    If several mesh dimensions shard the same dimension, each splits the parts of the previous one, in mesh order.

    Raises:
        FaninValueError: A placement is neither `Shard` nor `Replicate`.
    """
    distributed = sys.modules.get("torch.distributed.tensor")  # if it is not loaded, no tensor is distributed
    if distributed is None or not isinstance(tensor, distributed.DTensor):
        return tensor, None
    parts = [(0, size) for size in tensor.shape]
    mesh = tensor.device_mesh
    for mesh_dim, placement in enumerate(tensor.placements):
        if type(placement) is distributed.Shard:
            start, stop = parts[placement.dim]
            length = -(-(stop - start) // mesh.size(mesh_dim))
            first = min(start + length * mesh.get_local_rank(mesh_dim), stop)
            parts[placement.dim] = first, min(first + length, stop)
        elif type(placement) is not distributed.Replicate:
            raise FaninValueError(
                f"init_ writes distributed tensors whose placements are Shard and Replicate. Received: {placement} in "
                f"{tensor.placements}. Redistribute the tensor first."
            )
    local: Tensor = tensor.to_local()
    slices = [slice(start, stop) for start, stop in parts]
    expected = tuple(stop - start for start, stop in parts)
    if tuple(local.shape) != expected:
        raise FaninValueError(
            f"this process holds a part of shape {tuple(local.shape)} of a tensor of shape {tuple(tensor.shape)}, but "
            f"its placements {tensor.placements} imply {expected}. Redistribute the tensor first."
        )
    return local, slices
