"""A tensor that is read by slices, and a model's tensors by name: what all formats become."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models.parameter import Region
from fanin.weights.roles import Role

__all__ = ["Fetch", "Tensor", "Weights", "index_of", "pieces", "whole_of"]

Fetch: TypeAlias = Callable[[Region], NDArray[Any]]
"""Return a region of a tensor."""

_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class Tensor:
    """One tensor of a model, in a file, in memory or in the memories of several processes.

    Attributes:
        name: Its name, as its source has it.
        shape: The shape of the whole tensor.
        dtype: The name of its dtype. One that weights cannot have keeps the name that its source gives it.
        fetch: Returns a region that lies within one of `held`.
        held: The regions that this process can read: the whole tensor, or the blocks of a distributed one.
        memory: What two names of one tensor have in common; None where a source has no such names.
        stored: The regions that lie together, where a tensor is stored in several: reading stays within one of them.
        is_mapped: Whether a region costs no more than its own bytes to read, from any thread.
        role: What it is to the module that has it, where that is known.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    fetch: Fetch
    held: tuple[Region, ...]
    memory: Hashable = None
    stored: tuple[Region, ...] = ()
    is_mapped: bool = False
    role: Role = ""

    @property
    def size(self) -> int:
        """Number of elements of the whole tensor."""
        return math.prod(self.shape)

    @property
    def is_whole(self) -> bool:
        """Whether this process can read every element."""
        return whole_of(self.shape) in self.held

    def read(self, region: Region | None = None) -> NDArray[Any]:
        """Return a region, in native byte order.

        Dtypes that NumPy lacks, bfloat16 and those of 8 bits, come as whole numbers with the same bits, of which
        `float32_of` makes numbers.

        Args:
            region: (start, stop) per axis, within one of the regions that are held; None for the whole tensor.

        Raises:
            FaninValueError: This process does not hold the region, or the source cannot be read.
        """
        wanted = whole_of(self.shape) if region is None else region
        if not any(_within(wanted, held) for held in self.held):
            raise FaninValueError(
                f"{self.name}: this process does not hold the region {wanted} of shape {self.shape}. It holds: "
                f"{', '.join(map(str, self.held)) or 'nothing'}."
            )
        found = self.fetch(wanted)
        return found.astype(found.dtype.newbyteorder("="), copy=False)

    def pieces(self, limit: int = _PIECE) -> Iterator[Region]:
        """Yield what this process holds in regions of at most `limit` elements, in the order of memory."""
        for together in self.stored or self.held:
            yield from pieces(together, limit)


class Weights(Mapping[str, Tensor]):
    """The tensors of a model by name, in the order of their source.

    Args:
        tensors: The tensors.
        source: What they were read from, for messages.
    """

    def __init__(self, tensors: Iterable[Tensor], source: str) -> None:
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self.source = source

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"<fanin.weights.Weights of {len(self)} tensors of {self.source}>"


def whole_of(shape: tuple[int, ...]) -> Region:
    """Return the region that is all of a shape."""
    return tuple((0, size) for size in shape)


def _within(inner: Region, outer: Region) -> bool:
    if len(inner) != len(outer):
        raise FaninTypeError(f"a region has (start, stop) for each of {len(outer)} axes. Received: {inner}.")
    return all(low <= start <= stop <= high for (start, stop), (low, high) in zip(inner, outer, strict=True))


def pieces(region: Region, limit: int) -> Iterator[Region]:
    """Yield a region as regions of at most `limit` elements, cut along its first axes, in C order.

    Example:
        >>> list(pieces(((0, 3), (4, 6)), 4))
        [((0, 2), (4, 6)), ((2, 3), (4, 6))]
    """
    sizes = [stop - start for start, stop in region]
    size = math.prod(sizes)
    if size <= limit:
        if size:
            yield region
        return
    k = next(k for k, length in enumerate(sizes) if length > 1)
    start, stop = region[k]
    step = max(1, limit * sizes[k] // size)
    for first in range(start, stop, step):
        yield from pieces((*region[:k], (first, min(first + step, stop)), *region[k + 1 :]), limit)


def index_of(region: Region) -> tuple[slice, ...]:
    """Return a region as an index."""
    return tuple(slice(start, stop) for start, stop in region)
