"""Many plans drawn in one compiled function, in which those of one structure share one loop.

Compiling a draw takes XLA as long as drawing a large tensor. A model repeats few structures, so that its loops are few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax import Array, lax

from fanin.plans import Draw, Fill, Plan
from fanin_jax._elements import Recipe, compiled, draw_elements, numbers_of
from fanin_jax._matrix import draw_matrices, structure_of

__all__ = ["Batch"]


@dataclass
class _Group:
    """Plans of one structure: the draw of one, and the arguments of each."""

    draw: Callable[[Any, Any], Array]
    keys: list[np.ndarray[Any, Any]] = field(default_factory=list)
    numbers: list[np.ndarray[Any, Any]] = field(default_factory=list)


class Batch:
    """Plans to draw, and other arrays that a compiled function needs as arguments."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, _Group] = {}
        self._places: list[tuple[Hashable, int]] = []
        self._fills: dict[int, Callable[[], Array]] = {}
        self._given: list[Any] = []

    def add(self, plan: Plan, sharding: Any = None) -> int:
        """Add a plan, and return its number.

        Args:
            plan: The plan.
            sharding: The sharding of the array, as `jax.jit` takes it, or None.
        """
        number = len(self._places)
        keys = np.array(plan.keys, np.uint32).reshape(-1, 2)
        rule = plan.rule
        kind: Hashable
        if isinstance(rule, Fill) or 0 in plan.shape:
            assert isinstance(rule, Fill) or 0 in plan.shape
            self._fills[number] = lambda: _fill(plan, sharding)
            self._places.append((None, 0))
            return number
        if isinstance(rule, Draw):
            merge = sharding is None
            kind, numbers = (Recipe.of(plan, rule, merge), sharding), numbers_of(plan, rule)
            recipe = compiled(kind[0], sharding)
            one: Callable[[Any, Any], Array] = lambda keys, numbers: recipe(keys, None, numbers)  # noqa: E731
        else:
            structure = structure_of(plan)
            kind, numbers = (structure, sharding), np.zeros(0, np.uint32)
            one = lambda keys, _: draw_matrices(structure, rule, keys, None, sharding)  # noqa: E731
        group = self._groups.setdefault(kind, _Group(one))
        self._places.append((kind, len(group.keys)))
        group.keys.append(keys)
        group.numbers.append(numbers)
        return number

    def give(self, array: Any) -> int:
        """Add an array that the compiled function takes as an argument, and return its number among these."""
        self._given.append(array)
        return len(self._given) - 1

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What `draw` takes, outside of the compiled function."""
        groups = [(np.stack(group.keys), np.stack(group.numbers)) for group in self._groups.values()]
        return groups, list(self._given)

    def draw(self, arguments: tuple[Any, ...]) -> tuple[list[Array], Sequence[Any]]:
        """Return the arrays of all plans, and those that were given; called under a trace."""
        groups, given = arguments
        drawn: dict[Hashable, Any] = {}
        for (kind, group), (keys, numbers) in zip(self._groups.items(), groups, strict=True):
            if len(group.keys) == 1:
                drawn[kind] = [group.draw(keys[0], numbers[0])]
            else:
                drawn[kind] = lax.map(lambda one, draw=group.draw: draw(*one), (keys, numbers))
        arrays = []
        for number, (kind, place) in enumerate(self._places):
            arrays.append(self._fills[number]() if number in self._fills else _row(drawn[kind], place))
        return arrays, given


def _row(drawn: Any, place: int) -> Array:
    """Return one of the arrays of a group."""
    return drawn[place] if isinstance(drawn, list) else lax.index_in_dim(drawn, place, keepdims=False)


def _fill(plan: Plan, sharding: Any) -> Array:
    """Return an array of one number, or of none."""
    rule = plan.rule if isinstance(plan.rule, Fill) else Fill(0.0)
    return draw_elements(plan, rule, np.zeros((1, 2), np.uint32), sharding=sharding)
