"""Initializers of whole matrices: their rules, and the reference against constructions of its own."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest

import fanin
from fanin import Initializer, reference
from fanin.contract import Capabilities, Description
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.layout import Geometry
from fanin.plans import Plan
from fanin.plans.matrix_work import Moves, coordinates, normal_matrices
from fanin.plans.rules import RULES as KINDS
from fanin.plans.rules import Diagonal, Draw, Haar, Masked
from fanin.stream.keys import further_key, label_words

Place = tuple[int, ...]

NORMAL = Draw("normal", 0.5 * 2.0**-28)
MASK = label_words("mask")

RULES: list[tuple[Initializer, dict[str, Any], object]] = [
    (fanin.identity(), {"shape": (5, 3), "layout": "OI"}, Diagonal(1.0, 5, 3)),
    (fanin.identity(0.5), {"shape": (5, 3), "layout": "IO"}, Diagonal(0.5, 3, 5)),
    (fanin.identity(), {"shape": (4, 2, 3), "layout": "OOI"}, Diagonal(1.0, 8, 3)),
    (fanin.identity(), {"shape": (6, 3), "layout": "OI", "groups": 2}, Diagonal(1.0, 3, 3)),
    (fanin.identity(0.1), {"shape": (5, 3), "layout": "OI", "dtype": "float64"}, Diagonal(0.1, 5, 3)),
    (fanin.identity(0.1), {"shape": (5, 3), "layout": "OI"}, Diagonal(0.10000000149011612, 5, 3)),
    (fanin.dirac(), {"shape": (5, 3, 7), "layout": "OIW"}, Diagonal(1.0, 5, 3, 7, 3)),
    (fanin.dirac(2.0), {"shape": (5, 3, 4), "layout": "OIW"}, Diagonal(2.0, 5, 3, 4, 2)),
    (fanin.dirac(), {"shape": (3, 4, 2, 6), "layout": "HWIO"}, Diagonal(1.0, 6, 2, 12, 1 * 4 + 2)),
    (fanin.dirac(), {"shape": (4, 3, 2, 6), "layout": "WHIO"}, Diagonal(1.0, 6, 2, 12, 1 * 4 + 2)),  # H before W
    (fanin.dirac(), {"shape": (2, 3, 4, 5, 6), "layout": "DHWIO"}, Diagonal(1.0, 6, 5, 24, (1 * 3 + 1) * 4 + 2)),
    (fanin.dirac(), {"shape": (6, 2, 3), "layout": "OIW", "groups": 3}, Diagonal(1.0, 2, 2, 3, 1)),
    (fanin.dirac(), {"shape": (6, 2, 3), "layout": "IOW", "groups": 3, "transposed": True}, Diagonal(1.0, 2, 2, 3, 1)),
    (fanin.dirac(), {"shape": (6, 2), "layout": "OI"}, Diagonal(1.0, 6, 2)),
    (fanin.sparse(0.6, 0.5), {"shape": (5, 3), "layout": "OI"}, Masked(NORMAL, 3, 5, 3, MASK)),
    (fanin.sparse(0.0, 0.5), {"shape": (5, 3), "layout": "IO"}, Masked(NORMAL, 0, 3, 5, MASK)),
    (fanin.sparse(1.0, 0.5), {"shape": (5, 3), "layout": "IO"}, Masked(NORMAL, 3, 3, 5, MASK)),
    (
        fanin.sparse(0.07, 0.5),
        {"shape": (100, 2), "layout": "OI"},
        Masked(NORMAL, 8, 100, 2, MASK),
    ),  # 7.000000000000001
    (fanin.sparse(0.5, 0.5), {"shape": (6, 2), "layout": "OI", "groups": 2}, Masked(NORMAL, 2, 3, 2, MASK)),
    (fanin.orthogonal(), {"shape": (5, 3), "layout": "OI"}, Haar(1.0, 1, 5, 3)),
    (fanin.orthogonal(1.5), {"shape": (3, 3, 4, 6), "layout": "HWIO"}, Haar(1.5, 1, 6, 36)),
    (fanin.orthogonal(), {"shape": (6, 2, 5), "layout": "OIW", "groups": 3}, Haar(1.0, 3, 2, 10)),
    (fanin.orthogonal(), {"shape": (6, 2, 5), "layout": "IOW", "groups": 3, "transposed": True}, Haar(1.0, 3, 2, 10)),
    (fanin.orthogonal(), {"shape": (4, 3, 2, 7), "layout": "IOOI"}, Haar(1.0, 1, 6, 28)),
    (fanin.delta_orthogonal(0.5), {"shape": (3, 4, 2, 6), "layout": "HWIO"}, Haar(0.5, 1, 6, 2, 12, 6)),
    (fanin.delta_orthogonal(), {"shape": (6, 2, 5), "layout": "OIW", "groups": 3}, Haar(1.0, 3, 2, 2, 5, 2)),
    (fanin.delta_orthogonal(), {"shape": (5, 5), "layout": "OI"}, Haar(1.0, 1, 5, 5)),
    (fanin.orthogonal(), {"shape": (0, 3), "layout": "OI"}, Haar(1.0, 1, 0, 3)),
    (fanin.delta_orthogonal(), {"shape": (0, 3), "layout": "OI"}, Haar(1.0, 1, 0, 3)),
]


@pytest.mark.parametrize(("initializer", "arguments", "rule"), RULES, ids=str)
def test_rule(initializer: Initializer, arguments: dict[str, Any], rule: object) -> None:
    plan = fanin.plan(initialization=initializer, **arguments)
    assert plan.rule == rule
    assert plan.to_dict()["rule"]["kind"] == plan.rule.kind == type(rule).__name__.lower()
    assert json.loads(json.dumps(plan.to_dict()))["initializer"] == initializer.to_dict()


@pytest.mark.parametrize("initializer", dict.fromkeys(case[0] for case in RULES), ids=str)
def test_values(initializer: Initializer) -> None:
    assert Initializer.from_dict(json.loads(json.dumps(initializer.to_dict()))) == initializer
    assert hash(Initializer.from_dict(initializer.to_dict())) == hash(initializer)
    assert initializer.law(None) is initializer


@pytest.mark.parametrize(
    ("initialization", "arguments", "message"),
    [
        ("orthogonal", {"shape": (5, 3)}, 'never guessed. Received: shape .5, 3. with layout None.*"OI"'),
        (
            "identity",
            {"shape": (5,), "layout": "O"},
            "at least one out-axis and one in-axis.* Received: .* with layout 'O'",
        ),
        ("dirac", {"shape": (5, 3), "layout": "OW"}, "dirac needs at least one out-axis and one in-axis"),
        (
            fanin.sparse(0.5),
            {"shape": (5, 3), "layout": "SI", "name": list("abcde")},
            "sparse needs at least one out-axis",
        ),
        ("delta_orthogonal", {"shape": ()}, "never guessed. Received: shape"),
        (
            "identity",
            {"shape": (5, 3, 3), "layout": "OIW"},
            r"spatial axes. Received: sizes \(3,\). .* use fanin.dirac",
        ),
        (fanin.sparse(0.5), {"shape": (2, 2, 5, 3), "layout": "HWIO"}, r"spatial axes. Received: sizes \(2, 2\)"),
        ("dirac", {"shape": (2, 3, 1), "layout": "IIO", "groups": 3, "transposed": True}, "do not split the in-axes"),
        ("delta_orthogonal", {"shape": (3, 5, 4), "layout": "OIW"}, "Received: 3 out and 5 in"),
        ("delta_orthogonal", {"shape": (6, 3, 1), "layout": "OIW", "groups": 3}, "Received: 2 out and 3 in"),
        (fanin.identity(1e5), {"shape": (2, 2), "layout": "OI", "dtype": "float16"}, "beyond the largest float16"),
        (fanin.orthogonal(1e5), {"shape": (2, 2), "layout": "OI", "dtype": "float16"}, "beyond the largest float16"),
        (fanin.orthogonal(1e300), {"shape": (2, 2), "layout": "OI"}, "too wide for float32"),
        (fanin.orthogonal(1e-32), {"shape": (2, 2), "layout": "OI"}, "too narrow for float32"),
        (fanin.sparse(0.5, 1e-32), {"shape": (2, 2), "layout": "OI"}, "too narrow for float32"),
        ("sparse", {"shape": (2, 2), "layout": "OI"}, r"needs settings. Pass, for example, fanin.sparse\(0.9\)"),
        ("ortogonal", {"shape": (2, 2), "layout": "OI"}, "Did you mean 'orthogonal'"),
        ("orthogonal", {"shape": (2, 3, 3), "layout": "SOI"}, "with 2 slices, each a separate stream"),
    ],
    ids=str,
)
def test_tensors_that_are_refused(initialization: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(FaninValueError if "separate stream" not in message else FaninTypeError, match=message):
        fanin.plan(initialization=initialization, **arguments)


@pytest.mark.parametrize(
    ("make", "settings", "error", "message"),
    [
        *(
            (make, settings, error, message)
            for make in (fanin.orthogonal, fanin.delta_orthogonal, fanin.identity, fanin.dirac)
            for settings, error, message in (
                ((0.0,), FaninValueError, "gain must be above 0. Received: 0.0"),
                ((-1.0,), FaninValueError, "gain must be above 0"),
                ((math.nan,), FaninValueError, "gain must be a number"),
                ((math.inf,), FaninValueError, "gain must be finite"),
                (("1",), FaninTypeError, "gain must be a real number"),
                ((True,), FaninTypeError, "gain must be a real number"),
            )
        ),
        (fanin.sparse, (-0.1,), FaninValueError, r"must be in \[0, 1\].*Received: -0.1"),
        (fanin.sparse, (90,), FaninValueError, r"Received: 90.0. For 90 % zeros, use 0.9"),
        (fanin.sparse, (None,), FaninTypeError, "sparsity must be a real number"),
        (fanin.sparse, (0.5, 0.0), FaninValueError, "std must be above 0"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),  # the text of a function holds its address
)
def test_settings_that_are_refused(make: Any, settings: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(*settings)


GEOMETRIES: dict[str, dict[str, Any]] = {
    "square": {"shape": (4, 4), "layout": "OI"},
    "tall": {"shape": (6, 4), "layout": "OI"},
    "wide, JAX order": {"shape": (7, 3), "layout": "IO"},
    "one": {"shape": (1, 1), "layout": "OI"},
    "conv": {"shape": (6, 5, 2, 3), "layout": "OIHW"},
    "conv, JAX order": {"shape": (3, 2, 4, 6), "layout": "HWIO"},
    "conv, W first": {"shape": (2, 3, 4, 6), "layout": "WHIO"},
    "grouped": {"shape": (6, 2, 4), "layout": "OIW", "groups": 3},
    "grouped, JAX order": {"shape": (3, 2, 6), "layout": "WIO", "groups": 2},
    "transposed": {"shape": (6, 4, 2), "layout": "IOW", "groups": 3, "transposed": True},
    "transposed, last": {"shape": (2, 4, 6), "layout": "WOI", "groups": 2, "transposed": True},
    "dense groups": {"shape": (6, 2), "layout": "OI", "groups": 2},
    "dense groups, transposed": {"shape": (6, 4), "layout": "IO", "groups": 2, "transposed": True},
    "heads out": {"shape": (4, 2, 3), "layout": "IOO"},
    "heads in": {"shape": (6, 2, 2), "layout": "OII"},
    "heads in groups, transposed": {"shape": (3, 4, 5), "layout": "IIO", "groups": 6, "transposed": True},
    "one out, transposed groups": {"shape": (8, 1), "layout": "IO", "groups": 2, "transposed": True},
    "one out, transposed conv": {"shape": (3, 1, 6), "layout": "WOI", "groups": 3, "transposed": True},
    "one out, heads in": {"shape": (4, 3, 1), "layout": "IIO", "groups": 2, "transposed": True},
    "stack": {"shape": (2, 5, 3), "layout": "SOI", "name": ["a", "b"]},
    "stack within": {"shape": (5, 3, 4), "layout": "OSI", "name": ["a", "b", "c"]},
    "stack last, conv": {"shape": (3, 4, 5, 2), "layout": "WIOS", "name": ["a", "b"]},
}
"""Shapes in which every axis differs from its neighbours in size or in kind."""

INITIALIZERS: dict[str, Initializer] = {
    "identity": fanin.identity(0.5),
    "dirac": fanin.dirac(2.0),
    "sparse": fanin.sparse(0.4, 1.0),
    "orthogonal": fanin.orthogonal(1.5),
    "delta_orthogonal": fanin.delta_orthogonal(0.5),
}


def cases(*names: str) -> list[Any]:
    """Return the named initializers with each geometry that they accept."""
    wide = ("wide, JAX order", "heads in groups, transposed", *(case for case in GEOMETRIES if "one out" in case))
    return [
        pytest.param(name, geometry, id=f"{name} / {case}")
        for name, (case, geometry) in itertools.product(names, GEOMETRIES.items())
        if not (name in ("identity", "sparse") and set(geometry["layout"]) & set("DHW"))
        and not (name == "delta_orthogonal" and case in wide)
    ]


def plan_of(initialization: str | Initializer, geometry: dict[str, Any], **more: Any) -> Plan:
    arguments: dict[str, Any] = {"seed": 3, "name": "w", "dtype": "float64"} | geometry | more
    known = INITIALIZERS[initialization] if isinstance(initialization, str) else initialization
    return fanin.plan(initialization=known, **arguments)


def drawn(plan: Plan) -> dict[Place, float]:
    return dict(zip(itertools.product(*map(range, plan.shape)), reference.values(plan), strict=True))


def channels(geometry: dict[str, Any], place: Place) -> tuple[int, int, int, int, tuple[int, ...]]:
    """Return the stack position, group, row, column and spatial position of a stored element, from the definition."""
    at: dict[str, int] = dict.fromkeys("OIS", 0)
    size = dict.fromkeys("OI", 1)
    for letter, i, n in zip(geometry["layout"], place, geometry["shape"], strict=True):
        if letter in "OI":
            at[letter] = at[letter] * n + i
            size[letter] *= n
        elif letter == "S":
            at["S"] = i
    groups = geometry.get("groups", 1)
    spatial = tuple(place[geometry["layout"].index(letter)] for letter in "DHW" if letter in geometry["layout"])
    if geometry.get("transposed"):
        group, column = divmod(at["I"], size["I"] // groups)
        return at["S"], group, at["O"], column, spatial
    group, row = divmod(at["O"], size["O"] // groups)
    return at["S"], group, row, at["I"], spatial


def centre(geometry: dict[str, Any]) -> tuple[int, ...]:
    layout = geometry["layout"]
    return tuple(geometry["shape"][layout.index(letter)] // 2 for letter in "DHW" if letter in layout)


def matrices(geometry: dict[str, Any], weights: dict[Place, float], taps: bool) -> dict[Any, list[list[float]]]:
    """Return the matrix of each stack position and group; its columns are (column, tap) or those of the centre tap."""
    found: dict[Any, dict[int, dict[Any, float]]] = {}
    for place, weight in weights.items():
        stack, group, row, column, spatial = channels(geometry, place)
        if taps or spatial == centre(geometry):
            found.setdefault((stack, group), {}).setdefault(row, {})[column, spatial] = weight
    return {
        key: [[row[k] for k in sorted(row)] for _, row in sorted(rows.items())] for key, rows in sorted(found.items())
    }


@pytest.mark.parametrize(("name", "geometry"), cases("identity", "dirac"))
def test_diagonals(name: str, geometry: dict[str, Any]) -> None:
    gain = 0.5 if name == "identity" else 2.0
    weights = drawn(plan_of(name, geometry))
    assert sum(weights.values()) > 0
    for place, weight in weights.items():
        _, _, row, column, spatial = channels(geometry, place)
        assert weight == (gain if row == column and spatial == centre(geometry) else 0.0)


@pytest.mark.parametrize(("name", "geometry"), cases("sparse"))
def test_zeros_of_each_column(name: str, geometry: dict[str, Any]) -> None:
    plan = plan_of(name, geometry)
    dense = drawn(plan_of(fanin.normal(std=1.0), geometry))
    columns: dict[Any, dict[int, Place]] = {}
    for place in dense:
        stack, group, row, column, _ = channels(geometry, place)
        columns.setdefault((stack, group, column), {})[row] = place
    weights = drawn(plan)
    for (stack, _, _), rows in columns.items():
        mask = further_key(plan.keys[stack], "mask")
        words = {
            row: reference.word(mask, sum(axis.offset(i) for axis, i in zip(plan.axes, place, strict=True)))
            for row, place in rows.items()
        }
        zeros = sorted(rows, key=words.__getitem__)[: math.ceil(0.4 * len(rows))]
        assert {row: weights[place] for row, place in rows.items()} == {
            row: 0.0 if row in zeros else dense[place] for row, place in rows.items()
        }
        assert all(math.copysign(1.0, weights[rows[row]]) == 1.0 for row in zeros)


def test_of_equal_mask_words_the_first_rows_are_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("sparse", {"shape": (5, 2), "layout": "OI", "name": "equal words"})
    mask, word = further_key(plan.keys[0], "mask"), reference.word
    monkeypatch.setattr(reference, "word", lambda key, index: index // 6 if key == mask else word(key, index))
    reference._masked_rows.cache_clear()
    weights = drawn(plan)  # the words of a column are 0, 0, 0, 1, 1
    reference._masked_rows.cache_clear()
    assert [row for row in range(5) if weights[row, 0] == 0] == [0, 1]
    assert [row for row in range(5) if weights[row, 1] == 0] == [0, 1]


def product(one: list[list[float]], other: list[list[float]]) -> list[list[float]]:
    columns = transpose(other)
    return [[math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in one]


def transpose(matrix: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*matrix, strict=True)]


@pytest.mark.parametrize(("name", "geometry"), cases("orthogonal", "delta_orthogonal"))
def test_orthogonal(name: str, geometry: dict[str, Any]) -> None:
    """Orthonormal rows or columns, and a triangular factor with a positive diagonal, determine the matrix."""
    gain = 1.5 if name == "orthogonal" else 0.5
    weights = drawn(plan_of(name, geometry))
    found = matrices(geometry, weights, taps=name == "orthogonal")
    without_kernel = {
        **geometry,
        "shape": tuple(n for n, x in zip(geometry["shape"], geometry["layout"], strict=True) if x in "OIS"),
        "layout": "".join(letter for letter in geometry["layout"] if letter in "OIS"),
    }
    source = geometry if name == "orthogonal" else without_kernel
    normal = matrices(source, drawn(plan_of(fanin.normal(std=1.0), source)), taps=True)
    assert found.keys() == normal.keys()
    for key, w in found.items():
        a = normal[key]
        if len(w) < len(w[0]):
            w, a = transpose(w), transpose(a)
        gram = product(transpose(w), w)
        for i, j in itertools.product(range(len(gram)), repeat=2):
            assert gram[i][j] == pytest.approx(gain**2 * (i == j), abs=1e-14)
        triangular = product(transpose(w), a)
        for i, j in itertools.product(range(len(gram)), repeat=2):
            if i == j:
                assert triangular[i][i] > 0
            elif i > j:
                assert triangular[i][j] == pytest.approx(0, abs=1e-13)
    if name == "delta_orthogonal":
        off = [w for place, w in weights.items() if channels(geometry, place)[4] != centre(geometry)]
        assert set(off) <= {0.0}


def test_delta_orthogonal_holds_the_orthogonal_matrix_of_the_dense_layer() -> None:
    conv = drawn(fanin.plan((2, 3, 4, 5), "delta_orthogonal", layout="HWIO", name="w"))
    dense = drawn(fanin.plan((5, 4), "orthogonal", layout="OI", name="w"))
    assert {(o, i): conv[1, 1, i, o] for o, i in dense} == dense


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_narrow_weight_is_the_rounded_float32(name: str, dtype: str) -> None:
    geometry = {"shape": (6, 5), "layout": "OI"}
    wide, narrow = (drawn(plan_of(name, geometry, dtype=kind)) for kind in ("float32", dtype))
    assert {place: DTYPES[dtype].round(weight) for place, weight in wide.items()} == narrow


@pytest.mark.parametrize(("name", "geometry"), cases(*INITIALIZERS))
def test_a_part_equals_the_slice_of_the_whole(name: str, geometry: dict[str, Any]) -> None:
    whole = drawn(plan_of(name, geometry))
    for cut in (lambda n: (n // 3, n), lambda n: (0, n - n // 2), lambda n: (n // 2, n // 2 + 1)):
        spans = [cut(n) for n in geometry["shape"]]
        part = drawn(plan_of(name, geometry, slices=[slice(*span) for span in spans]))
        assert part
        for place, weight in part.items():
            assert whole[tuple(start + i for (start, _), i in zip(spans, place, strict=True))] == weight


def evaluate(moves: Moves, place: Place) -> int:
    return moves[0] + sum(axis.offset(i) for axis, i in zip(moves[1], place, strict=True))


@pytest.mark.parametrize(("name", "geometry"), cases("dirac", "orthogonal", "delta_orthogonal"))
def test_coordinates_divide_the_logical_index(name: str, geometry: dict[str, Any]) -> None:
    for parts in (1 << 30, 2, 3):
        plan = plan_of(name, geometry, slices=[slice(n // parts, None) for n in geometry["shape"]])
        rule = plan.rule
        assert isinstance(rule, (Diagonal, Haar))
        row, column, tap = coordinates(plan)
        for place in itertools.product(*map(range, plan.shape)):
            index = evaluate((plan.offset, plan.axes), place)
            assert evaluate(tap, place) == index % rule.taps
            assert evaluate(column, place) == index // rule.taps % rule.columns
            assert evaluate(row, place) == index // rule.taps // rule.columns


@pytest.mark.parametrize(("name", "geometry"), cases("sparse"))
def test_whole_columns(name: str, geometry: dict[str, Any]) -> None:
    plan = plan_of(name, geometry, slices=[slice(n // 2, None) for n in geometry["shape"]])
    rule = plan.rule
    assert isinstance(rule, Masked)
    columns = plan.columns
    assert columns is not None
    moves = columns.offset, (*columns.in_axes, *columns.out_axes)
    ins, outs = ([range(axis.size) for axis in axes] for axes in (columns.in_axes, columns.out_axes))
    for at in itertools.product(*ins):
        down = [evaluate(moves, at + out) for out in itertools.product(*outs)]
        for top in range(0, len(down), rule.rows):  # a column a group, from its first row to its last
            assert down[top] // rule.columns % rule.rows == 0
            assert down[top : top + rule.rows] == [down[top] + k * rule.columns for k in range(rule.rows)]
    part = itertools.product(*(range(*place) for place in columns.part))
    seen = {evaluate(moves, place) for place in part}
    assert seen == {evaluate((plan.offset, plan.axes), place) for place in itertools.product(*map(range, plan.shape))}


def test_normal_matrices_are_in_logical_order() -> None:
    plan = plan_of("orthogonal", GEOMETRIES["stack within"])
    made = normal_matrices(plan, slice(1, 3))
    assert made.shape == (2, 1, 5, 4)
    assert made.keys == plan.keys[1:]
    values = list(reference.values(made))
    alone = fanin.plan((5, 4), fanin.normal(std=1.0), layout="OI", seed=3, name="b", dtype="float64")
    assert values[:20] == list(reference.values(alone))
    assert normal_matrices(plan, dtype="float32").rule == fanin.plan((1,), fanin.normal(std=1.0)).rule


@pytest.mark.parametrize("name", ["identity", "dirac"])
def test_diagonals_need_no_names(name: str) -> None:
    plan = fanin.plan((3, 2, 2), name, layout="SOI")
    assert plan.keys == ()
    assert list(reference.values(plan)) == [1.0, 0.0, 0.0, 1.0] * 3


class Stranger:
    """A backend written before the matrices."""

    name = "stranger"
    SPEC_VERSION = 1
    capabilities = Capabilities(frozenset({"float32"}))

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        return plan

    def tobytes(self, array: Any) -> bytes:
        raise NotImplementedError

    def describe(self, array: Any) -> Description:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("initialization", "kind"),
    [("orthogonal", "haar"), (fanin.sparse(0.5), "masked"), ("identity", "diagonal"), ("he", ""), ("zeros", "")],
    ids=str,
)
def test_a_backend_is_sent_the_rules_that_it_declares(initialization: Any, kind: str) -> None:
    if kind:
        with pytest.raises(
            FaninValueError, match=f"'stranger' does not support the rule '{kind}'.* Accepted: draw, fill"
        ):
            fanin.init((3, 2), initialization, layout="OI", backend=Stranger())
    else:
        assert fanin.init((3, 2), initialization, layout="OI", backend=Stranger()).shape == (3, 2)


def test_every_rule_is_declared_by_its_kind() -> None:
    assert set(KINDS) == {"fill", "draw", "diagonal", "masked", "haar"}
    assert Geometry.of((2, 2), "OI") == fanin.plan((2, 2), "identity", layout="OI").geometry
