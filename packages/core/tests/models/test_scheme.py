"""A scheme as a mapping: what it is made from, and its other names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.models import Part

from .weights import stored

N = fanin.normal(std=0.02)
SCHEME = Scheme(
    {
        "a": Parameter((3,), initializer=N),
        "b": Parameter((3,), initializer=N, stream="a"),
        "ones": Parameter((2,), initializer=fanin.ones()),
        "packed": Parameter((4,), initializer=fanin.zeros(), parts=(Part(((1, 3),), Parameter((2,), initializer=N)),)),
        "stack": Parameter((2, 2), initializer=N, layout="SO", stream=("x", "y")),
    }
)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([("w", Parameter((3,)))], "mapping of names to fanin.Parameter. Received: list"),
        ({"w": (3,)}, "'w': tuple"),
        ({5: Parameter((3,))}, "5: Parameter"),
    ],
)
def test_what_a_scheme_is_made_from(parameters: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        Scheme(parameters)


def test_a_mapping() -> None:
    assert list(SCHEME) == ["a", "b", "ones", "packed", "stack"]
    assert Scheme(dict(SCHEME)) == SCHEME
    assert dict(SCHEME) != Scheme({})
    source = {"w": Parameter((3,))}
    scheme = Scheme(source)
    source.clear()
    assert len(scheme) == 1


@pytest.mark.parametrize(
    "names",
    [
        {"a": "b", "b": "a", "packed": "qkv", "stack": "s"},
        lambda name: f"model.{name}",
        {"ones": "z"},
        {},
    ],
)
def test_other_names_have_the_same_weights(names: dict[str, str] | Callable[[str], str]) -> None:
    renamed = SCHEME.rename(names)
    for (name, parameter), (new, other) in zip(SCHEME.items(), renamed.items(), strict=True):
        assert new == (names(name) if callable(names) else names.get(name, name))
        assert stored(other, new) == stored(parameter, name)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"a": "b"}, "two parameters would be called 'b'"),
        (lambda name: "w", "two parameters would be called 'w'"),
        ({"c": "d"}, "the scheme has no c. It has: a, b, ones, packed, stack"),
        ({"a": 5}, "name is text. Received: 5 for 'a'"),
        (lambda name: ["w"], "name is text"),
        ("ab", "mapping or a function. Received: str"),
    ],
)
def test_names_that_are_refused(names: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        SCHEME.rename(names)


def test_only_laws() -> None:
    scheme = Scheme(
        {"w": Parameter((3,), initializer=N), "table": Parameter((3,), note="computed"), "p": Parameter(())}
    )
    assert list(scheme.only_laws()) == ["w"]
