"""Which blocks of a distributed tensor of torch this process holds. torch is not imported."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fanin.exceptions import FaninValueError

__all__ = ["Block", "local_blocks"]

Range: TypeAlias = tuple[int, int]
"""Positions of an axis: from the first number up to the second."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a tensor, one range per axis, and where it lies in this process's memory.

    Attributes:
        part: Which elements of the whole tensor.
        place: The same elements in local memory.
    """

    part: tuple[Range, ...]
    place: tuple[slice, ...]


def local_blocks(tensor: Any, is_zero: bool = False) -> tuple[Any, list[Block] | None]:
    """Return the memory that this process holds of a tensor, and which blocks of the whole it is; None for all of it.

    A `Shard` splits its dimension as `torch.chunk` does: parts of ceil(size / n), the last ones smaller or empty. A
    strided shard, which fully sharded data parallelism makes of a tensor that is already sharded, splits each of the
    parts that a later mesh dimension makes. Mesh dimensions that shard one dimension split each other's parts, in the
    order of the mesh.

    Args:
        tensor: The tensor, with or without values.
        is_zero: Whether it is to be zero. Processes that hold partial values, of which the whole is a sum, a mean, a
            minimum or a maximum, then each hold zeros; of other numbers nothing says which of them holds what.

    Raises:
        FaninValueError: A placement is neither a shard nor a replica, so no process holds values of the whole.
    """
    distributed = sys.modules.get("torch.distributed.tensor")  # where it is not loaded, no tensor is one of its kind
    if distributed is None or not isinstance(tensor, distributed.DTensor):
        return tensor, None
    local = tensor.to_local()
    coordinate = tensor.device_mesh.get_coordinate()
    if coordinate is None:  # this process is not in the mesh
        return local, []
    held: list[list[Range]] = [[(0, size)] for size in tensor.shape]
    for place, count, placement in zip(coordinate, tensor.device_mesh.shape, tensor.placements, strict=True):
        dim = getattr(placement, "dim", None)
        if dim is not None and not placement.is_partial():
            pieces = getattr(placement, "split_factor", 1)
            held[dim] = _joined(
                piece for k in range(pieces) for piece in _chunk(list(_chunk(held[dim], pieces, k)), count, place)
            )
        elif not placement.is_replicate() and not (is_zero and placement.is_partial()):
            raise FaninValueError(
                f"a distributed tensor's parts are known where its placements are Shard and Replicate. Received: "
                f"{placement} in {tensor.placements}. Redistribute the tensor first."
            )
    expected = tuple(sum(stop - start for start, stop in ranges) for ranges in held)
    if tuple(local.shape) != expected:
        raise FaninValueError(
            f"this process holds a part of shape {tuple(local.shape)} of a tensor of shape {tuple(tensor.shape)}, and "
            f"its placements {tensor.placements} say {expected}. Redistribute the tensor first."
        )
    return local, [_block(pairs) for pairs in itertools.product(*map(_placed, held))]


def _chunk(ranges: Sequence[Range], count: int, k: int) -> Iterator[Range]:
    """Yield the positions of chunk k of `count`, as `torch.chunk` cuts the positions in some ranges."""
    total = sum(stop - start for start, stop in ranges)
    length = -(-total // count)
    first, last = min(k * length, total), min((k + 1) * length, total)
    before = 0
    for start, stop in ranges:
        low, high = max(first - before, 0), min(last - before, stop - start)
        if low < high:
            yield start + low, start + high
        before += stop - start


def _joined(ranges: Iterator[Range]) -> list[Range]:
    """Return the ranges with those that follow each other as one."""
    joined: list[Range] = []
    for start, stop in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return joined


def _placed(ranges: list[Range]) -> list[tuple[Range, slice]]:
    """Return each range with its place in local memory, which holds them one after the other."""
    ends = list(itertools.accumulate((stop - start for start, stop in ranges), initial=0))
    return [(one, slice(*place)) for one, place in zip(ranges, itertools.pairwise(ends), strict=True)]


def _block(pairs: Any) -> Block:
    parts, places = zip(*pairs, strict=True) if pairs else ((), ())
    return Block(tuple(parts), tuple(places))
