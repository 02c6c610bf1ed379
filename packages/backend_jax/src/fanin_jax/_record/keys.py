"""Keys on the tape: they carry no numbers here, only which key each is, and what it was made from."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin_jax._record.tape import Operation

__all__ = ["MOVES", "Identities", "Keys", "Parent"]

MOVES: Final = frozenset(
    {
        *("reshape", "squeeze", "expand_dims", "transpose", "slice", "rev", "broadcast_in_dim", "concatenate"),
        *("dynamic_slice", "gather", "select_n", "dynamic_update_slice", "copy", "copy_p", "device_put"),
        *("sharding_constraint", "stop_gradient", "split", "stack", "unstack", "tile"),
    }
)
"""Operations that move elements and change none, where what is not moved is known."""

_MOST: Final = 1 << 20
"""More keys than this are not followed one by one."""


@dataclass(frozen=True, slots=True)
class Keys:
    """An array of keys, or of their words.

    Attributes:
        ids: Which key each is; of words, the key's number times the words of a key, plus the word's place.
        words: The number of words of a key, or 0 for keys as such.
    """

    ids: NDArray[np.int64]
    words: int = 0


Parent = tuple[int | None, Hashable]
"""What a key was made from: a key, or None, and how."""


@dataclass
class Identities:
    """Every key that was met: two that are made in one way from one key are the same key."""

    numbers: dict[Parent, int] = field(default_factory=dict)
    parents: list[Parent] = field(default_factory=list)

    def of(self, parent: int | None, how: Hashable) -> int:
        """Return the number of the key that is made from a key in some way."""
        made = (parent, how)
        if made not in self.numbers:
            self.numbers[made] = len(self.parents)
            self.parents.append(made)
        return self.numbers[made]

    def origin(self, keys: tuple[int, ...]) -> int | None:
        """Return the last key that different keys were all made from; None if there is none."""
        first, *others = (self._line(key) for key in keys)
        common = set(first).intersection(*others)
        return next((key for key in first if key in common), None) if others else None

    def _line(self, key: int) -> list[int]:
        """Return a key and those that it was made from, the latest first."""
        line: list[int] = [key]
        while (above := self.parents[line[-1]][0]) is not None:
            line.append(above)
        return line

    def step(self, operation: Operation, values: list[Any], shape: tuple[int, ...]) -> Keys | None:
        """Return the keys that an operation on keys makes; None if it is none that is known.

        Args:
            operation: The operation.
            values: What it takes: keys, arrays, or None for what is not known.
            shape: The shape of what it makes.
        """
        name, first = operation.name, values[0] if values else None
        if int(np.prod(shape)) > _MOST:
            return None
        if name == "random_seed":
            return Keys(self.fresh("seed", first, operation.inputs[0], shape))
        if name == "random_wrap":
            if not isinstance(first, Keys):
                return Keys(self.fresh("words", first, operation.inputs[0], shape))
            return self._wrapped(first)
        if not isinstance(first, Keys):
            return None
        if name == "random_unwrap" and not first.words:
            words = shape[-1]
            return Keys(first.ids[..., None] * words + np.arange(words), words)
        if name == "random_clone":
            return first
        if name == "random_split" and not first.words:
            flat = [
                self.of(int(key), ("split", operation.params["shape"], k))
                for key in first.ids.flat
                for k in range(int(np.prod(operation.params["shape"])))
            ]
            return Keys(np.array(flat, np.int64).reshape(shape))
        if name == "random_fold_in" and not first.words:
            return self._folded_in(first, values[1], operation.inputs[1], shape)
        return None

    def fresh(self, how: str, known: Any, number: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return keys that are made from numbers: equal ones from equal numbers, where they are known."""
        count = int(np.prod(shape))
        if isinstance(known, np.ndarray) and count:
            rows = known.reshape(count, -1)
            return np.array([self.of(None, (how, row.tobytes())) for row in rows], np.int64).reshape(shape)
        return np.array([self.of(None, (how, number, k)) for k in range(count)], np.int64).reshape(shape)

    def _wrapped(self, keys: Keys) -> Keys | None:
        ids, words = keys.ids, keys.words
        if not words or ids.shape[-1] != words or not (ids % words == np.arange(words)).all():
            return None
        whole = (ids // words == ids[..., :1] // words).all()
        return Keys(ids[..., 0] // words) if whole else None

    def _folded_in(self, keys: Keys, data: Any, number: int, shape: tuple[int, ...]) -> Keys:
        """Return the keys that folding numbers into keys makes, which may be fewer than the numbers."""
        ids = np.broadcast_to(keys.ids, shape)
        numbers: list[Any] = [(number, k) for k in range(ids.size)]
        if isinstance(data, np.ndarray):
            numbers = np.broadcast_to(data, shape).reshape(-1).tolist()
        flat = [self.of(int(key), ("fold_in", one)) for key, one in zip(ids.flat, numbers, strict=True)]
        return Keys(np.array(flat, np.int64).reshape(shape))
