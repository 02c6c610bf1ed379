"""What two schemes do differently: what changes a weight, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import fanin
from fanin import FaninError, Parameter, Scheme, diff
from fanin.models import Part

N = fanin.normal(std=0.02)
HE = Parameter((4, 3), initializer=fanin.he_normal(), layout="OI")
LAW = fanin.normal(std=(2 / 3) ** 0.5)


def found(one: Parameter, two: Parameter) -> list[tuple[str, str, str]]:
    return [(each.what, each.first, each.second) for each in diff(Scheme({"w": one}), Scheme({"w": two}))]


def packed(*laws: Any, cut: int = 2, **settings: Any) -> Parameter:
    regions = [((0, cut), (0, 3)), ((cut, 4), (0, 3))][: len(laws)]
    return Parameter(
        (4, 3),
        initializer=fanin.zeros(),
        parts=tuple(
            Part(region, Parameter((region[0][1] - region[0][0], 3), initializer=law, **settings))
            for region, law in zip(regions, laws, strict=True)
        ),
    )


SAME: dict[str, tuple[Parameter, Parameter]] = {
    "equal": (HE, HE),
    "an initializer and its law": (HE, Parameter((4, 3), initializer=LAW, layout="OI")),
    "an initializer and its law without a layout": (
        HE,
        Parameter((4, 3), initializer=fanin.normal(std=(2 / 3) ** 0.5)),
    ),
    "the layout of a constant": (
        Parameter((3,), initializer=fanin.ones(), layout="O"),
        Parameter((3,), initializer=fanin.ones()),
    ),
    "the stream of a constant": (
        Parameter((3,), initializer=fanin.ones(), stream="a"),
        Parameter((3,), initializer=fanin.ones()),
    ),
    "a constant of integers": (
        Parameter((), "int64", fanin.zeros()),
        Parameter((), "int64", fanin.constant(0.0)),
    ),
    "the stream's name said": (Parameter((3,), initializer=N, stream="w"), Parameter((3,), initializer=N)),
    "a part's stream said": (packed(N, stream="w#0"), packed(N)),
    "groups that no fan counts": (
        Parameter((4, 3, 2), initializer=fanin.he_normal(), layout="OIW", groups=2),
        Parameter((4, 3, 2), initializer=fanin.he_normal(), layout="OIW"),
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_no_difference(case: str) -> None:
    one, two = SAME[case]
    none = diff(Scheme({"w": one}), Scheme({"w": two}))
    assert not none
    assert len(none) == 0
    assert str(none) == "no difference"
    assert not found(two, one)


DIFFERENT: dict[str, tuple[Parameter, Parameter, list[tuple[str, str, str]]]] = {
    "law": (
        Parameter((3,), initializer=N),
        Parameter((3,), initializer=fanin.uniform(-1.0, 1.0)),
        [("law", "N(0, 0.02^2)", "U(-1, 1)")],
    ),
    "law in the ninth digit": (
        Parameter((3,), initializer=N),
        Parameter((3,), initializer=fanin.normal(std=0.02000001)),
        [("law", "Normal(mean=0.0, std=0.02)", "Normal(mean=0.0, std=0.02000001)")],
    ),
    "no law": (
        Parameter((3,), initializer=N),
        Parameter((3,), note="computed: arange"),
        [("law", "N(0, 0.02^2)", "computed: arange")],
    ),
    "dtype": (
        Parameter((3,), initializer=N),
        Parameter((3,), "float64", N),
        [("dtype", "float32", "float64")],
    ),
    "constants of integers": (
        Parameter((2,), "int64", fanin.ones()),
        Parameter((2,), "int64", fanin.constant(3.0)),
        [("law", "every weight is 1", "every weight is 3")],
    ),
    "dtype, of integers": (
        Parameter((2,), "int64", fanin.ones()),
        Parameter((2,), "bool", fanin.ones()),
        [("dtype", "int64", "bool")],
    ),
    "dtype, and a law that one of them rounds": (
        Parameter((3,), initializer=fanin.constant(0.1)),
        Parameter((3,), "float64", fanin.constant(0.10000000149011612)),
        [
            ("dtype", "float32", "float64"),
            ("law", "Constant(value=0.1)", "Constant(value=0.10000000149011612)"),
        ],
    ),
    "shape": (Parameter((3,), initializer=N), Parameter((4,), initializer=N), [("shape", "(3,)", "(4,)")]),
    "shape and layout": (
        Parameter((4, 3), initializer=N, layout="OI"),
        Parameter((3, 4), initializer=N, layout="IO"),
        [("shape", "(4, 3)", "(3, 4)"), ("layout", "OI", "IO")],
    ),
    "layout": (
        Parameter((4, 4), initializer=fanin.he_normal(), layout="OI"),
        Parameter((4, 4), initializer=fanin.he_normal(), layout="IO"),
        [("layout", "OI", "IO")],
    ),
    "layout, and so the fans": (
        HE,
        Parameter((4, 3), initializer=fanin.he_normal(), layout="IO"),
        [("law", "N(0, 0.816497^2)", "N(0, 0.707107^2)"), ("layout", "OI", "IO")],
    ),
    "stream": (
        Parameter((3,), initializer=N),
        Parameter((3,), initializer=N, stream="tied"),
        [("stream", "w", "tied")],
    ),
    "streams of a stack": (
        Parameter((2, 3), initializer=N, layout="SO", stream=("a", "b")),
        Parameter((2, 3), initializer=N, layout="SO", stream=("b", "a")),
        [("stream", "a, b", "b, a")],
    ),
    "groups of a matrix": (
        Parameter((4, 2, 1), initializer=fanin.orthogonal(), layout="OIW", groups=2),
        Parameter((4, 2, 1), initializer=fanin.orthogonal(), layout="OIW"),
        [("law", "Q, Q orthogonal, 2 matrices of 2 x 2", "Q, Q orthogonal, one matrix of 4 x 2")],
    ),
    "number of parts": (packed(N), packed(N, N), [("parts", "1", "2")]),
    "a part's law": (
        packed(N, N),
        packed(N, "ones"),
        [("law of [2:4, :]", "N(0, 0.02^2)", "every weight is 1")],
    ),
    "a part's stream": (packed(N), packed(N, stream="q"), [("stream of [0:2, :]", "w#0", "q")]),
    "a part's region": (packed(N), packed(N, cut=3), [("parts", "0:2, :", "0:3, :")]),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_a_difference(case: str) -> None:
    one, two, differences = DIFFERENT[case]
    assert found(one, two) == differences
    assert found(two, one) == [(what, second, first) for what, first, second in differences]


def test_the_table() -> None:
    first = Scheme({"a": Parameter((3,), initializer=N), "only": Parameter((3,), initializer=fanin.ones()), "b": HE})
    second = Scheme({"a": Parameter((3,), "bfloat16", fanin.zeros()), "b": HE, "new": Parameter((2,), initializer=N)})
    differences = diff(first, second)
    assert str(differences).splitlines() == [
        "name  what     first              second",
        "a     dtype    float32            bfloat16",
        "a     law      N(0, 0.02^2)       every weight is 0",
        "only  missing  every weight is 1",
        "new   missing                     N(0, 0.02^2)",
    ]
    assert repr(differences) == "<fanin.models.SchemeDiff of 4 differences>"
    assert [one.name for one in differences[1:3]] == ["a", "only"]


def test_a_missing_table_is_named_in_brief() -> None:
    long = Parameter((3,), note="computed: arange, div, pow, reciprocal, mul, gt, where")
    law = Parameter((3,), initializer=fanin.profile("torch:trunc_normal", std=0.0123456789, a=-0.0234567, b=0.03456789))
    brief = "computed: arange, div, pow, reciprocal, ..."
    assert [(one.first, one.second) for one in diff(Scheme({"t": long}), Scheme({"u": long}))] == [
        (brief, ""),
        ("", brief),
    ]
    assert len(diff(Scheme({"w": law}), Scheme({}))[0].first) > 40
    other = Parameter((3,), note=f"{long.note}, sub")
    assert found(long, other) == [("law", long.note, other.note)]


def test_rows_of_one_kind() -> None:
    first = Scheme({f"l.{k}.w": Parameter((3,), initializer=N) for k in range(4)})
    second = Scheme({name: Parameter((3,), initializer=fanin.ones()) for name in first})
    differences = diff(first, second)
    assert len(differences) == 4
    assert str(differences).splitlines()[1:] == ["l.{0..3}.w  law   N(0, 0.02^2)  every weight is 1"]


def test_names() -> None:
    """Streams that go by the parameters' names, those of parts and of tied tensors too, follow the mapping."""
    first = Scheme(
        {
            "w": Parameter((3,), initializer=N),
            "tied": Parameter((3,), initializer=N, stream="w"),
            "packed": packed(N, stream="packed#0"),
            "stack": Parameter((2, 3), initializer=N, layout="SO", stream=("w", "x")),
            "same": HE,
        }
    )
    names = {"w": "weight", "tied": "head", "packed": "qkv"}
    second = Scheme(
        {
            "same": HE,
            "weight": Parameter((3,), initializer=N),
            "head": Parameter((3,), initializer=N, stream="weight"),
            "qkv": packed(N),
            "stack": Parameter((2, 3), initializer=N, layout="SO", stream=("weight", "x")),
        }
    )
    assert not diff(first, second, names)
    assert {one.what for one in diff(first, second)} == {"missing", "stream"}
    crossed = Scheme({**second, "head": Parameter((3,), initializer=N)})
    assert [(one.name, one.first, one.second) for one in diff(first, crossed, names)] == [("tied", "w", "head")]


def test_a_renamed_scheme_draws_the_same() -> None:
    first = Scheme({"w": HE, "packed": packed(N, "he", layout="OI"), "stack": Parameter((2, 3), layout="SO")})
    renamed = first.rename(lambda name: f"model.{name}")
    assert not diff(first, renamed, {name: f"model.{name}" for name in first})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"v": "w"}, "'v': 'w', and the first scheme has no such parameter"),
        ({"w": "weight.1"}, "second scheme has no such parameter"),
        (["w"], "must map"),
    ],
)
def test_names_that_are_not_there(names: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        diff(Scheme({"w": HE}), Scheme({"w": HE}), names)


def test_only_schemes() -> None:
    with pytest.raises(FaninError, match=r"two fanin\.Scheme values\. Received: dict"):
        diff(Scheme({"w": HE}), {"w": HE})  # type: ignore[arg-type]


def test_what_follows_no_law_is_not_compared() -> None:
    noted = [fanin.Parameter((3,), "float32", note=f"random, replayed: {text}") for text in ("abs", "abs", "tril")]
    law = fanin.Parameter((3,), "float32", fanin.zeros())
    first = fanin.Scheme(dict.fromkeys("abcde", noted[0]) | {"law": law})
    found = fanin.diff(first, fanin.Scheme(dict.fromkeys("abcd", noted[1]) | {"e": noted[2], "law": law}))
    assert [one.name for one in found] == ["e"]
    assert found.uncompared == ("a", "b", "c", "d")
    assert str(found).splitlines()[-1] == "not compared, since they follow no law: a, b, c and 1 more"
    same = fanin.diff(first, first)
    assert not same
    assert str(same).splitlines()[0] == "no difference"
