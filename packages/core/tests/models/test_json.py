"""A scheme as text: stable, strict, one line per parameter, and every mistake in it named."""

from __future__ import annotations

import difflib
import json
import math
from typing import Any

import pytest

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.models import Part
from fanin.profiles import PROFILES

SCHEME = Scheme(
    {
        "conv.weight": Parameter((6, 2, 3, 5), "bfloat16", fanin.he_normal(), layout="OIHW", groups=3),
        "up.weight": Parameter((6, 2, 3), "float32", fanin.he_uniform(), layout="IOW", transposed=True, stride=(2,)),
        "norm.weight": Parameter((6,), "float64", fanin.ones()),
        "cut": Parameter((6,), "float32", fanin.truncated_normal(std=0.02, lower=-math.inf, upper=1.5)),
        "stack": Parameter((2, 3, 4), "float32", fanin.random(), layout="SOI", stream=("l.0.w", "l.1.w")),
        "tied": Parameter((3,), "float32", fanin.random(), stream="conv.weight"),
        "packed": Parameter(
            (4, 3),
            "float16",
            parts=(
                Part(((0, 3), (0, 3)), Parameter((3, 3), "float16", fanin.orthogonal(0.5), layout="OI", stream="q")),
                Part(((3, 4), (0, 3)), Parameter((1, 3), "float16", fanin.zeros())),
            ),
        ),
        "steps": Parameter((), "int64", note="computed: arange"),
        'quote " and é': Parameter((0, 3), "float32", fanin.zeros()),
    }
)

TEXT = r"""{
  "fanin_scheme": 1,
  "parameters": {
    "conv.weight": {"shape": [6, 2, 3, 5], "dtype": "bfloat16", "law": {"initializer": "variance_scaling", "scale": 2.0, "mode": "fan_in", "distribution": "normal"}, "layout": "OIHW", "groups": 3},
    "up.weight": {"shape": [6, 2, 3], "dtype": "float32", "law": {"initializer": "variance_scaling", "scale": 2.0, "mode": "fan_in", "distribution": "uniform"}, "layout": "IOW", "transposed": true, "stride": [2]},
    "norm.weight": {"shape": [6], "dtype": "float64", "law": {"initializer": "constant", "value": 1.0}},
    "cut": {"shape": [6], "dtype": "float32", "law": {"initializer": "truncated_normal", "mean": 0.0, "std": 0.02, "lower": "-inf", "upper": 1.5}},
    "stack": {"shape": [2, 3, 4], "dtype": "float32", "law": {"initializer": "normal", "mean": 0.0, "std": 0.01}, "layout": "SOI", "stream": ["l.0.w", "l.1.w"]},
    "tied": {"shape": [3], "dtype": "float32", "law": {"initializer": "normal", "mean": 0.0, "std": 0.01}, "stream": "conv.weight"},
    "packed": {"shape": [4, 3], "dtype": "float16", "parts": [{"region": [[0, 3], [0, 3]], "law": {"initializer": "orthogonal", "gain": 0.5}, "layout": "OI", "stream": "q"}, {"region": [[3, 4], [0, 3]], "law": {"initializer": "constant", "value": 0.0}}]},
    "steps": {"shape": [], "dtype": "int64", "note": "computed: arange"},
    "quote \" and \u00e9": {"shape": [0, 3], "dtype": "float32", "law": {"initializer": "constant", "value": 0.0}}
  }
}
"""  # noqa: E501  # one line per parameter


def refuse(word: str) -> float:
    raise AssertionError(f"{word} is no JSON")


def test_the_text() -> None:
    """What is written is fixed: other programs, and later versions, read it."""
    assert SCHEME.to_json() == TEXT
    json.loads(TEXT, parse_constant=refuse)


def test_round_trip() -> None:
    again = Scheme.from_json(TEXT)
    assert again == SCHEME
    assert list(again) == list(SCHEME)
    assert Scheme.from_json(Scheme({}).to_json()) == Scheme({})


@pytest.mark.parametrize("name", [name for name, one in PROFILES.items() if not one.needs_settings])
def test_every_profile_comes_back(name: str) -> None:
    scheme = Scheme({"w": Parameter((4, 3), initializer=fanin.profile(name), layout="OI")})
    assert Scheme.from_json(scheme.to_json()) == scheme


def test_settings_that_are_tuples_come_back() -> None:
    law = fanin.profile(
        "jax:variance_scaling", scale=1.0, mode="fan_in", distribution="normal", in_axis=(0, 1), batch_axis=(2,)
    )
    scheme = Scheme({"w": Parameter((4, 3, 2, 5), initializer=law)})
    assert Scheme.from_json(scheme.to_json()) == scheme


def test_a_change_is_one_line() -> None:
    changed = Scheme({**SCHEME, "norm.weight": Parameter((6,), "float64", fanin.zeros())})
    lines = difflib.unified_diff(TEXT.splitlines(), changed.to_json().splitlines(), n=0, lineterm="")
    assert [line[:18] for line in lines][3:] == ['-    "norm.weight"', '+    "norm.weight"']


def record(**settings: Any) -> str:
    data = {"shape": [4, 3], "dtype": "float32", "law": {"initializer": "normal"}, **settings}
    return json.dumps({"fanin_scheme": 1, "parameters": {"a": {"shape": [2]}, "fc.w": data}})


MISTAKES: dict[str, tuple[Any, str]] = {
    "no text": (b"{}", "JSON is text. Received: bytes"),
    "no JSON": ("shape: 3", "must be JSON: Expecting value"),
    "half a file": (TEXT[:200], "must be JSON"),
    "nested without end": ("[" * 100_000, "must be JSON"),
    "a list": ("[1]", "object with fanin_scheme and parameters. Received: list"),
    "something else": ('{"lock": 1}', "Received: the keys lock"),
    "a lock": ('{"fanin_lock": 1, "parameters": {}}', "That is a lock: .*Lock.from_json"),
    "nothing": ("{}", "Received: the keys none"),
    "no parameters": ('{"fanin_scheme": 1}', "Received: the keys fanin_scheme"),
    "one key more": ('{"fanin_scheme": 1, "parameters": {}, "seed": 3}', "the keys fanin_scheme, parameters, seed"),
    "parameters as a list": ('{"fanin_scheme": 1, "parameters": []}', "the latter an object"),
    "the next version": (TEXT.replace('scheme": 1', 'scheme": 2'), "schemes of version 1. Received: version 2"),
    "no version": (TEXT.replace('scheme": 1', 'scheme": true'), "Received: version True"),
    "a key twice": (
        '{"fanin_scheme": 1, "parameters": {"w": {"shape": [2]}, "w": {"shape": [3]}}}',
        "'w' more than once",
    ),
    "an infinity": (TEXT.replace('"-inf"', "-Infinity"), 'strict.*-Infinity.*"inf"'),
    "NaN": (TEXT.replace("0.02", "NaN"), "strict.*NaN"),
    "no shape": ('{"fanin_scheme": 1, "parameters": {"fc.w": {"dtype": "float32"}}}', "fc.w: .*has a shape"),
    "no mapping": ('{"fanin_scheme": 1, "parameters": {"fc.w": 5}}', "fc.w: .*mapping. Received: 5"),
    "an unknown key": (record(layuot="OI"), "fc.w: .*Received: 'layuot'. Did you mean 'layout'"),
    "the field's name": (record(initializer="he"), "fc.w: .*Received: 'initializer'"),
    "an unknown law": (record(law={"initializer": "nromal"}), "fc.w: .*Did you mean 'normal'"),
    "a law without a name": (record(law={"std": 1.0}), "fc.w: .*Received: None"),
    "a law as text": (record(law="he"), "fc.w: .*mapping"),
    "a setting too many": (
        record(law={"initializer": "normal", "scale": 1.0}),
        "fc.w: normal has the settings",
    ),
    "a setting out of range": (record(law={"initializer": "normal", "std": -1.0}), "fc.w: std must be above 0"),
    "a setting of text": (record(law={"initializer": "normal", "std": "0.1"}), "fc.w: std must be a real number"),
    "an infinite std": (record(law={"initializer": "normal", "std": "inf"}), "fc.w: std must be finite"),
    "a shape of text": (record(shape="43"), "fc.w: shape must be a list"),
    "a shape of halves": (record(shape=[4.5, 3]), "fc.w: shape must be a sequence of whole numbers"),
    "a layout": (record(layout=["O", "I"]), "fc.w: layout must be a string"),
    "transposed": (record(layout="OI", transposed=1), "fc.w: transposed must be True or False"),
    "a dtype": (record(dtype=None), "fc.w: dtype must be"),
    "parts": (record(parts={"region": []}), "fc.w: parts must be a list"),
    "a part": (record(parts=[3]), "fc.w: part 0: .*mapping"),
    "a part without a region": (record(parts=[{"law": {"initializer": "normal"}}]), "fc.w: part 0: .*region"),
    "a region of one end": (record(parts=[{"region": [[0], [0, 3]]}]), "fc.w: part 0: .*region"),
    "a region of halves": (record(parts=[{"region": [[0, 0.5], [0, 3]]}]), "fc.w: part 0: .*whole number"),
    "a region that ends before": (record(parts=[{"region": [[3, 1], [0, 3]]}]), "fc.w: part 0: stop - start"),
    "a region that leaves": (record(parts=[{"region": [[0, 5], [0, 3]]}]), "fc.w: a part has a region"),
    "a part with a shape": (record(parts=[{"region": [[0, 4], [0, 3]], "shape": [4, 3]}]), "part 0: .*'shape'"),
    "a part's part": (record(parts=[{"region": [[0, 4], [0, 3]], "parts": [7]}]), "fc.w: part 0: part 0: "),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named(case: str) -> None:
    text, message = MISTAKES[case]
    with pytest.raises(FaninError, match=message):
        Scheme.from_json(text)


def test_the_record_of_the_mistakes_is_right() -> None:
    assert Scheme.from_json(record())["fc.w"] == Parameter((4, 3), initializer=fanin.normal())
