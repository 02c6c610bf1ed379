"""A scheme as a table for people: what is one row, and what is not."""

from __future__ import annotations

import pytest

import fanin
from fanin import Parameter, Scheme
from fanin.models import Part

N = fanin.normal(std=0.02)
Z = fanin.zeros()


def rows(scheme: Scheme) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in str(scheme).splitlines()[1:]]


def names(scheme: Scheme) -> list[str]:
    return [row[0] for row in rows(scheme)]


def plain(*given: str) -> Scheme:
    return Scheme({name: Parameter((3,), initializer=N) for name in given})


NAMES: dict[str, tuple[list[str], list[str]]] = {
    "all of a range": ([f"l.{k}.w" for k in range(12)], ["l.{0..11}.w"]),
    "two": (["l.0.w", "l.1.w"], ["l.{0,1}.w"]),
    "gaps": ([f"l.{k}.w" for k in (0, 1, 2, 3, 5, 7, 8, 9)], ["l.{0..3,5,7..9}.w"]),
    "a grid": ([f"s.{i}.b.{j}.w" for i in (2, 3) for j in range(3)], ["s.{2,3}.b.{0..2}.w"]),
    # blocks of unlike depths are no grid: every name that a row says is there
    "an uneven grid": (["s.0.b.0", "s.0.b.1", "s.1.b.0", "s.1.b.1", "s.1.b.2"], ["s.0.b.{0,1}", "s.1.b.{0..2}"]),
    "a diagonal": (["s.0.b.1", "s.1.b.0"], ["s.0.b.1", "s.1.b.0"]),
    "no order": (["l.2.w", "l.0.w", "l.1.w"], ["l.{0..2}.w"]),
    "leading zeros": (["l.00.w", "l.01.w", "l.1.w"], ["l.00.w", "l.01.w", "l.1.w"]),
    "a number at the end": (["w0", "w1", "w2"], ["w{0..2}"]),
    "alone": (["w", "v.3"], ["w", "v.3"]),
    "long": ([f"{'a' * 200}.{k}" for k in range(3)], [f"{'a' * 200}.{{0..2}}"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_differ_by_numbers(case: str) -> None:
    given, shown = NAMES[case]
    assert names(plain(*given)) == shown


@pytest.mark.parametrize(
    "other",
    [
        Parameter((4,), initializer=N),
        Parameter((3,), "bfloat16", N),
        Parameter((3,), initializer=fanin.normal(std=0.03)),
        Parameter((3,), initializer=N, layout="O"),
        Parameter((3,), initializer=N, stream="elsewhere"),
    ],
)
def test_what_differs_otherwise_is_another_row(other: Parameter) -> None:
    scheme = Scheme({"l.0.w": Parameter((3,), initializer=N), "l.1.w": other})
    assert names(scheme) == ["l.0.w", "l.1.w"]


TABLE = """\
name                       shape      dtype    law                layout                               stream
l.{0..2}.conv.weight       6 x 2 x 3  float32  N(0, 0.02^2)       OIW, 3 groups
l.{0..2}.up.weight         6 x 2 x 3  float32  N(0, 0.02^2)       IOW, 2 groups, transposed, stride 2
l.{0..2}.packed            4 x 3      float32  2 parts
  l.{0..2}.packed[0:2, :]  2 x 3      float32  N(0, 0.02^2)
  l.{0..2}.packed[2:4, :]  2 x 3      float32  every weight is 0
l.{0..2}.count             scalar     int64    computed: full
stack                      3 x 2      float32  N(0, 0.02^2)       SO                                   a.0, ..., a.2
l.{0,1}.tied               3          float32  N(0, 0.02^2)                                            e.{0,1}.w
fixed                      3          float32  every weight is 0
shape                      3          float32  none"""


def test_the_whole_table() -> None:
    half = Parameter((2, 3), initializer=N)
    parts = (Part(((0, 2), (0, 3)), half), Part(((2, 4), (0, 3)), Parameter((2, 3), initializer=Z)))
    layer = {
        "conv.weight": Parameter((6, 2, 3), initializer=N, layout="OIW", groups=3),
        "up.weight": Parameter((6, 2, 3), initializer=N, layout="IOW", groups=2, transposed=True, stride=(2,)),
        "packed": Parameter((4, 3), parts=parts),
        "count": Parameter((), "int64", note="computed: full"),
    }
    scheme = Scheme(
        {
            **{f"l.{k}.{name}": one for k in range(3) for name, one in layer.items()},
            "stack": Parameter((3, 2), initializer=N, layout="SO", stream=("a.0", "a.1", "a.2")),
            "l.0.tied": Parameter((3,), initializer=N, stream="e.0.w"),
            "l.1.tied": Parameter((3,), initializer=N, stream="e.1.w"),
            "fixed": Parameter((3,), initializer=Z, stream="says nothing"),
            "shape": Parameter((3,)),
        }
    )
    assert str(scheme) == TABLE


def test_a_row_stands_where_its_first_parameter_does() -> None:
    """Rows that look alike and are no grid stand apart: those of the last stage are behind what is in between."""
    given = ["s.0.n.0", "s.0.n.1", "s.0.w", "s.1.n.0", "s.1.n.1", "s.1.n.2", "s.1.w", "s.0.n.7"]
    assert names(plain(*given)) == ["s.0.n.{0,1,7}", "s.{0,1}.w", "s.1.n.{0..2}"]


def test_columns_that_say_nothing_are_left_out() -> None:
    assert str(plain("w")).splitlines() == ["name  shape  dtype    law", "w     3      float32  N(0, 0.02^2)"]


def test_streams_are_told_apart() -> None:
    """Swapped streams are not those of the row's own numbers, and a shared one is said once."""
    crossed = {f"l.{k}.w": Parameter((3,), initializer=N, stream=f"e.{1 - k}.w") for k in (0, 1)}
    assert [row[-1] for row in rows(Scheme(crossed))] == ["e.1.w", "e.0.w"]
    copied = {f"l.{k}.w1": Parameter((3,), initializer=N, stream="l.0.w1") for k in range(4)}
    assert [(row[0], row[-1]) for row in rows(Scheme(copied))] == [
        ("l.0.w1", "N(0, 0.02^2)"),
        ("l.{1..3}.w1", "l.0.w1"),
    ]
    shared = {f"l.{k}.w": Parameter((3,), initializer=N, stream="e.w") for k in (0, 1)}
    assert [(row[0], row[-1]) for row in rows(Scheme(shared))] == [("l.{0,1}.w", "e.w")]


def test_a_part_that_comes_twice() -> None:
    same = Part(((0, 2),), Parameter((2,), initializer=N))
    assert len(rows(Scheme({"w": Parameter((2,), parts=(same, same))}))) == 2


def test_nothing() -> None:
    assert str(Scheme({})) == "name"
    assert repr(Scheme({})) == "<fanin.Scheme of 0 parameters>"


def test_a_law_without_numbers() -> None:
    """A tensor without elements has a row too, and one whose law cannot be drawn."""
    scheme = Scheme(
        {
            "w": Parameter((0, 0), initializer=fanin.he_normal(), layout="OI"),
            "v": Parameter((3, 2), initializer=fanin.he_normal()),
        }
    )
    assert [row[3][:15] for row in rows(scheme)] == ["VarianceScaling"] * 2
