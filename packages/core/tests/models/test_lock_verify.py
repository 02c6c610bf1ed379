"""Weights against a lock: what is equal, and what is found and said where something is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.locking import Lock, lock, verification, verify
from fanin.models import Part

HE = fanin.he_normal()
SEED = 3

SCHEME = Scheme(
    {
        "stem.weight": Parameter((3, 3, 4, 6), initializer=HE, layout="HWIO"),
        "blocks.0.weight": Parameter((6, 6), initializer=fanin.glorot_uniform(), layout="OI"),
        "blocks.1.weight": Parameter((6, 6), initializer=fanin.glorot_uniform(), layout="OI"),
        "packed": Parameter(
            (12, 6),
            initializer=fanin.normal(std=0.02),
            layout="OI",
            parts=(
                Part(((4, 8), (0, 6)), Parameter((4, 6), initializer=HE, layout="OI")),
                Part(((8, 9), (0, 6)), Parameter((1, 6), initializer=fanin.zeros())),
            ),
        ),
        "rotation": Parameter((8, 5), initializer=fanin.orthogonal(2.0), layout="OI"),
        "sparse": Parameter((9, 5), initializer=fanin.sparse(0.3), layout="OI"),
        "stack": Parameter((2, 6, 4), initializer=HE, layout="SOI", stream=("s.0", "s.1")),
        "bias": Parameter((6,), initializer=fanin.zeros()),
        "count": Parameter((), "int64", fanin.zeros()),
        "table": Parameter((5,), "int64", note="computed"),
    }
)
LOCK = lock(SCHEME, SEED)
RANDOM = ["stem.weight", "blocks.0.weight", "blocks.1.weight", "packed", "rotation", "sparse", "stack"]


def drawn(seed: int = SEED, scheme: Scheme = SCHEME) -> dict[str, Any]:
    return scheme.only_laws().draw(seed)


def with_dtype(dtype: str) -> Scheme:
    """Return the scheme with its weights in another dtype."""
    whole = {name: one if one.dtype == "int64" else one.with_dtype(dtype) for name, one in SCHEME.items()}
    return Scheme(whole)


def test_equal_weights(capsys: pytest.CaptureFixture[str]) -> None:
    found = verification(LOCK, drawn())
    assert found
    assert found.equal == tuple(LOCK.digests)
    assert found.elements == sum(one.size for name, one in SCHEME.items() if name != "table")
    assert str(found).startswith("all 9 parameters are equal (500 elements compared); 1 follow no law")
    assert verify(LOCK, drawn())
    assert capsys.readouterr().out == ""


def test_the_lock_may_come_from_its_text() -> None:
    assert verify(Lock.from_json(LOCK.to_json()), drawn())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e5m2", "float8_e4m3fn"])
def test_weights_in_a_narrower_dtype(dtype: str) -> None:
    """They are the locked ones, rounded, whichever way they came about."""
    assert verification(LOCK, drawn(scheme=with_dtype(dtype))).findings == ()
    numpy_dtype = np.dtype(drawn(scheme=with_dtype(dtype))["bias"].dtype)
    assert verification(LOCK, {k: v if v.dtype == np.int64 else v.astype(numpy_dtype) for k, v in drawn().items()})


@pytest.mark.parametrize("limit", [1, 5, 1 << 20])
def test_pieces_of_any_size(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanin.locking.comparison._PIECE", limit)
    weights = drawn()
    assert verification(LOCK, weights)
    weights["packed"][9, 4] = 5
    weights["packed"][7, 5] = 6
    (found,) = verification(LOCK, weights).findings
    assert (found.differing, found.first) == (2, (7, 5))


def change(name: str, how: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def made(weights: dict[str, Any]) -> None:
        weights[name] = how(weights[name])

    return made


def one_bit(array: Any) -> Any:
    made = array.copy()
    made.view(np.uint32).reshape(-1)[-2] ^= 1
    return made


def swapped(weights: dict[str, Any]) -> None:
    weights["blocks.0.weight"], weights["blocks.1.weight"] = weights["blocks.1.weight"], weights["blocks.0.weight"]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], list[tuple[str, str, str, str]]]] = {
    "missing": (lambda w: w.pop("bias"), [("bias", "missing", "locked 6 float32", "")]),
    "extra": (lambda w: w.update(more=np.ones((2, 3))), [("more", "extra", "2 x 3 float64", "")]),
    "renamed": (
        lambda w: w.update(other=w.pop("bias")),
        [("bias", "missing", "locked 6 float32", ""), ("other", "extra", "6 float32", "")],
    ),
    "renamed, with weights that tell": (
        lambda w: w.update(other=w.pop("blocks.0.weight")),
        [("blocks.0.weight", "missing", "locked ", "its weights are called other")],
    ),
    "shape": (
        change("sparse", np.transpose),
        [("sparse", "shape", "5 x 9, locked 9 x 5", "the axes are in another order")],
    ),
    "reshaped": (
        change("packed", lambda a: a.reshape(6, 2, 6)),
        [("packed", "shape", "6 x 2 x 6, locked 12 x 6", "the same number of elements: reshaped")],
    ),
    "wide": (
        change("stack", lambda a: a.astype(np.float64)),
        [("stack", "dtype", "float64, locked float32", "the locked weights, stored as float64")],
    ),
    "drawn wide": (
        lambda w: w.update(stack=drawn(scheme=with_dtype("float64"))["stack"]),
        [("stack", "dtype", "float64, locked float32", "drawn in float64")],
    ),
    "whole numbers": (
        change("bias", lambda a: a.astype(np.int32)),
        [("bias", "dtype", "int32, locked float32", "")],
    ),
    "narrow count": (change("count", np.int32), [("count", "dtype", "int32, locked int64", "")]),
    "counted": (change("count", lambda a: a + 7), [("count", "values", "1 of 1 differ, first at (): 7, locked 0", "")]),
    "one bit": (
        change("stack", one_bit),
        [("stack", "values", "1 of 48 differ, first at (1, 5, 2): ", "a part was changed")],
    ),
    "zeros": (change("stack", np.zeros_like), [("stack", "values", "48 of 48 differ", "every weight is 0")]),
    "not a number": (
        change("sparse", lambda a: a * np.nan),
        [("sparse", "values", "45 of 45 differ, first at (0, 0): nan", "not a number")],
    ),
    "half": (
        change("stem.weight", lambda a: a / 2),
        [("stem.weight", "values", "216 of 216 differ", "0.5 times the locked weights")],
    ),
    "rounded": (
        change("packed", lambda a: a.astype(np.float16).astype(np.float32)),
        [("packed", "values", "", "rounded to float16")],
    ),
    "drawn wide, rounded": (
        lambda w: w.update(stack=drawn(scheme=with_dtype("float64"))["stack"].astype(np.float32)),
        [("stack", "values", "", "drawn in float64, and then rounded")],
    ),
    "transposed": (
        change("blocks.0.weight", np.transpose),
        [("blocks.0.weight", "values", "30 of 36 differ", "transposed: axes (1, 0) of the locked weights")],
    ),
    "kernel transposed": (
        change("stem.weight", lambda a: a.transpose(1, 0, 2, 3)),
        [("stem.weight", "values", "", "transposed: axes (1, 0, 2, 3) of the locked weights")],
    ),
    "another layout": (
        lambda w: w.update({"stem.weight": other_layout()}),
        [("stem.weight", "values", "", "drawn for the layout OHWI, locked HWIO")],
    ),
    "swapped": (
        swapped,
        [
            ("blocks.0.weight", "values", "36 of 36", "the weights of blocks.1.weight"),
            ("blocks.1.weight", "values", "36 of 36", "the weights of blocks.0.weight"),
        ],
    ),
    "another name": (
        lambda w: w.update(
            {
                "blocks.0.weight": fanin.init(
                    (6, 6), "glorot_uniform", layout="OI", seed=SEED, name="module.blocks.0.weight", backend="numpy"
                )
            }
        ),
        [("blocks.0.weight", "values", "36 of 36", "drawn with the name 'module.blocks.0.weight'")],
    ),
    "another seed": (
        lambda w: w.update(drawn(999)),
        [(name, "values", "", "drawn with seed 999") for name in RANDOM],
    ),
    "nobody knows": (
        change("stack", lambda a: a + np.linspace(0, 1, 48, dtype=np.float32).reshape(a.shape)[::-1]),
        [("stack", "values", "47 of 48", "")],
    ),
    "negative zero": (
        change("bias", np.negative),
        [("bias", "values", "6 of 6 differ, first at (0,): -0, locked 0", "every weight is -0")],
    ),
}


def other_layout() -> Any:
    """The weights of the stem as the law of the lock gives them to (out, height, width, in)."""
    law = HE.law(SCHEME["stem.weight"].geometry.fans())
    return fanin.init((3, 3, 4, 6), law, layout="OHWI", seed=SEED, name="stem.weight", backend="numpy")


@pytest.mark.parametrize("case", CHANGES)
def test_what_differs(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    how, expected = CHANGES[case]
    weights = drawn()
    how(weights)
    found = verification(LOCK, weights).findings
    assert [(one.name, one.what, one.cause) for one in found] == [
        (name, what, cause) for name, what, _, cause in expected
    ]
    for one, (_, _, detail, _) in zip(found, expected, strict=True):
        assert one.detail.startswith(detail)
    assert not verify(LOCK, weights)
    shown = capsys.readouterr().out
    assert all(one.name in shown and one.cause in shown for one in found)
    assert shown.endswith("follow no law and are not locked.\n")


def test_a_tied_weight_that_is_stored_twice() -> None:
    """By memory, or by all of its bits; a copy that was changed later is none."""
    weights = drawn()
    for copy in (weights["blocks.1.weight"], weights["blocks.1.weight"].copy()):
        found = verification(LOCK, {**weights, "head": copy})
        assert found
        assert found.tied == (("head", "blocks.1.weight"),)
    changed = drawn()["blocks.1.weight"]
    changed[5, 5] = 0
    assert [one.what for one in verification(LOCK, {**drawn(), "head": changed}).findings] == ["extra"]


@pytest.mark.parametrize(
    "prefix", ["_orig_mod.", "module.", "_orig_mod.module.", "state_dict.", "params.", "a.b.module."]
)
def test_wrappers_and_containers(prefix: str) -> None:
    weights = {f"{prefix}{name}": array for name, array in drawn().items()}
    assert verification(LOCK, weights).findings == ()
    if prefix == "state_dict.":
        found = verification(LOCK, {**weights, "optimizer.bias": np.ones(6), "epoch": np.ones(())})
        assert found
        assert found.prefix == prefix
        assert "under 'state_dict.'" in str(found)


def test_a_wrapper_within() -> None:
    weights = {name.replace("blocks.", "blocks.module."): array for name, array in drawn().items()}
    assert verification(LOCK, weights)


def test_a_lock_of_a_model_within_another() -> None:
    """The weights have shorter names than the lock."""
    inner = Scheme({f"model.{name}": one.with_streams_of(f"model.{name}") for name, one in SCHEME.items()})
    weights = {name.removeprefix("model."): array for name, array in drawn(scheme=inner).items()}
    assert verification(lock(inner, SEED), weights)


def test_orthogonal_matrices_have_a_tolerance() -> None:
    """A step of the last place, as between two libraries; not two, where the matrix is conditioned well."""
    weights = drawn()
    exact = weights["rotation"]
    for steps, equal in ((0, True), (1, True), (64, False)):
        bits = exact.view(np.int32).copy()
        bits[3, 2] += steps
        weights["rotation"] = bits.view(np.float32)
        found = verification(LOCK, weights)
        assert bool(found) == equal, steps
    assert [(one.differing, one.first) for one in found.findings] == [(1, (3, 2))]


def test_a_tolerance_is_for_orthogonal_matrices_alone() -> None:
    scheme = Scheme(
        {
            "w": Parameter(
                (6, 5),
                initializer=fanin.normal(std=1.0),
                parts=(Part(((1, 5), (1, 5)), Parameter((4, 4), initializer=fanin.orthogonal(), layout="OI")),),
            )
        }
    )
    locked, weights = lock(scheme), scheme.draw()
    assert verify(locked, weights)
    for place, equal in (((1, 1), True), ((4, 4), True), ((0, 1), False), ((5, 4), False), ((4, 0), False)):
        bits = weights["w"].view(np.int32).copy()
        bits[place] += 1
        assert bool(verification(locked, {"w": bits.view(np.float32)})) == equal, place


def test_it_says_that_fanin_draws_other_bits() -> None:
    """The weights are those that fanin draws now, and not those that were locked."""
    digests = {name: dict(each) for name, each in LOCK.digests.items()}
    digests["stack"]["float32"] = "0" * 32
    other = dataclasses.replace(LOCK, digests=digests)
    found = verification(other, drawn())
    assert [(one.name, one.what) for one in found.findings] == [("stack", "fanin")]
    assert "this fanin draws other bits than the one that locked" in str(found)
    assert "stack" not in found.equal
    assert verification(other, drawn(scheme=with_dtype("float16"))), "whose digests are their own"


def test_another_specification_is_refused() -> None:
    with pytest.raises(FaninError, match="of version 2 of the specification, and this fanin draws version 1"):
        verify(dataclasses.replace(LOCK, spec_version=2), drawn())


@pytest.mark.parametrize(
    ("locked", "weights", "message"),
    [
        (SCHEME, {}, "verify takes a lock and weights. Received: Scheme"),
        (LOCK, {}, "the dict has no arrays"),
        (LOCK, 3, "the int has no arrays"),
        (LOCK, np.ones(3), "weights are tensors by name. Received: one ndarray"),
    ],
)
def test_what_is_refused(locked: Any, weights: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        verify(locked, weights)


def test_many_findings_are_one_table() -> None:
    """Rows that differ by numbers alone are one, and a long table ends."""
    one = Parameter((2,), initializer=fanin.ones())
    locked = lock(Scheme({f"layers.{k}.bias": one for k in range(500)}))
    shown = str(verification(locked, {"other": np.ones(3)})).splitlines()
    assert shown[1].split()[:2] == ["layers.{0..499}.bias", "missing"]
    assert len(shown) == 4
    letters = lock(Scheme({f"w{chr(97 + k // 26)}{chr(97 + k % 26)}": one for k in range(200)}))
    shown = str(verification(letters, {"other": np.ones(3)})).splitlines()
    assert len(shown) == 1 + 60 + 2
    assert shown[-2] == "... and 141 more rows"


def test_a_copy_that_differs_behind_the_sample() -> None:
    copy = drawn()["packed"]
    assert copy.size > 64
    copy[-1, -1] += 1
    assert [(one.name, one.what) for one in verification(LOCK, {**drawn(), "head": copy}).findings] == [
        ("head", "extra")
    ]


def test_formats_of_one_width_are_no_roundings_of_each_other() -> None:
    scheme = Scheme({"w": Parameter((3, 2), "bfloat16", HE, "IO")})
    (one,) = verification(lock(scheme), {"w": scheme.draw()["w"].astype(np.float16)}).findings
    assert (one.what, one.detail) == ("dtype", "float16, locked bfloat16")


def test_a_file_with_more_than_the_lock_has(tmp_path: Path) -> None:
    """Tensors of a file share no memory, and so none is tied for that."""
    np.savez(tmp_path / "weights.npz", **drawn(), more=np.ones(3))
    assert [(one.name, one.what) for one in verification(LOCK, tmp_path / "weights.npz").findings] == [
        ("more", "extra")
    ]


def test_a_matrix_is_decomposed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, ...]] = []
    monkeypatch.setattr("fanin.locking.comparison._PIECE", 3)
    decompose = np.linalg.qr

    def counted(matrix: Any) -> Any:
        calls.append(matrix.shape)
        return decompose(matrix)

    monkeypatch.setattr(np.linalg, "qr", counted)
    scheme = Scheme({"rotation": SCHEME["rotation"]})
    weights = scheme.draw(SEED)
    locked = lock(scheme, SEED)
    calls.clear()
    assert verify(locked, weights)
    assert calls == [(1, 8, 5)]
