"""One tensor of a model as data: what is accepted, what is refused, and whether laws fill it."""

from __future__ import annotations

from typing import Any

import pytest

import fanin
from fanin import FaninError, Parameter
from fanin.models import Part

N = fanin.normal(std=0.02)


def part(region: tuple[tuple[int, int], ...], **settings: Any) -> Part:
    shape = tuple(stop - start for start, stop in region)
    return Part(region, Parameter(shape, **({"initializer": N} | settings)))


class _Dtype:
    """A dtype of a library, which has a name."""

    name = "int64"


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        (
            Parameter([4, 3], "float32", "he", layout="OI"),  # type: ignore[arg-type]
            Parameter((4, 3), initializer=fanin.he_normal(), layout="OI"),
        ),
        (Parameter((5,), _Dtype()), Parameter((5,), "int64")),  # type: ignore[arg-type]
        (
            Parameter((4, 3, 5), initializer=N, layout="IOW", transposed=True, stride=2),  # type: ignore[arg-type]
            Parameter((4, 3, 5), initializer=N, layout="IOW", transposed=True, stride=(2,)),
        ),
        (
            Parameter((2, 3), initializer=N, layout="SO", stream=["a", "b"]),  # type: ignore[arg-type]
            Parameter((2, 3), initializer=N, layout="SO", stream=("a", "b")),
        ),
        (Parameter((6,), parts=[part(((0, 6),))]), Parameter((6,), parts=(part(((0, 6),)),))),  # type: ignore[arg-type]
    ],
)
def test_one_form(given: Parameter, settled: Parameter) -> None:
    assert given == settled
    assert hash(given) == hash(settled)


REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "shape": (((4, -1),), {}, "dimension"),
    "dtype": (((4,), "float33"), {}, "unknown dtype 'float33'"),
    "no dtype": (((4,), ["float32"]), {}, "dtype must be"),
    "law by name": (((4,), "float32", "hee"), {}, "unknown initialization 'hee'"),
    "law of integers": (((4,), "int64", N), {}, "real floating-point.*int64"),
    "fraction of integers": (((4,), "int64", fanin.constant(0.5)), {}, "a constant that is a whole number"),
    "layout": (((4, 3),), {"layout": "OIW"}, "names 3 axes"),
    "groups": (((4, 3),), {"layout": "OI", "groups": 3}, "groups=3 does not divide"),
    "groups without layout": (((4, 3),), {"groups": 2}, "need a layout"),
    "stride": (((4, 3, 5),), {"layout": "OIW", "stride": (1, 2)}, "one number per spatial axis"),
    "stream": (((4, 3),), {"stream": 5}, "stream must be text"),
    "streams without a stack": (((4, 3),), {"layout": "OI", "stream": ("a", "b", "c", "d")}, "stream must be text"),
    "one stream of a stack": (((4, 3),), {"layout": "SO", "stream": "abcd"}, "sequence of 4 names"),
    "too few streams": (((4, 3),), {"layout": "SO", "stream": ("a", "b")}, "stacks 4 slices. Received: 2 names"),
    "streams that are no text": (((2, 3),), {"layout": "SO", "stream": ("a", 1)}, "sequence of 2 names"),
    "note": (((4,),), {"note": 1}, "note must be text"),
    "parts": (((4,),), {"parts": [((0, 4),)]}, "parts must be a sequence of fanin.models.Part"),
    "part outside": (((4,),), {"parts": (part(((2, 5),)),)}, "within its parameter"),
    "part of another dtype": (((4,),), {"parts": (part(((0, 4),), dtype="bfloat16"),)}, "within its parameter"),
    "part of too few axes": (((4, 3),), {"parts": (part(((0, 4),)),)}, "within its parameter"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    arguments, settings, message = REFUSED[case]
    with pytest.raises(FaninError, match=message):
        Parameter(*arguments, **settings)


@pytest.mark.parametrize(
    ("region", "shape", "message"),
    [
        (((0, 4.0),), (4,), "whole number"),
        (((0,),), (4,), "start, stop"),
        (4, (4,), "start, stop"),
        (((-1, 3),), (4,), "at least 0"),
    ],
)
def test_a_region_that_is_none(region: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(FaninError, match=message):
        Part(region, Parameter(shape, initializer=N))


FOLLOWS: dict[str, tuple[Parameter, bool]] = {
    "a law": (Parameter((4, 3), initializer=N), True),
    "nothing": (Parameter((4, 3)), False),
    "a note": (Parameter((4, 3), note="computed"), False),
    "nothing to fill": (Parameter((0, 3)), True),
    "a scalar": (Parameter(()), False),
    "parts that fill": (Parameter((4, 3), parts=(part(((0, 1), (0, 3))), part(((1, 4), (0, 3))))), True),
    "parts with a gap": (Parameter((4, 3), parts=(part(((0, 1), (0, 3))), part(((2, 4), (0, 3))))), False),
    # as many elements as the whole, of which some come twice
    "parts that overlap": (Parameter((6, 2), parts=(part(((0, 3), (0, 2))), part(((1, 4), (0, 2))))), False),
    "a corner missing": (
        Parameter((4, 4), parts=(part(((0, 4), (0, 3))), part(((0, 3), (1, 4))))),
        False,
    ),
    "a law and a part without one": (
        Parameter((4,), initializer=N, parts=(part(((0, 2),), initializer=None),)),
        False,
    ),
    "parts that fill, and one without a law": (
        Parameter((4,), parts=(part(((0, 4),)), part(((0, 1),), initializer=None, note="computed"))),
        False,
    ),
    "parts of a part": (
        Parameter((4,), parts=(part(((0, 4),), initializer=None, parts=(part(((0, 3),)), part(((3, 4),)))),)),
        True,
    ),
}


@pytest.mark.parametrize("case", FOLLOWS)
def test_follows_laws(case: str) -> None:
    parameter, follows = FOLLOWS[case]
    assert parameter.follows_laws is follows


def test_streams_are_kept_under_another_name() -> None:
    inner = part(((0, 2),))
    parameter = Parameter((4,), initializer=N, parts=(inner, part(((2, 4),), stream="elsewhere")))
    kept = parameter.with_streams_of("old")
    assert kept.stream == "old"
    assert [one.parameter.stream for one in kept.parts] == ["old#0", "elsewhere"]
    assert Parameter((4,), initializer=fanin.ones()).with_streams_of("old").stream is None  # nothing is random
    assert Parameter((4, 3), initializer=N, layout="SO").with_streams_of("old").stream is None  # one per slice


def test_a_plan_needs_a_law() -> None:
    for parameter, reason in (
        (Parameter((4,)), "none was stated"),
        (Parameter((4,), note="computed: arange"), "computed: arange"),
        (Parameter((4,), parts=(part(((0, 4),)),)), "its parts have"),
    ):
        with pytest.raises(FaninError, match=f"w has no law of its own: {reason}"):
            parameter.plan("w")


@pytest.mark.parametrize(
    ("note", "needed"),
    [
        (None, False),
        ("computed: arange, mul", False),
        ("random, replayed by torch's arithmetic: rand, log", True),
        ("unknown: the code read its numbers", True),
        ("left as it is", False),
    ],
)
def test_what_only_a_recording_can_compute_again(note: str | None, needed: bool) -> None:
    assert Parameter((3,), "float32", note=note).needs_recording is needed
