"""Mistakes between a seed and a name, and the key of their stream."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable
from typing import Final, Literal

from fanin.conformance.diagnosis.known.mistake import Mistake
from fanin.plans import Plan
from fanin.stream.keys import named_key, seed_words
from fanin.stream.threefry import Words

__all__ = ["KEYS"]

_FORMS: Final[tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...]] = ("NFC", "NFD", "NFKC", "NFKD")
_LENGTHS: Final = (*range(1, 17), 32, 64, 128, 255, 256, 512, 1023, 1024)


def _keys(change: Callable[[Plan], list[Words]]) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, keys=tuple(change(plan)))


def _seeded(change: Callable[[int], int]) -> Callable[[Plan], Plan]:
    """Return the plan with the keys of another seed."""
    return _keys(lambda plan: [named_key(change(plan.seed), name) for name in _names(plan)])


def _named(change: Callable[[str], str]) -> Callable[[Plan], Plan]:
    """Return the plan with the keys of other names."""
    return _keys(lambda plan: [named_key(plan.seed, name and change(name)) for name in _names(plan)])


def _low(seed: int) -> int:
    return seed & 0xFFFFFFFF


def _names(plan: Plan) -> list[str | None]:
    """Return the names of the streams that are drawn."""
    if not isinstance(plan.name, tuple):
        return [plan.name]
    assert plan.stack_axis is not None
    return list(plan.name[slice(*plan.slices[plan.stack_axis])])


KEYS: Final = (
    Mistake(
        "the key words are swapped: key[0] is the seed's high 32 bits", plan=_keys(lambda p: [k[::-1] for k in p.keys])
    ),
    Mistake("the name is ignored", plan=_keys(lambda p: [seed_words(p.seed)] * len(p.keys))),
    Mistake(
        "the seed's two words are swapped: the high 32 bits come first",
        plan=_seeded(lambda seed: _low(seed) << 32 | seed >> 32),
    ),
    Mistake("the seed's two words are combined by XOR", plan=_seeded(lambda seed: seed >> 32 ^ _low(seed))),
    Mistake("the seed is ignored", plan=_seeded(lambda seed: 0)),
    Mistake(
        "the seed and the name are ignored: every key is that of seed 0 without a name",
        plan=_keys(lambda p: [seed_words(0)] * len(p.keys)),
    ),
    Mistake("the seed is cut to 32 bits", plan=_seeded(_low)),
    Mistake("the seed is cut to 31 bits", plan=_seeded(lambda seed: seed & 0x7FFFFFFF)),
    Mistake("the seed's lowest bit is lost", plan=_seeded(lambda seed: seed & ~1)),
    *(
        Mistake(
            f"the name is normalised (Unicode NF{form[-1]} or NFK{form[-1]}): names are compared by their UTF-8 bytes",
            plan=_named(lambda name, form=form: unicodedata.normalize(form, name)),  # type: ignore[misc]
        )
        for form in _FORMS
    ),
    Mistake("the name's case is folded", plan=_named(str.lower)),
    Mistake("the name's case is folded", plan=_named(str.upper)),
    Mistake("white space at the name's ends is dropped", plan=_named(str.strip)),
    Mistake("the name ends at its first zero byte", plan=_named(lambda name: name.partition("\0")[0])),
    *(
        Mistake(
            f"the name is cut to {length} characters",
            plan=_named(lambda name, length=length: name[:length]),  # type: ignore[misc]
        )
        for length in _LENGTHS
    ),
    Mistake("every slice of the stack has the first one's key", plan=_keys(lambda p: [p.keys[0]] * len(p.keys))),
)
