"""Schemes drawn by every backend: the same bits, and those of `fanin.init`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.models import Part

N = fanin.normal(std=0.02)
HE = fanin.he_normal()

SCHEME = Scheme(
    {
        "dense": Parameter((5, 3), "float32", HE, layout="OI"),
        "half": Parameter((5, 3), "bfloat16", HE, layout="OI", stream="dense"),
        "conv": Parameter((2, 3, 2, 6), "float16", HE, layout="HWIO", groups=3),
        "up": Parameter((6, 5, 2, 3), "float32", HE, layout="IOHW", groups=2, transposed=True, stride=(2, 1)),
        "cut": Parameter((7,), "float32", fanin.truncated_normal(std=0.5, lower=-1.0, upper=math.inf)),
        "stack": Parameter((3, 2, 4), "float32", N, layout="ISO", stream=("l.0", "l.1")),
        "scalar": Parameter((), "float32", fanin.constant(0.5)),
        "empty": Parameter((0, 3), "float32", fanin.zeros()),
        "sparse": Parameter((6, 4), "float32", fanin.sparse(0.5), layout="OI"),
        "packed": Parameter(
            (6, 3),
            "float32",
            parts=(
                Part(((0, 4), (0, 3)), Parameter((4, 3), "float32", HE, layout="OI", stream="q")),
                Part(((4, 6), (0, 3)), Parameter((2, 3), "float32", fanin.ones())),
            ),
        ),
        "padded": Parameter(
            (6, 3), "float32", N, parts=(Part(((2, 3), (0, 3)), Parameter((1, 3), "float32", fanin.zeros())),)
        ),
        "nested": Parameter(
            (6,),
            "float32",
            fanin.zeros(),
            parts=(
                Part(
                    ((1, 5),),
                    Parameter((4,), "float32", fanin.ones(), parts=(Part(((1, 3),), Parameter((2,), "float32", N)),)),
                ),
            ),
        ),
    }
)


def bits(backend: str, array: Any) -> bytes:
    return fanin.backend(backend).tobytes(array)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_every_backend_draws_the_same(backend: str) -> None:
    reference = SCHEME.draw(seed=5)
    drawn = SCHEME.draw(seed=5, backend=backend)
    assert list(drawn) == list(SCHEME)
    for name, parameter in SCHEME.items():
        found = fanin.backend(backend).describe(drawn[name])
        assert (found.shape, found.dtype) == (parameter.shape, parameter.dtype), name
        assert bits(backend, drawn[name]) == bits("numpy", reference[name]), name


def test_the_weights_are_those_of_init() -> None:
    drawn = SCHEME.draw(seed=5)
    one: dict[str, Any] = {"seed": 5, "backend": "numpy"}
    np.testing.assert_array_equal(drawn["dense"], fanin.init((5, 3), "he", layout="OI", name="dense", **one))
    np.testing.assert_array_equal(
        drawn["half"].astype("float32"), drawn["dense"].astype(drawn["half"].dtype).astype("float32")
    )
    for k in range(2):
        np.testing.assert_array_equal(drawn["stack"][:, k], fanin.init((3, 4), N, layout="IO", name=f"l.{k}", **one))
    np.testing.assert_array_equal(drawn["packed"][:4], fanin.init((4, 3), "he", layout="OI", name="q", **one))
    np.testing.assert_array_equal(drawn["packed"][4:], np.ones((2, 3), "float32"))
    whole = fanin.init((6, 3), N, name="padded", **one)
    whole[2] = 0
    np.testing.assert_array_equal(drawn["padded"], whole)
    inner = fanin.init((2,), N, name="nested#0#0", **one)
    np.testing.assert_array_equal(drawn["nested"], [0, 1, *inner, 1, 0])
    assert not np.array_equal(drawn["dense"], SCHEME.draw(seed=6)["dense"])


def test_a_port_has_the_same_weights() -> None:
    """torch's layouts and JAX's, as arrays: the kernel of one is the other's, transposed and reshaped."""
    torchs = Scheme(
        {
            "conv.weight": Parameter((6, 2, 2, 3), "float32", HE, layout="OIHW", groups=3),
            "q.weight": Parameter((6, 5), "float32", HE, layout="OI"),
            "q.bias": Parameter((6,), "float32", N, layout="O"),
        }
    )
    jaxs = Scheme(
        {
            "conv.kernel": Parameter((2, 3, 2, 6), layout="HWIO", groups=3),
            "q.kernel": Parameter((5, 2, 3), layout="IOO"),
            "q.bias": Parameter((2, 3), layout="OO"),
        }
    )
    one = torchs.draw(seed=1, backend="torch")
    two = jaxs.like(torchs, {"conv.kernel": "conv.weight", "q.kernel": "q.weight"}).draw(seed=1, backend="jax")
    np.testing.assert_array_equal(two["conv.kernel"], one["conv.weight"].numpy().transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(two["q.kernel"], one["q.weight"].numpy().T.reshape(5, 2, 3))
    np.testing.assert_array_equal(two["q.bias"], one["q.bias"].numpy().reshape(2, 3))


@pytest.mark.parametrize(
    ("more", "settings", "message"),
    [
        (
            {"table": Parameter((3,), note="computed"), "part": Parameter((3,))},
            {},
            "2 of 14 parameters follow no law that can be drawn: table, part",
        ),
        ({"fans": Parameter((3, 4), "float32", HE)}, {}, "fans: .*State the layout"),
        ({"stack": Parameter((3, 2), "float32", N, layout="SO")}, {}, "stack: .*a list of 3 names"),
        ({}, {"seed": -1}, "seed"),
        ({}, {"seed": "1"}, "seed"),
        ({}, {"backend": "nmupy"}, "unknown backend 'nmupy'"),
        ({}, {"device": "nowhere"}, "nowhere"),
    ],
)
def test_refused(more: dict[str, Parameter], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FaninError, match=message):
        Scheme({**SCHEME, **more}).draw(**settings)


def test_a_seed_is_checked_where_nothing_is_random() -> None:
    with pytest.raises(FaninError, match="seed"):
        Scheme({"w": Parameter((3,), "float32", fanin.zeros())}).draw(seed=-1)


def test_what_follows_no_law_may_be_left_out() -> None:
    scheme = Scheme({**SCHEME, "table": Parameter((3,), note="computed")})
    assert list(scheme.only_laws().draw()) == list(SCHEME)
