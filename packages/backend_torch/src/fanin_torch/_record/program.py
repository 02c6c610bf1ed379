"""What each tensor of a module was filled by, and whether that is a law where tensors share random numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from fanin.initializers import MatrixInitializer
from fanin.layout import Geometry
from fanin_torch._names import Named
from fanin_torch._record.fold import Filled, fold
from fanin_torch._record.laws import Law, is_number, source_law
from fanin_torch._record.leaves import leaves_of
from fanin_torch._record.ref import Ref
from fanin_torch._record.tape import Slice, Tape

__all__ = ["Program", "keep_apart", "program_of"]

_SCALED: Final = frozenset({"mul", "div", "add", "sub", "rsub", "pow", "fill", "full", "clamp", "normal", "uniform"})
"""Operations whose settings may be numbers that the code has read."""


@dataclass
class Program:
    """What a tensor of a model was filled by.

    Attributes:
        name: The tensor's name.
        stream: The name of its stream, if it is the first to use it.
        ref: Where it lies.
        slice: The operations.
        filled: The laws that they fold to, or None.
        geometry: What its axes are, where that is known.
        is_known: Whether it is on the tape at all.
        is_looked_at: Whether the code read some of its numbers before it was done.
        is_decided: Whether with other numbers the code would have done other operations.
    """

    name: str
    stream: str
    ref: Ref
    slice: Slice
    filled: Filled | None
    geometry: Geometry | None
    is_known: bool
    is_looked_at: bool
    is_decided: bool


def program_of(one: Named, tape: Tape, geometry: Geometry | None) -> Program:
    ref = Ref.of(one.tensor)
    found = tape.slice_of(ref.key)
    filled = None if found.unfilled else fold(found.operations, ref, tape.given)
    looked, decided = _decisions(found, tape)
    return Program(
        name=one.names[0],
        stream=one.stream,
        ref=ref,
        slice=found,
        filled=None if looked or decided else filled,
        geometry=geometry,
        is_known=tape.knows(one.tensor),
        is_looked_at=looked,
        is_decided=decided,
    )


def _decisions(found: Slice, tape: Tape) -> tuple[bool, bool]:
    """Return whether the code read some of the numbers before the last operation, and whether more than that.

    More is that it drew again afterwards, as loops over rejected numbers do, or that a setting is a number it read, or
    may be computed from one: with other numbers it would have done other operations.
    """
    looks = [look for look in tape.told.looks if found.operations and look[0] <= found.operations[-1].number]
    shared = [(place, value) for place, key, value in looks if tape.slice_of(key, place).sources & found.sources]
    again = bool(shared) and max(found.sources) >= min(place for place, _ in shared)
    numbers = [place for place, value in shared if not isinstance(value, bool)]
    told = {abs(value) for _, _, value in looks if is_number(value)} - {0.0, 1.0}
    settings = [
        (operation.number, abs(leaf))
        for operation in (found.operations if told else ())
        if operation.name.rstrip("_") in _SCALED
        for leaf in leaves_of((operation.args, operation.kwargs))
        if is_number(leaf) and abs(leaf) not in (0, 1)
    ]
    used = any(value in told or (value and 1.0 / value in told) for _, value in settings)
    computed = bool(numbers) and any(number >= min(numbers) for number, _ in settings)
    return bool(shared), again or used or computed


def keep_apart(programs: dict[str, Program], tape: Tape) -> None:
    """Let tensors that share random numbers be laws only where a stream gives each the same numbers.

    Copies agree where they have the elements in one order. Where they do not, or where one is computed from numbers
    that another has, what differs from the source itself is replayed.
    """
    orders: dict[int, dict[str, set[object]]] = defaultdict(lambda: defaultdict(set))
    for name, program in programs.items():
        laws = _laws(program)
        for number in program.slice.sources:
            uses = {_order(ref, law, program.geometry) for ref, law in laws if law.source == number}
            orders[number][name] |= uses or ({_source_order(number, tape)} if program.filled is None else set())
    for number, users in orders.items():
        if len(set().union(*users.values())) > 1:
            own = _source_order(number, tape)
            for name, uses in users.items():
                if uses - {own}:
                    programs[name].filled = None


def _laws(program: Program) -> list[tuple[Ref, Law]]:
    """Return the random laws of a tensor, each with the view that follows it."""
    if program.filled is None:
        return []
    base = [] if program.filled.base is None else [(program.ref, program.filled.base)]
    return [(ref, law) for ref, law in [*base, *program.filled.regions] if law.source is not None]


def _order(ref: Ref, law: Law, geometry: Geometry | None) -> object:
    """Return what the numbers of a stream, as they are stored, depend on."""
    is_matrix = isinstance(law.initializer, MatrixInitializer)
    transposed = geometry if geometry is not None and geometry.transposed and geometry.shape == ref.shape else None
    size = tuple(size for size in ref.shape if size != 1)
    plain = ref.is_contiguous or not ref.whole
    signs = law.inverted, law.negated
    return (size if is_matrix else math.prod(size), None if plain else ref.stride, ref.dtype, transposed, signs)


def _source_order(number: int, tape: Tape) -> object:
    operation = tape.operations[number]
    law = source_law(operation) or Law(None)
    return _order(operation.target, law, None)
