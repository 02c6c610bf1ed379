"""What Python was told of a recording's numbers, and what it may have done with them where no tape sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from fanin_torch._record.ref import Ref

__all__ = ["Told", "bytes_of"]


@dataclass
class _Shared:
    """Memory that Python has got, and what was in it then."""

    ref: Ref
    memory: Tensor
    before: Tensor


class Told:
    """What Python was told, and the tensors that may come of it.

    Attributes:
        looks: Where Python was told a value that depends on a generator: how long the tape was, the storage, and the
            value, or None for all values of a tensor.
        doubtful: Storages that Python filled after it had been told random numbers, which it may have used.
    """

    def __init__(self) -> None:
        self.looks: list[tuple[int, int, object]] = []
        self.doubtful: set[int] = set()
        self._shared: dict[int, _Shared] = {}

    @property
    def numbers(self) -> bool:
        """Whether Python was told any number: a truth value leaves nothing to make a weight of."""
        return any(not isinstance(value, bool) for _, _, value in self.looks)

    def bring(self, key: int, tensor: Tensor) -> None:
        """Note a tensor that was filled outside of torch. The zeros and ones of norms and counters are no numbers."""
        if self.numbers and not _is_plain(tensor):
            self.doubtful.add(key)

    def share(self, ref: Ref, tensor: Tensor) -> None:
        """Note that Python has got a tensor's memory, as NumPy does by `tensor.numpy()`."""
        flat = bytes_of(tensor)
        self._shared[ref.key] = _Shared(ref, flat, flat.clone())

    def forget(self, key: int) -> None:
        """Note that an operation of torch has written a storage: what Python did there before is known."""
        self._shared.pop(key, None)

    def changed(self, key: int | None = None) -> list[Ref]:
        """Return the tensors that Python has changed since it got their memory: all, or the one of a storage."""
        return [
            one.ref
            for shared, one in self._shared.items()
            if key in (None, shared) and not torch.equal(one.memory, one.before)
        ]

    @contextmanager
    def printing(self) -> Iterator[None]:
        """Forget what is told inside: numbers that are printed become no tensor."""
        before = len(self.looks)
        yield
        del self.looks[before:]


def bytes_of(tensor: Tensor) -> Tensor:
    """Return the whole storage of a tensor, byte by byte."""
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor's storage holds zeros and ones alone."""
    flat = torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(tensor.untyped_storage())
    return bool(((flat == 0) | (flat == 1)).all())
