"""Mistakes in one place of a large tensor, or with one number of threads: the places are drawn from a seed."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any, Final

import numpy as np
from fanin_toy import Array

from fanin.plans import Plan

from .combined import SEED
from .matrix_toy import MatrixBackend
from .record import Mutant

Indices = np.typing.NDArray[np.int64]


def _placed(choose: Callable[[Plan, int], Any]) -> Callable[[], MatrixBackend]:
    """Return a backend whose weights at some flat places are a unit of the last place off."""

    class Placed(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            drawn = super().draw(plan, device=device)
            flat = drawn.reshape(-1)
            places = choose(plan, flat.size)
            if places is not None and flat.size:
                flat[places] = np.nextafter(flat[places], flat.dtype.type(np.inf))
            return drawn

    return Placed


def _every(chunk: int, within: int, least: int) -> Callable[[Plan, int], Any]:
    return lambda plan, size: slice(within, None, chunk) if size >= least else None


def _from(first: int) -> Callable[[Plan, int], Any]:
    return lambda plan, size: slice(first, None)


def _at(place: int, least: int) -> Callable[[Plan, int], Any]:
    return lambda plan, size: slice(place, place + 1) if size >= least else None


def _by_threads(count: str, chunk: int) -> Callable[[Plan, int], Any]:
    def choose(plan: Plan, size: int) -> Any:
        if os.environ.get("FANIN_NUM_THREADS") != count or size < 3 * chunk:
            return None
        return slice(size // 3 * 2 + 1, size // 3 * 2 + 2)

    return choose


def placed_mutants(seed: int) -> tuple[Mutant, ...]:
    """Return mutants that are wrong in the interior of chunks, beyond a size, at one element, or with three threads."""
    random = Random(seed)
    found: list[Mutant] = []
    for _ in range(3):
        chunk = 1 << random.randint(11, 15)
        within = random.randrange(chunk // 8, chunk // 8 * 7)
        least = 1 << random.randint(16, 20)
        found.append(
            Mutant(
                f"element {within} of chunks",
                f"that element of each chunk of {chunk} is off, in tensors of {least} or more",
                _placed(_every(chunk, within, least)),
            )
        )
    for first in (1 << 22, (1 << 22) - random.randrange(1, 5000), random.randrange(1 << 21, 1 << 22)):
        found.append(Mutant(f"from {first} on", f"every weight from {first} on is off", _placed(_from(first))))
    for _ in range(2):
        place = random.randrange(1 << 19, (1 << 22) + (1 << 16))
        found.append(Mutant(f"at {place}", "one weight of a large tensor is off", _placed(_at(place, place))))
    found.append(Mutant("three threads", "the border of the third of three threads", _placed(_by_threads("3", 4096))))
    return tuple(found)


PLACES: Final = placed_mutants(SEED)
