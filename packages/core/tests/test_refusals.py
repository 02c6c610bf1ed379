"""Section 10 of the specification: what it says is refused is refused, and what it excepts is accepted."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

import fanin
from fanin.plans import Plan

TEXT = (Path(__file__).parents[3] / "docs" / "spec.md").read_text(encoding="utf-8")
SECTION = " ".join(TEXT.partition("## 10. What is refused")[2].partition("\n## ")[0].split())
CLAUSES = re.split(r" - |\*\*\w[\w ,()]+\.?\*\* ?", SECTION)
"""The bullets, and the paragraphs between them."""

NORMAL = {"initializer": "normal", "mean": 0.0, "std": 1.0}
STACK: dict[str, Any] = {"shape": (2, 3, 4), "layout": "SOI"}
SPLIT: dict[str, Any] = {"layout": "IIO", "transposed": True, "groups": 2}


def law(kind: str, **settings: object) -> dict[str, object]:
    return {"initializer": kind, **settings}


def orthogonal(gain: float) -> dict[str, object]:
    return law("orthogonal", gain=gain)


def normal(mean: float, std: float) -> dict[str, object]:
    return law("normal", mean=mean, std=std)


def truncated(std: float, lower: float, upper: float) -> dict[str, object]:
    return law("truncated_normal", mean=0.0, std=std, lower=lower, upper=upper)


def scaling(scale: float, mode: str = "fan_in", distribution: str = "normal") -> dict[str, object]:
    return law("variance_scaling", scale=scale, mode=mode, distribution=distribution)


# The words of the text, the arguments of a tensor that is refused, and of ones near it that are accepted.
Row = tuple[str, dict[str, Any], list[dict[str, Any]]]
SEED_AND_NAMES: list[Row] = [
    ("a seed that is not an integer in [0, 2⁶⁴)", {"seed": 2**64}, [{"seed": 2**64 - 1}]),
    ("also where no word is drawn", {"seed": -1, "law": "zeros"}, []),
    ('"Not an integer" includes truth values', {"seed": True}, []),
    ("so a list of names too", {"name": ["a"]}, [{"name": ""}, {"name": None}]),
    ("one text", {**STACK, "name": "ab", "law": "zeros"}, []),
    ("names that are not one for each position", {**STACK, "name": ["a"]}, [{**STACK, "name": ["a", "b"]}]),
    ("not all text (an absent one is none)", {**STACK, "name": ["a", None]}, []),
    ("not all different", {**STACK, "name": ["a", "a"], "law": "zeros"}, []),
    ("no names, unless the initializer draws no word", STACK, [{**STACK, "law": "ones"}, {**STACK, "law": "dirac"}]),
    ("has an empty list of names", {"shape": (0, 2), "layout": "SO"}, [{"shape": (0, 2), "layout": "SO", "name": []}]),
    ("text that UTF-8 cannot encode", {"name": "a\ud800", "law": "zeros"}, []),
    (
        "The names of a stack outside the drawn part are not encoded",
        {**STACK, "name": ["a", "\ud800"]},
        [{**STACK, "name": ["a", "\ud800"], "slices": (slice(0, 1),)}],
    ),
]
SHAPE: list[Row] = [
    ("a size that is not an integer ≥ 0", {"shape": (-1,)}, [{"shape": (0,)}]),
    ("where a size of 0 counts as 1", {"shape": (2**32, 0, 2**31)}, [{"shape": (2**62, 0)}]),
    ("lower case is not accepted", {"shape": (2, 3), "layout": "oi"}, []),
    ("a letter other than", {"shape": (2, 3), "layout": "OX"}, []),
    ("without exactly one letter per axis", {"layout": "OI"}, [{"shape": (), "layout": ""}]),
    ("`W`, `S` twice", {"shape": (2, 3), "layout": "HH"}, [{"shape": (2, 3), "layout": "OO"}]),
    ("groups other than 1", {"groups": 2}, [{"groups": 1}]),
    ("a transposed convolution", {"transposed": True}, []),
    ("any stride, even 1", {"stride": 1}, [{"layout": "O", "stride": 7}]),
    ("groups that are not an integer ≥ 1", {"layout": "O", "groups": 0}, []),
    (
        "do not divide the stored out-channels",
        {"shape": (4, 3), "layout": "OI", "groups": 3},
        [{"shape": (4, 3), "layout": "OI", "groups": 3, "transposed": True}],
    ),
    ("which are 1 where there is no such axis", {"layout": "I", "groups": 2}, []),
    ("a stride that is not an integer ≥ 1", {"layout": "W", "stride": 0}, []),
    ("one per spatial axis, transposed or not", {"layout": "W", "stride": (1, 1)}, [{"layout": "W", "stride": (3,)}]),
    (
        "that the groups do not split (6.2)",
        {**SPLIT, "shape": (3, 4, 5), "law": "zeros"},
        [{**SPLIT, "shape": (4, 3, 5)}, {**SPLIT, "shape": (3, 4, 1)}],
    ),
    ("or the initializer is of section 9", {**SPLIT, "shape": (3, 4, 1), "law": "identity"}, []),
    ("more ranges than the tensor has axes", {"slices": (slice(0, 1), slice(0, 1))}, [{"slices": (slice(0, 1),)}]),
    ("0 ≤ start ≤ stop ≤ size", {"slices": (slice(0, 5),)}, [{"slices": (slice(4, 4),)}]),
    ("a step other than 1", {"slices": (slice(0, 4, 2),)}, [{"slices": (slice(0, 4, 1),)}]),
    ("of 2⁶³ bytes or more", {"shape": (2**61,)}, [{"shape": (2**61,), "slices": (slice(0, 9),)}]),
]
DTYPE_AND_SETTINGS: list[Row] = [
    ("one that is not in the table of 4.4", {"dtype": "float8_e4m3"}, [{"dtype": "float8_e4m3fn"}]),
    ("an unknown initializer, setting, mode or distribution", {"law": "henormal"}, []),
    ("an unknown initializer, setting, mode or distribution", {"law": law("normal", sigma=1.0)}, []),
    ("an unknown initializer, setting, mode or distribution", {"law": scaling(1.0, "fan_max")}, []),
    ("an unknown initializer, setting, mode or distribution", {"law": scaling(1.0, "fan_in", "laplace")}, []),
    ("missing and has no default", {"law": "sparse"}, []),
    ("is a NaN", {"law": truncated(1.0, math.nan, 2.0)}, []),
    ("beyond the doubles", {"law": law("constant", value=10**400)}, []),
    ("one that is infinite", {"law": normal(math.inf, 1.0)}, [{"law": truncated(1.0, -math.inf, math.inf)}]),
    ("a std, a gain or a variance scale that is not above 0", {"law": normal(0.0, 0.0)}, []),
    ("a std, a gain or a variance scale that is not above 0", {"law": law("identity", gain=0.0)}, []),
    ("a std, a gain or a variance scale that is not above 0", {"law": scaling(0.0)}, []),
    ("a sparsity outside [0, 1]", {"law": law("sparse", sparsity=1.01)}, []),
    ("low ≥ high", {"law": law("uniform", low=1.0, high=1.0)}, []),
    ("lower ≥ upper", {"law": truncated(1.0, 2.0, 2.0)}, []),
    ("high − low or high + low that overflows", {"law": law("uniform", low=1e308, high=1.7e308)}, []),
]
RANGES: list[Row] = [
    ("no layout, where a fan is needed", {"law": "he"}, [{"law": "he", "layout": "O"}]),
    (
        "a fan n of 0 in variance scaling",
        {"law": "he", "shape": (4, 0), "layout": "OI"},
        [{"law": "he", "shape": (0, 4), "layout": "OI"}, {"law": "glorot_normal", "shape": (0, 4), "layout": "OI"}],
    ),
    ("that is 0 or infinite in doubles", {"law": scaling(5e-324), "shape": (4, 3), "layout": "OI"}, []),
    ("that is 0 or infinite in doubles", {"law": scaling(1e308, "fan_in", "uniform"), "layout": "O"}, []),
    ("a truncation with R < 2¹⁶", {"law": truncated(1.0, 5.0, 6.0)}, [{"law": truncated(1.0, 0.0, 4e-5)}]),
    ("a scale whose S, or whose c", {"law": normal(0.0, 1e39)}, []),
    ("below 2⁻⁹⁸ for the normal lattices", {"law": normal(0.0, 0.999 * 2.0**-98)}, [{"law": normal(0.0, 2.0**-98)}]),
    (
        "2⁻¹⁰² for the uniform",
        {"law": law("uniform", low=-(2.0**-103), high=2.0**-103)},
        [{"law": law("uniform", low=-(2.0**-102), high=2.0**-102)}],
    ),
    (
        "2⁻⁹⁹⁴ and 2⁻⁹⁹⁸ for float64",
        {"law": normal(0.0, 2.0**-995), "dtype": "float64"},
        [{"law": normal(0.0, 2.0**-994), "dtype": "float64"}],
    ),
    ("whether or not it is drawn", {"law": normal(0.0, 1.1e4), "dtype": "float16", "shape": (0,)}, []),
    (
        "min(⌊hi·2²⁸⌋, 1672422726)",
        {"law": truncated(4e4, -2.0, 2.0), "dtype": "float16"},
        [{"law": truncated(2e4, -2.0, 2.0), "dtype": "float16"}],
    ),
    (
        "Likewise a constant",
        {"law": law("constant", value=65520.0), "dtype": "float16"},
        [{"law": law("constant", value=65519.0), "dtype": "float16"}],
    ),
]
MATRICES: list[Row] = [
    ("a layout that is absent", {"law": "dirac"}, []),
    ("or without `O` or without `I`", {"law": "dirac", "layout": "O"}, []),
    (
        "spatial axes, for `identity` and `sparse`",
        {"law": "identity", "shape": (2, 3, 1), "layout": "OIW"},
        [{"law": "dirac", "shape": (2, 3, 1), "layout": "OIW"}],
    ),
    (
        "a `delta_orthogonal` with fewer rows than columns",
        {"law": "delta_orthogonal", "shape": (2, 4, 3), "layout": "OIW"},
        [{"law": "delta_orthogonal", "shape": (4, 4, 3), "layout": "OIW"}],
    ),
    (
        "overflows the dtype, as a constant",
        {"law": law("dirac", gain=1e39), "shape": (2, 2), "layout": "OI"},
        [{"law": law("dirac", gain=1e-300), "shape": (2, 2), "layout": "OI"}],
    ),
    (
        "RN32(gain)·2⁻²⁸ (RN64 for float64) is below the smallest normal number",
        {"law": orthogonal(0.999 * 2.0**-98), "shape": (2, 2), "layout": "OI"},
        [{"law": orthogonal(2.0**-98), "shape": (2, 2), "layout": "OI"}],
    ),
    (
        "`delta_orthogonal` that overflows the dtype",
        {"law": orthogonal(65520.0), "shape": (2, 2), "layout": "OI", "dtype": "float16"},
        [{"law": orthogonal(65519.0), "shape": (2, 2), "layout": "OI", "dtype": "float16"}],
    ),
    (
        "for `sparse` what is refused of `normal(0, std)`",
        {"law": law("sparse", sparsity=1.0, std=1e-30), "shape": (2, 2), "layout": "OI"},
        [],
    ),
]
EMPTY: list[Row] = [
    ("is refused for the same reasons as any other", {"shape": (0,), "law": normal(0.0, 1e-45)}, []),
    (
        "the groups need not split its in-axes",
        {**SPLIT, "shape": (3, 4, 5)},
        [{**SPLIT, "shape": (3, 4, 0)}, {**SPLIT, "shape": (3, 4, 0), "law": "identity"}],
    ),
    (
        "a `delta_orthogonal` may have fewer rows than columns",
        {"law": "delta_orthogonal", "shape": (2, 4, 1), "layout": "OIW"},
        [{"law": "delta_orthogonal", "shape": (2, 4, 0), "layout": "OIW"}],
    ),
    (
        "Groups divide 0 channels",
        {"shape": (3, 0), "layout": "OI", "groups": 2},
        [{"shape": (0, 3), "layout": "OI", "groups": 2}],
    ),
    (
        "The exceptions do not apply to an empty part of a tensor",
        {"law": "delta_orthogonal", "shape": (2, 4, 1), "layout": "OIW", "slices": (slice(0, 0),)},
        [],
    ),
]
ROWS = [*SEED_AND_NAMES, *SHAPE, *DTYPE_AND_SETTINGS, *RANGES, *MATRICES, *EMPTY]


def planned(arguments: dict[str, Any]) -> Plan:
    settings = {"shape": (4,), "law": NORMAL, **arguments}
    given = settings.pop("law")
    initializer = given if isinstance(given, str) else fanin.Initializer.from_dict(given)
    return fanin.plan(settings.pop("shape"), initializer, **settings)


@pytest.mark.parametrize(("words", "refused", "accepted"), ROWS)
def test_refused(words: str, refused: dict[str, Any], accepted: list[dict[str, Any]]) -> None:
    assert words in SECTION
    with pytest.raises(fanin.FaninError):
        planned(refused)
    for arguments in accepted:
        planned(arguments)


@pytest.mark.parametrize("clause", [clause for clause in CLAUSES if clause.strip()])
def test_each_clause_has_a_row(clause: str) -> None:
    assert any(words in clause for words, _, _ in ROWS)
