"""Wrong plans: another rule, other keys, other axes."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fanin_toy import Array, ToyBackend

from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.stream.keys import named_key, seed_words
from fanin.stream.normal_tail import truncated_std

from .record import Mutant


def _ruled(change: Callable[[Draw], dict[str, Any]]) -> Callable[[], ToyBackend]:
    """Return a backend that follows another rule."""

    class Ruled(ToyBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if isinstance(plan.rule, Draw):
                plan = dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, **change(plan.rule)))
            return super().draw(plan, device=device)

    return Ruled


def _planned(change: Callable[[Plan], Plan]) -> Callable[[], ToyBackend]:
    """Return a backend that follows another plan."""

    class Planned(ToyBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            return super().draw(change(plan), device=device)

    return Planned


def _named(key: Callable[[int, str | None], tuple[int, int]]) -> Callable[[], ToyBackend]:
    """Return a backend whose keys come from seed and name in another way."""

    def change(plan: Plan) -> Plan:
        if plan.stack_axis is None:
            assert not isinstance(plan.name, tuple)
            return dataclasses.replace(plan, keys=(key(plan.seed, plan.name),))
        names = plan.name[slice(*plan.slices[plan.stack_axis])] if isinstance(plan.name, tuple) else ()
        return dataclasses.replace(plan, keys=tuple(key(plan.seed, name) for name in names))

    return _planned(change)


def _renamed(change: Callable[[str], str]) -> Callable[[], ToyBackend]:
    return _named(lambda seed, name: named_key(seed, None if name is None else change(name)))


def _restarted(plan: Plan) -> Plan:
    """A part, drawn as if it were a tensor of its own from the same stream."""
    if plan.shape == plan.geometry.shape:
        return plan
    axes = tuple(Axis(size, math.prod(plan.shape[k + 1 :])) for k, size in enumerate(plan.shape))
    return dataclasses.replace(plan, offset=0, axes=axes)


def _ranked(plan: Plan) -> Plan:
    """A part, drawn from a stream that its rank selects."""
    part = _restarted(plan)
    return part if part is plan else dataclasses.replace(part, keys=(named_key(plan.seed + plan.offset, "shard"),))


def _stored_order(plan: Plan) -> Plan:
    shape = plan.geometry.shape
    axes = tuple(Axis(stop - start, math.prod(shape[k + 1 :])) for k, (start, stop) in enumerate(plan.slices))
    offset = sum(start * axis.stride for (start, _), axis in zip(plan.slices, axes, strict=True))
    return dataclasses.replace(plan, axes=axes, offset=offset)


def _wide_normal(rule: Draw) -> dict[str, Any]:
    """A truncated normal that is not truncated, as with bounds in absolute units."""
    return {"distribution": "normal"} if rule.distribution == "truncated_normal" else {}


def _truncated_for_normal(rule: Draw) -> dict[str, Any]:
    """A normal that is truncated at two sigma and corrected: other libraries' he_normal."""
    if rule.distribution != "normal":
        return {}
    first = 97714573  # round(Q(2) * 2^32)
    factor = float(np.float32(rule.factor / truncated_std(-2.0, 2.0)))
    return {"distribution": "truncated_normal", "first_rank": first, "ranks": 2**32 - 2 * first, "factor": factor}


def _narrow_bounds(rule: Draw) -> dict[str, Any]:
    """Truncated at 1.9 where 2 is asked for."""
    if rule.distribution != "truncated_normal" or rule.ranks < 1 << 31:
        return {}
    cut = 25618000
    return {"first_rank": rule.first_rank + cut, "ranks": rule.ranks - 2 * cut}


PLANS: Final = (
    Mutant("not truncated", "bounds in absolute units, so none at all", _ruled(_wide_normal)),
    Mutant("truncated normal for normal", "he_normal as in JAX and Keras", _ruled(_truncated_for_normal)),
    Mutant("truncated at 1.9", "the wrong bound", _ruled(_narrow_bounds)),
    Mutant(
        "clamp ignored",
        "rule.low and rule.high are not applied",
        _ruled(lambda r: {"low": -(7 << 28), "high": 7 << 28}),
    ),
    Mutant("mean ignored", "rule.mean is not added", _ruled(lambda r: {"mean": 0})),
    Mutant("shift ignored", "rule.shift is not applied", _ruled(lambda r: {"shift": 0})),
    Mutant("name ignored", "every parameter has the seed's stream", _named(lambda seed, name: seed_words(seed))),
    Mutant(
        "names without separator",
        '("ab", "c") and ("a", "bc") are one name',
        _renamed(lambda name: name.replace(".", "")),
    ),
    Mutant("names without case", "names are folded to lower case", _renamed(str.lower)),
    Mutant("names normalised", "Unicode is composed", _renamed(lambda name: unicodedata.normalize("NFC", name))),
    Mutant("names cut", "the first 8 characters count", _renamed(lambda name: name[:8])),
    Mutant(
        "names as bags",
        "the sum of the characters selects the stream",
        _named(lambda seed, name: named_key(seed, name and str(sum(map(ord, name))))),
    ),
    Mutant("seed and name ignored", "every key is that of seed 0 without a name", _named(lambda seed, name: (0, 0))),
    Mutant("seed ignored", "every seed is 0", _named(lambda seed, name: named_key(0, name))),
    Mutant(
        "seed cut to 32 bits",
        "the seed's high word is lost",
        _named(lambda seed, name: named_key(seed & 0xFFFFFFFF, name)),
    ),
    Mutant(
        "seed folded",
        "the seed's words are combined by XOR",
        _named(lambda seed, name: named_key((seed >> 32) ^ (seed & 0xFFFFFFFF), name)),
    ),
    Mutant("seed halved", "seeds 2k and 2k + 1 are one", _named(lambda seed, name: named_key(seed >> 1, name))),
    Mutant(
        "one key a stack",
        "every slice has the first one's name",
        _planned(lambda p: dataclasses.replace(p, keys=p.keys[:1] * len(p.keys))),
    ),
    Mutant("shard restarted", "each shard is drawn from the start of the stream", _planned(_restarted)),
    Mutant("shard seeded by rank", "each shard has a stream of its own", _planned(_ranked)),
    Mutant("offset ignored", "a part starts at logical index 0", _planned(lambda p: dataclasses.replace(p, offset=0))),
    Mutant("stored order", "elements are numbered as they are stored", _planned(_stored_order)),
    Mutant(
        "groups unsplit",
        "a transposed convolution's groups do not order its elements",
        _planned(lambda p: dataclasses.replace(p, axes=tuple(Axis(a.size, a.stride) for a in p.axes))),
    ),
    Mutant(
        "phase ignored",
        "a part that starts within a group",
        _planned(lambda p: dataclasses.replace(p, axes=tuple(dataclasses.replace(a, phase=0) for a in p.axes))),
    ),
)
