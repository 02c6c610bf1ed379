"""Locks: their digests against the scalar reference, and their text."""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.dtypes import DTYPES
from fanin.locking import Lock, lock
from fanin.locking.digest import digest
from fanin.models import Part

from .weights import logical

HE = fanin.he_normal()
SEED = 3

PARAMETERS = {
    "scalar": Parameter((), initializer=fanin.normal(std=1.0)),
    "plain": Parameter((3, 2, 5), initializer=fanin.uniform(-1.0, 2.0)),
    "dense": Parameter((5, 7), initializer=HE, layout="OI"),
    "dense.in.out": Parameter((7, 5), initializer=HE, layout="IO"),
    "conv": Parameter((2, 3, 4, 5), initializer=fanin.lecun_truncated_normal(), layout="HWIO"),
    "heads": Parameter((6, 2, 4), initializer=fanin.glorot_uniform(), layout="IOO"),
    "stack": Parameter((3, 2, 2), initializer=HE, layout="OSI", stream=("a", "b")),
    "grouped": Parameter((2, 3, 6), initializer=HE, layout="WIO", groups=2),
    "transposed": Parameter((6, 2, 3), initializer=HE, layout="IOW", groups=3, transposed=True, stride=(2,)),
    "diagonal": Parameter((3, 4), initializer=fanin.identity(0.5), layout="IO"),
    "sparse": Parameter((4, 6), initializer=fanin.sparse(0.4, std=1.0), layout="IO"),
    "constant": Parameter((4,), initializer=fanin.constant(1 / 3)),
    "empty": Parameter((0, 3), initializer=HE, layout="OI"),
    "wide": Parameter((3, 2), "float64", HE, "IO"),
    "half": Parameter((3, 2), "float16", HE, "IO"),
    "brain": Parameter((3, 2), "bfloat16", HE, "IO"),
}

PACKED = Parameter(
    (4, 6),
    initializer=HE,
    layout="IO",
    parts=(
        Part(((0, 4), (2, 4)), Parameter((4, 2), initializer=fanin.normal(std=2.0), layout="IO")),
        Part(((1, 2), (0, 6)), Parameter((1, 6), initializer=fanin.ones())),
    ),
)


def pattern(value: float, dtype: str) -> bytes:
    """Return the little-endian bytes of a weight of the reference."""
    if dtype == "float64":
        return struct.pack("<d", value)
    form = DTYPES[dtype]
    return form.encode(value).to_bytes(form.itemsize, "little")


def expected(parameter: Parameter, name: str, dtype: str) -> bytes:
    """Return the bytes in logical order: the parameter's own law, and then each part."""
    own = b""
    if parameter.initializer is not None:
        one = replace(parameter.with_dtype(dtype), parts=())
        own = b"".join(pattern(value, dtype) for value in logical(one, name, SEED))
    return own + b"".join(expected(part.parameter, f"{name}#{k}", dtype) for k, part in enumerate(parameter.parts))


@pytest.mark.parametrize("name", [*PARAMETERS, "packed"])
def test_digests_are_those_of_the_reference(name: str) -> None:
    parameter = PACKED if name == "packed" else PARAMETERS[name]
    locked = lock(Scheme({name: parameter}), SEED).digests[name]
    for dtype, found in locked.items():
        assert found == hashlib.sha256(expected(parameter, name, dtype)).hexdigest()[:32], dtype


@pytest.mark.parametrize(
    ("dtype", "locked"),
    [
        ("float64", ["float64", "float32", "bfloat16", "float16"]),
        ("float32", ["float32", "bfloat16", "float16"]),
        ("bfloat16", ["bfloat16"]),
        ("float16", ["float16"]),
        ("float8_e5m2", ["float8_e5m2"]),
        ("int64", ["int64"]),
    ],
)
def test_narrower_dtypes_have_digests_of_their_own(dtype: str, locked: list[str]) -> None:
    found = lock(Scheme({"w": Parameter((300,), dtype, fanin.constant(3.0))}), SEED).digests["w"]
    assert list(found) == locked
    assert len(set(found.values())) == len(found)


def test_a_narrower_dtype_in_which_a_weight_is_infinite_is_left_out() -> None:
    assert list(lock(Scheme({"w": Parameter((2,), initializer=fanin.constant(1e6))})).digests["w"]) == [
        "float32",
        "bfloat16",
    ]


LAYOUTS = [
    Parameter((5, 3, 2, 4), initializer=HE, layout="OIHW"),
    Parameter((2, 4, 3, 5), initializer=HE, layout="HWIO"),
    Parameter((5, 2, 4, 3), initializer=HE, layout="OHWI"),
]


@pytest.mark.parametrize("law", [HE, fanin.orthogonal(2.0), fanin.dirac(), fanin.delta_orthogonal()], ids=str)
def test_the_layout_makes_no_difference(law: Any) -> None:
    """Of orthogonal matrices, too, whose digest is that of the normal ones."""
    found = {lock(Scheme({"w": replace(one, initializer=law)})).digests["w"]["float32"] for one in LAYOUTS}
    assert len(found) == 1


def test_orthogonal_matrices_of_other_gains_and_seeds_differ() -> None:
    found = [
        lock(Scheme({"w": Parameter((5, 3), initializer=fanin.orthogonal(gain), layout="OI")}), seed)
        for gain, seed in itertools.product((1.0, 2.0), (0, 1))
    ]
    assert len({one.digests["w"]["float32"] for one in found}) == 4


def test_a_large_tensor_is_hashed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = Scheme({"w": PARAMETERS["conv"], "p": PACKED, "s": PARAMETERS["stack"], "m": PARAMETERS["sparse"]})
    whole = lock(scheme, SEED)
    monkeypatch.setattr("fanin.locking.digest._PIECE", 7)
    assert lock(scheme, SEED) == whole


def test_what_follows_no_law_is_listed() -> None:
    note = "computed without random numbers"
    scheme = Scheme(
        {
            "t": Parameter((3,), note=note),
            "n": Parameter((2,)),
            "b": Parameter((2,), initializer=fanin.ones()),
        }
    )
    locked = lock(scheme)
    assert locked.not_locked == {"t": note, "n": "it has no law"}
    assert list(locked.digests) == ["b"]
    assert str(locked) == "1 parameters locked with seed 0, specification 1, 2 not locked"


TEXT = """\
{
  "fanin_lock": 1,
  "specification": 1,
  "seed": 18446744073709551615,
  "parameters": {
    "fc.weight": {"shape": [2, 3], "dtype": "float32", "law": {"initializer": "constant", "value": 1.0}, \
"layout": "OI", "digests": {"float32": "DIGEST32", "bfloat16": "DIGESTB", "float16": "DIGEST16"}},
    "table": {"shape": [3], "dtype": "int64", "note": "computed"}
  }
}
"""
"""The digests are those of six ones: `printf '\\0\\0\\200\\077%.0s' 1 2 3 4 5 6 | sha256sum`."""


def ones(dtype: str) -> str:
    return hashlib.sha256(pattern(1.0, dtype) * 6).hexdigest()[:32]


def text_of_ones() -> str:
    text = TEXT
    for mark, dtype in (("DIGEST32", "float32"), ("DIGESTB", "bfloat16"), ("DIGEST16", "float16")):
        text = text.replace(mark, ones(dtype))
    return text


def test_the_text() -> None:
    scheme = Scheme(
        {
            "fc.weight": Parameter((2, 3), initializer=fanin.ones(), layout="OI"),
            "table": Parameter((3,), "int64", note="computed"),
        }
    )
    locked = lock(scheme, 2**64 - 1)
    assert locked.to_json() == text_of_ones()
    assert Lock.from_json(locked.to_json()) == locked


def test_every_kind_of_parameter_survives_the_text() -> None:
    locked = lock(Scheme({**PARAMETERS, "packed": PACKED}), SEED)
    assert Lock.from_json(locked.to_json()) == locked
    assert len(locked.to_json().splitlines()) == len(PARAMETERS) + 1 + 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("seed"), "an object with fanin_lock, specification, seed, parameters"),
        (lambda data: data.update(fanin_lock=2), "reads locks of version 1. Received: version 2"),
        (lambda data: data.update(specification="1"), "specification must be a whole number"),
        (lambda data: data.update(seed=-1), "seed"),
        (lambda data: data.update(parameters=[]), "the last an object too"),
        (lambda data: data["parameters"]["fc.weight"].pop("digests"), "fc.weight: it follows laws, and has no digests"),
        (lambda data: data["parameters"]["fc.weight"].update(digests={"bfloat16": ones("bfloat16")}), "with float32"),
        (lambda data: data["parameters"]["fc.weight"]["digests"].update(float64=ones("float64")), "with float32"),
        (lambda data: data["parameters"]["fc.weight"]["digests"].update(float32="12"), "a digest has 32 digits"),
        (lambda data: data["parameters"]["fc.weight"].update(layout="OO I"), "fc.weight: layout"),
        (lambda data: data["parameters"].update(fc=3), "fc: a parameter's data must be a mapping"),
    ],
)
def test_a_text_that_is_no_lock(change: Any, message: str) -> None:
    data = json.loads(text_of_ones())
    change(data)
    with pytest.raises(FaninError, match=message):
        Lock.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a lock's text must be JSON"),
        ("[1]", "Received: list"),
        (Scheme({}).to_json(), "That is a scheme: fanin.lock"),
        ('{"fanin_lock": 1, "fanin_lock": 1}', "'fanin_lock' more than once"),
        (b"{}", "a lock's JSON is text. Received: bytes"),
    ],
)
def test_a_text_that_is_nothing(text: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        Lock.from_json(text)


@pytest.mark.parametrize(
    ("scheme", "seed", "message"),
    [
        ({"w": Parameter((2,))}, 0, "lock takes a fanin.Scheme and a seed. Received: dict"),
        (Scheme({}), 2**64, "seed"),
        (Scheme({}), True, "seed"),
        (Scheme({"fc.w": Parameter((2, 3), initializer=HE)}), 0, "fc.w: this initializer needs the fan-in"),
        (Scheme({"s": Parameter((2, 3), initializer=HE, layout="SO")}), 0, "s: "),
    ],
)
def test_what_cannot_be_locked(scheme: Any, seed: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        lock(scheme, seed)


def test_the_digest_is_of_one_name_and_seed() -> None:
    one = PARAMETERS["dense"]
    backend = fanin.backend("numpy")
    found = {digest(one, name, seed, "float32", backend) for name in ("w", "v") for seed in (0, 1)}
    assert len(found) == 4
