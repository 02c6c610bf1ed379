"""Which axis of a layer's outputs counts the samples: none says so, and a width may equal the batch's size.

The order of the samples tells: put the batch into another order, and the outputs are in that order along one axis only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["INFINITE", "NAN", "Arrangement", "arrangements", "best", "counted", "left_out", "some_of"]

NAN: Final = (
    "a probe needs data without NaN, which would make every layer's outputs NaN. Received: a batch with a NaN. It is "
    "not the initialization: look at the data."
)
"""What is said of a batch with a NaN."""

INFINITE: Final = (
    "a probe needs finite samples, since an infinity makes outputs NaN. Received: a batch with an infinity. It is not "
    "the initialization: look at the data."
)
"""What is said of samples with an infinity, which a mask beside them may have."""

_NAMED: Final = 3
"""So many layers are named in a note, and the others counted."""

_LIKE: Final = 0.5
"""An axis along which the outputs differ by more, relative to their spread, from those in the other order is not it."""


@dataclass(frozen=True)
class Arrangement:
    """One way to see the samples in an array: an axis is them, or they are packed into it with something else.

    Attributes:
        shape: What to reshape the array to.
        axis: Which axis then counts the samples.
        split: Which axis of the array was split into two for that, or None.
    """

    shape: tuple[int, ...]
    axis: int
    split: int | None = None

    def place(self, axis: int) -> int | None:
        """Return where an axis of the array is once the samples are moved to the front; None if it holds them.

        Example:
            >>> Arrangement((5, 32, 7), axis=1).place(0), Arrangement((3, 32, 7), axis=1, split=0).place(1)
            (1, 2)
        """
        if axis == self.split or (self.split is None and axis == self.axis):
            return None
        moved = axis + (self.split is not None and axis > self.split)
        return moved + (moved < self.axis)


def arrangements(shape: Sequence[int], samples: int) -> list[Arrangement]:
    """Return the ways in which an array may hold samples, the likeliest first; none where no axis has room for them.

    Example:
        >>> [found.axis for found in arrangements((32, 7, 32), 32)]
        [0, 2]
        >>> [found.shape for found in arrangements((96, 7), 32)]
        [(32, 3, 7), (3, 32, 7)]
    """
    given = tuple(shape)
    found = [Arrangement(given, axis) for axis, size in enumerate(given) if size == samples]
    if found and found[0].axis == 0:
        return found
    for axis, size in enumerate(given):
        if size > samples and size % samples == 0:
            before, behind, rest = given[:axis], given[axis + 1 :], size // samples
            found.append(Arrangement((*before, samples, rest, *behind), axis, axis))
            found.append(Arrangement((*before, rest, samples, *behind), axis + 1, axis))
    return found


def best(found: Sequence[Arrangement], mismatch: Callable[[Arrangement], float]) -> Arrangement | None:
    """Return the arrangement that the order of the samples confirms, or None.

    Args:
        found: Those there are.
        mismatch: How far the outputs of the reordered batch are from the reordered outputs, in one arrangement.
    """
    if not found:
        return None
    plain = found[0] if found[0] == Arrangement(found[0].shape, 0) else None
    if plain is not None and len(found) == 1:
        return plain
    far, _, chosen = min((mismatch(one), k, one) for k, one in enumerate(found))
    return chosen if far < _LIKE else plain  # random masks, drawn by position, may hide every order


def some_of(names: Sequence[str]) -> str:
    """Return the first names in words, and how many more there are.

    Example:
        >>> some_of(["a", "b", "c", "d", "e"]), some_of(["a", "b"])
        ('a, b, c and 2 more', 'a, b')
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def counted(outputs: Sequence[str]) -> list[str]:
    """Return what to say of the outputs that a random direction weighs: a sentence, or none without any.

    Example:
        >>> counted(["logits", "hidden"])
        ['Without loss=, the random direction is one of logits, hidden, each scaled to its size.']
    """
    if not outputs:
        return []
    scaled = ", each scaled to its size" if len(outputs) > 1 else ""
    return [f"Without loss=, the random direction is one of {some_of(outputs)}{scaled}."]


def left_out(shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """Return what to say of layers in whose outputs no axis counts the samples: a sentence, or none without any.

    Args:
        shapes: The shapes of their outputs, by their names.

    Example:
        >>> left_out({"cell": (7,), "cell (use 2)": (7,)})
        ['cell, cell (use 2) left out: no axis of their outputs, such as (7,), counts the samples.']
    """
    if not shapes:
        return []
    first = tuple(next(iter(shapes.values())))
    return [f"{some_of(list(shapes))} left out: no axis of their outputs, such as {first}, counts the samples."]
