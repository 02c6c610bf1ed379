"""A mistake is named by what it is: each of these backends has one, and says so on stated tensors."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fanin import normal, reference, sparse, uniform
from fanin.conformance import Check, Result
from fanin.conformance.case import Case
from fanin.conformance.diagnosis.likely import likely_mistake
from fanin.conformance.exact.bits import position_of
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw, Masked
from fanin.stream.keys import named_key

Bits = list[int]


def _bits(plan: Plan) -> Bits:
    return list(reference.bits(plan))


def _keyed(change: Callable[[Plan], tuple[int, int]]) -> Callable[[Plan], Bits]:
    return lambda plan: _bits(dataclasses.replace(plan, keys=(change(plan),)))


def _worded(word: Callable[[Any, int], int]) -> Callable[[Plan], Bits]:
    """Return the weights of other words; of the normal and the uniform lattice."""

    def bits(plan: Plan) -> Bits:
        rule, dtype = plan.rule, DTYPES[plan.dtype]
        assert isinstance(rule, Draw)
        index = [
            plan.offset + sum(a.offset(i) for a, i in zip(plan.axes, place, strict=True)) for place in _places(plan)
        ]
        points = [reference.lattice_point(rule, word(plan.keys[0], i)) for i in index]
        return [dtype.encode(dtype.round(dtype.round(float(a)) * rule.factor)) for a in points]

    return bits


def _places(plan: Plan) -> list[tuple[int, ...]]:
    return [position_of(plan, flat) for flat in range(plan.size)]


def _swapped_seed(plan: Plan) -> tuple[int, int]:
    assert not isinstance(plan.name, tuple)
    return named_key((plan.seed << 32 | plan.seed >> 32) % 2**64, plan.name)


def _composed(plan: Plan) -> tuple[int, int]:
    assert isinstance(plan.name, str)
    return named_key(plan.seed, unicodedata.normalize("NFC", plan.name))


def _signed(index: int) -> int:
    return index - 2**32 if index >= 2**31 else index


def _overflowing(key: Any, index: int) -> int:
    return reference.word(key, _signed(index) % 2**64)


def _height_for_width(plan: Plan) -> Bits:
    """The kernel's logical order is (out, in, W, H)."""
    o, i, h, w = plan.shape
    flat = dict(zip(np.ndindex(o, i, w, h), _bits(Case((o, i, w, h), "he", "OIHW", name="w").plan()), strict=True))
    return [flat[a, b, d, c] for a, b, c, d in np.ndindex(o, i, h, w)]


def _zeros(change: Callable[[int], int]) -> Callable[[Plan], Bits]:
    def bits(plan: Plan) -> Bits:
        assert isinstance(plan.rule, Masked)
        return _bits(dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, zeros=change(plan.rule.zeros))))

    return bits


def _values(change: Callable[[Any], Any]) -> Callable[[Plan], Bits]:
    """Return the float32 weights, changed as an array."""
    return lambda plan: change(np.frombuffer(reference.tobytes(plan), np.float32).copy()).view(np.uint32).tolist()


def _mixed(weights: Any) -> Any:
    weights[1::2] += np.float32(0.01) * weights[::2]
    return weights


def _flushed(plan: Plan) -> Bits:
    return [0 if not pattern & 0x7C00 else pattern for pattern in _bits(plan)]


NORMAL = Case((31,), normal(std=1.0), seed=3, name="w")
SEED = "the seed's two words are swapped: the high 32 bits come first"
OVERFLOW = "the logical index overflows at 2^31: it is kept in a signed 32-bit integer"

NAMED: list[tuple[str, Case, Callable[[Plan], Bits], str]] = [
    (
        "23 bits of a uniform",
        Case((31,), uniform(-1.0, 1.0), seed=1),
        _worded(lambda key, i: reference.word(key, i) >> 9 << 9),
        "only the upper 23 bits of a word are used",
    ),
    ("swapped seed", dataclasses.replace(NORMAL, seed=2**63 + 12345), _keyed(_swapped_seed), SEED),
    (
        "swapped seed, as a XOR would have it",
        dataclasses.replace(NORMAL, seed=2**32),
        _keyed(_swapped_seed),
        f"{SEED}; or: the seed's two words are combined by XOR",
    ),
    (
        "overflow",
        Case((2**33,), normal(std=1.0), name="w", slices=((2**31 - 9, 2**31 + 9),)),
        _worded(_overflowing),
        OVERFLOW,
    ),
    (
        "overflow, dropped sign",
        Case((2**33,), normal(std=1.0), name="w", slices=((2**31 - 9, 2**31 + 9),)),
        _worded(lambda key, i: reference.word(key, i % 2**31)),
        OVERFLOW,
    ),
    (
        "W before H",
        Case((4, 3, 2, 5), "he", "OIHW", name="w"),
        _height_for_width,
        "H and W are exchanged in the logical order (out, in, *kernel)",
    ),
    (
        "composed names",
        dataclasses.replace(NORMAL, name="gro\u0308ße"),
        _keyed(_composed),
        "the name is normalised (Unicode NFC or NFKC): names are compared by their UTF-8 bytes",
    ),
    (
        "cut names",
        dataclasses.replace(NORMAL, name="layers.1.weight"),
        _keyed(lambda plan: named_key(plan.seed, "layers.1")),
        "the name is cut to 8 characters",
    ),
    (
        "zeros rounded down",
        Case((13, 3), sparse(0.3), "OI", seed=1, name="w"),
        _zeros(lambda zeros: zeros - 1),
        "the zeros of a column are rounded down, not up; or: a column has one zero less than it should",
    ),
    (
        "no mask",
        Case((13, 7), sparse(0.3), "OI", seed=1, name="w"),
        _zeros(lambda zeros: 0),
        "the mask is not applied",
    ),
    (
        "antithetic",
        NORMAL,
        _worded(lambda key, i: reference.word(key, i & ~1) ^ (0xFFFFFFFF if i & 1 else 0)),
        "every second weight is minus the one before: antithetic pairs",
    ),
    (
        "pairs",
        dataclasses.replace(NORMAL, shape=(60,)),
        _values(_mixed),
        "the second weight of each pair has +0.01 times the other one in it: correlated pairs",
    ),
    (
        "ties away",
        Case((8,), normal(mean=1000.25, std=1e-9), dtype="float16"),  # halfway between 1000 and 1000.5
        lambda plan: [DTYPES["float16"].encode(1000.5)] * 8,
        "ties are rounded away from zero, not to even",
    ),
    (
        "minus zero",
        Case((3,), "zeros"),
        lambda plan: [0x80000000] * 3,
        "the sign of zero: a weight that is 0 is +0, and one that rounds to 0 keeps its sign",
    ),
    (
        "flushed",
        Case((31,), normal(std=2e-5), seed=2, dtype="float16"),
        _flushed,
        "subnormal weights are flushed to 0",
    ),
]


def _name(case: Case, draw: Callable[[Plan], Bits]) -> tuple[str, Bits, Bits]:
    plan = case.plan()
    wanted, got = _bits(plan), draw(plan)
    return likely_mistake(plan, tuple(_places(plan)), tuple(wanted), tuple(got)), wanted, got


@pytest.mark.parametrize(("case", "draw", "text"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_a_mistake_has_its_name(case: Case, draw: Callable[[Plan], Bits], text: str) -> None:
    named, wanted, got = _name(case, draw)
    assert got != wanted
    assert named == text


@pytest.mark.parametrize("size", [1, 2, 3])
def test_of_fewer_than_four_elements_nothing_is_named(size: int) -> None:
    """Seed 0 begins with a negative weight: three elements that are all positive may be anything."""
    case = Case((size,), normal(std=1.0), seed=3)
    named, wanted, got = _name(case, lambda plan: [pattern & 0x7FFFFFFF for pattern in _bits(plan)])
    assert got != wanted
    assert named == ""


def test_of_four_elements_one_is() -> None:
    case = Case((4,), normal(std=1.0), seed=3)
    assert _name(case, lambda plan: [p & 0x7FFFFFFF for p in _bits(plan)])[0] == "the sign is dropped"


def _shifted(weights: Any) -> Any:
    weights[1::2] += np.float32(0.01)
    return weights


@pytest.mark.parametrize("ranks", [None, (1 << 20, 1 << 10)])
def test_shifted_weights_are_no_pairs(ranks: tuple[int, int] | None) -> None:
    """Also where all weights are nearly one number: there any of them is some multiple of any other."""
    case = Case((64,), normal(std=1.0), seed=5, ranks=ranks)
    if ranks is None:
        assert _name(case, _values(_shifted))[0] == ""
    else:
        plan = case.plan()
        wanted = [DTYPES["float32"].encode(reference.value(plan, (k,))) for k in range(64)]
        got = _shifted(np.array(wanted, np.uint32).view(np.float32)).view(np.uint32).tolist()
        assert likely_mistake(plan, tuple(_places(plan)), tuple(wanted), tuple(got)) == ""


def _check(*named: tuple[int, str]) -> list[str]:
    """Return what a check makes of the mistakes that its failures are called, each with its number of elements."""
    found = [Result(on="x", verdict="failed", n=n, mistake=text) for n, text in named]
    passed = Result(on="x", verdict="passed", n=9)
    return [result.mistake for result in Check[None]("a.b", "exact", "claim", lambda trial: [passed, *found]).run(None)]


def test_of_what_several_failures_may_be_that_is_kept_which_all_may_be() -> None:
    assert _check((9, "a; or: b; or: c"), (9, "b; or: a"), (9, "")) == ["", "a; or: b", "b; or: a", ""]
    assert _check((9, "a; or: b"), (9, "b; or: c")) == ["", "b", "b"]
    assert _check((9, "a; or: b"), (9, "c")) == ["", "a; or: b", "c"]


def test_a_name_for_less_than_half_of_the_failures_says_so() -> None:
    assert _check((9, "a"), (9, ""), (9, "")) == ["", "a (so in 1 of 3 failures)", "", ""]
    assert _check((9, "a"), (9, "")) == ["", "a", ""]
    assert _check((9, "a"), (3, ""), (1, ""), (0, "")) == ["", "a", "", "", ""]  # of so few elements nothing is named
