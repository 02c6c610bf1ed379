"""Packed tensors and separate ones: the same weights either way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fanin
from fanin import Parameter, Scheme
from fanin.exceptions import FaninTypeError, FaninValueError

SEPARATE = {
    "q.kernel": Parameter((6, 2, 4), layout="IOO"),
    "k.kernel": Parameter((6, 2, 4), layout="IOO"),
    "v.kernel": Parameter((6, 2, 4), layout="IOO"),
}
NAMES = {f"{piece}.kernel": f"qkv.weight.{piece}" for piece in "qkv"}


def packed(initializer: Any, **settings: Any) -> Scheme:
    return Scheme({"qkv.weight": Parameter((24, 6), initializer=initializer, **settings)})


@pytest.mark.parametrize("layout", ["OI", None])
@pytest.mark.parametrize("initializer", [fanin.uniform(-0.1, 0.3), fanin.truncated_normal(std=0.02)])
def test_separate_like_packed(initializer: Any, layout: str | None) -> None:
    scheme = packed(initializer, layout=layout).split({"*.weight": "qkv"})
    whole = scheme.draw(seed=3)["qkv.weight"]
    found = Scheme(SEPARATE).like(scheme, NAMES).draw(seed=3)
    for k, name in enumerate(SEPARATE):
        assert np.array_equal(found[name].reshape(6, 8).T, whole[8 * k : 8 * k + 8]), name


def test_the_law_is_that_of_the_whole() -> None:
    one = packed(fanin.glorot_uniform(), layout="OI").split({"qkv.weight": ("a", "b")})["qkv.weight"]
    bound = (6 / (24 + 6)) ** 0.5
    assert [part.parameter.initializer for part in one.parts] == [fanin.uniform(-bound, bound)] * 2
    assert [part.parameter.stream for part in one.parts] == ["qkv.weight.a", "qkv.weight.b"]
    assert [part.region for part in one.parts] == [((0, 12), (0, 6)), ((12, 24), (0, 6))]


def test_a_constant_has_no_streams() -> None:
    one = packed(fanin.ones(), layout="OI").split({"qkv.weight": "qkv"})["qkv.weight"]
    assert [part.parameter.stream for part in one.parts] == [None] * 3


@pytest.mark.parametrize(
    ("shape", "layout", "axis"), [((20, 6), "OI", 0), ((6, 20), "IO", 1), ((6, 5, 4), "IOO", 1), ((20, 6), None, 0)]
)
def test_packed_like_separate(shape: tuple[int, ...], layout: str | None, axis: int) -> None:
    """Queries of eight and keys and values of four each, as in grouped attention, and as many again."""
    separate = Scheme(
        {
            "q": Parameter((8, 6), initializer=fanin.he_normal(), layout="OI"),
            "k": Parameter((4, 6), initializer=fanin.orthogonal(), layout="OI"),
            "v": Parameter((8, 6), initializer=fanin.normal(std=0.3), layout="OI"),
        }
    )
    weights = separate.draw(seed=2)
    made = Scheme({"qkv": Parameter(shape, layout=layout)}).like(separate, {"qkv": ["q", "k", "v"]})
    whole = np.concatenate(list(weights.values()))
    found = made.draw(seed=2)["qkv"]
    assert np.array_equal(np.moveaxis(found, axis, 0).reshape(-1, 6) if axis == 0 else found.reshape(6, 20).T, whole)
    assert next(part.region[axis] for part in made["qkv"].parts) == (0, 8 * shape[axis] // 20)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["q", "k"], r"\(20, 6\), OI is not packed of \(8, 6\), \(4, 6\) along"),
        (["q", "k", "table"], "follows one law, and a source has parts, or no law"),
        (["q", "k", "wide"], r"their shapes are \(8, 6\), OI and \(6, 8\), OI"),
    ],
)
def test_what_cannot_be_packed(names: list[str], message: str) -> None:
    source = Scheme(
        {
            "q": Parameter((8, 6), initializer=fanin.he_normal(), layout="OI"),
            "k": Parameter((4, 6), initializer=fanin.he_normal(), layout="OI"),
            "table": Parameter((8, 6), layout="OI", note="computed"),
            "wide": Parameter((6, 8), initializer=fanin.he_normal(), layout="OI"),
        }
    )
    with pytest.raises(FaninValueError, match=message):
        Scheme({"qkv": Parameter((20, 6), layout="OI")}).like(source, {"qkv": names})


@pytest.mark.parametrize(
    ("scheme", "pieces", "error", "message"),
    [
        (
            packed(fanin.he_normal(), layout="OI"),
            {"qvk.weight": "qkv"},
            FaninValueError,
            "no parameter is called 'qvk.weight'.*qkv.w",
        ),
        (
            packed(fanin.he_normal(), layout="OI"),
            {"*": "qkvab"},
            FaninValueError,
            "into 5 equal pieces.*shape \\(24, 6\\), layout 'OI'",
        ),
        (packed(fanin.orthogonal(), layout="OI"), {"*": "qkv"}, FaninValueError, "cannot be split into 3"),
        (packed(fanin.he_normal(), layout="II"), {"*": "qkv"}, FaninValueError, "along its first out-axis"),
        (packed(fanin.he_normal(), layout="OI").split({"*": "qkv"}), {"*": "qkv"}, FaninValueError, "3 parts"),
        (packed(fanin.he_normal(), layout="OI"), {"*": "qq"}, FaninTypeError, "names of its pieces, each once.*'qq'"),
        (packed(fanin.he_normal(), layout="OI"), {"*": 3}, FaninTypeError, "Received: '\\*': 3"),
        (
            packed(fanin.he_normal(), layout="OI"),
            ["*"],
            FaninTypeError,
            "must map names to names of pieces. Received: list",
        ),
        (packed(fanin.he_normal()), {"*": "qkv"}, FaninValueError, "qkv.weight: .*layout"),
    ],
)
def test_what_cannot_be_split(scheme: Scheme, pieces: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        scheme.split(pieces)
