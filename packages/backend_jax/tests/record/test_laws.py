"""What code does with random numbers, and the law that it is read as: a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random

import fanin
from fanin.initializers import Constant, Initializer, Normal, Orthogonal, TruncatedNormal, Uniform
from fanin.models import Parameter
from fanin_jax import record

Code = Callable[[Any], Any]


def one(code: Code) -> Parameter:
    return record(code)["array"]


def tail(std: float, lower: float, upper: float, mean: float = 0.0) -> TruncatedNormal:
    made = fanin.profile("jax:truncated_normal", stddev=std, lower=lower, upper=upper)
    assert isinstance(made, TruncatedNormal)
    return TruncatedNormal(mean, made.std, lower, upper)


def inverted(key: Any, low: float, high: float) -> Any:
    """A truncated normal by hand, as TensorFlow and timm have it."""
    ends = [math.erf(end / math.sqrt(2.0)) for end in (low, high)]
    return lax.erf_inv(random.uniform(key, (3, 5), minval=ends[0], maxval=ends[1])) * math.sqrt(2.0)


def wrong_signs(matrix: Any) -> Any:
    q, r = jnp.linalg.qr(matrix)
    return q * jnp.sign(r[0])


LAWS: dict[str, tuple[Code, Initializer]] = {
    "a normal": (lambda key: random.normal(key, (3, 5)), Normal(0.0, 1.0)),
    "scaled": (lambda key: random.normal(key, (3, 5)) * 0.02, Normal(0.0, 0.02)),
    "scaled from the left, and moved": (lambda key: 1.0 - 0.25 * random.normal(key, (3, 5)), Normal(1.0, 0.25)),
    "divided": (lambda key: random.normal(key, (3, 5)) / 8.0, Normal(0.0, 0.125)),
    "negated": (lambda key: -(random.normal(key, (3, 5)) + 1.0), Normal(-1.0, 1.0)),
    "scaled by an array of one number": (lambda key: random.normal(key, (3, 5)) * jnp.full(5, 0.5), Normal(0.0, 0.5)),
    "by a computed number": (lambda key: random.normal(key, (3, 16)) * lax.rsqrt(jnp.float32(16)), Normal(0.0, 0.25)),
    "a uniform": (lambda key: random.uniform(key, (3, 5)), Uniform(0.0, 1.0)),
    "a uniform with ends": (lambda key: random.uniform(key, (3, 5), minval=-0.5, maxval=0.75), Uniform(-0.5, 0.75)),
    "a uniform, turned round": (lambda key: 1.0 - random.uniform(key, (3, 5)) / 4.0, Uniform(0.75, 1.0)),
    "a truncated normal": (lambda key: random.truncated_normal(key, -2.0, 2.0, (3, 5)), tail(1.0, -2.0, 2.0)),
    "an asymmetric one": (lambda key: random.truncated_normal(key, -1.0, 2.5, (3, 5)) * 0.5, tail(0.5, -1.0, 2.5)),
    "an asymmetric one, negated": (
        lambda key: 3.0 - random.truncated_normal(key, -1.0, 2.5, (3, 5)),
        tail(1.0, -2.5, 1.0, 3.0),
    ),
    "one-sided": (lambda key: random.truncated_normal(key, 0.0, jnp.inf, (3, 5)), tail(1.0, 0.0, 9.0)),
    "truncated by hand": (lambda key: inverted(key, -1.5, 1.5), tail(1.0, -1.5, 1.5)),
    "bounds that cut nothing off": (lambda key: jnp.clip(random.normal(key, (3, 5)), -8.0, 8.0), Normal(0.0, 1.0)),
    "uniform within its bounds": (lambda key: jnp.maximum(random.uniform(key, (3, 5)), 0.0), Uniform(0.0, 1.0)),
    "transposed": (lambda key: random.normal(key, (5, 3)).T, Normal(0.0, 1.0)),
    "reshaped": (lambda key: random.normal(key, (15,)).reshape(3, 5), Normal(0.0, 1.0)),
    "turned": (lambda key: random.normal(key, (3, 5))[::-1, ::2], Normal(0.0, 1.0)),
    "a part": (lambda key: random.normal(key, (9, 5))[2:5], Normal(0.0, 1.0)),
    "taken out": (lambda key: random.normal(key, (4, 3, 5))[2], Normal(0.0, 1.0)),
    "split": (lambda key: jnp.split(random.normal(key, (6, 5)), 2)[1], Normal(0.0, 1.0)),
    "joined again": (lambda key: jnp.concatenate(jnp.split(random.normal(key, (3, 5)), [0, 3])), Normal(0.0, 1.0)),
    "cast": (lambda key: (random.normal(key, (3, 5)) * 0.5).astype(jnp.bfloat16), Normal(0.0, 0.5)),
    "drawn in bfloat16": (lambda key: random.normal(key, (3, 5), jnp.bfloat16), Normal(0.0, 1.0)),
    "drawn in float16": (lambda key: random.uniform(key, (3, 5), jnp.float16) * 2, Uniform(0.0, 2.0)),
    "under jit": (lambda key: jax.jit(lambda k: random.normal(k, (3, 5)) * 2)(key), Normal(0.0, 2.0)),
    "under remat": (lambda key: jax.checkpoint(lambda k: random.normal(k, (3, 5)) * 2)(key), Normal(0.0, 2.0)),
    "a seed in the code": (lambda key: random.normal(random.key(3), (3, 5)), Normal(0.0, 1.0)),
    "a raw key": (lambda key: random.normal(random.split(random.PRNGKey(3))[1], (3, 5)), Normal(0.0, 1.0)),
    "a key from words": (
        lambda key: random.normal(random.wrap_key_data(random.key_data(key)), (3, 5)),
        Normal(0.0, 1.0),
    ),
    "another generator": (lambda key: random.normal(random.key(3, impl="rbg"), (3, 5)), Normal(0.0, 1.0)),
    "times zero": (lambda key: random.normal(key, (3, 5)) * 0.0, Constant(0.0)),
    "zeros": (lambda key: jnp.zeros((3, 5)), Constant(0.0)),
    "a number": (lambda key: jnp.full((3, 5), 0.1), Constant(0.1)),
    "a computed number": (lambda key: jnp.full((3, 5), 4.0) ** 0.5 + jnp.ones(5), Constant(3.0)),
    "a large array of one number": (lambda key: jnp.ones((300, 500)) * 2, Constant(2.0)),
    "whole numbers": (lambda key: jnp.zeros((), jnp.int32) + 3, Constant(3.0)),
    "orthogonal": (lambda key: random.orthogonal(key, 4), Orthogonal(1.0)),
    "jax.nn.initializers.orthogonal": (lambda key: jax.nn.initializers.orthogonal(2.0)(key, (3, 5)), Orthogonal(2.0)),
    "its columns first": (lambda key: jax.nn.initializers.orthogonal(2.0, 0)(key, (3, 5, 2)), Orthogonal(2.0)),
}


@pytest.mark.parametrize("case", LAWS)
def test_a_law_is_read(case: str) -> None:
    code, expected = LAWS[case]
    parameter = one(code)
    assert parameter.initializer is not None, parameter.note
    if isinstance(expected, Orthogonal):
        assert isinstance(parameter.initializer, Orthogonal)
        assert parameter.initializer.gain == expected.gain
        return
    assert type(parameter.initializer) is type(expected)
    numbers = [value for value in parameter.initializer.to_dict().values() if isinstance(value, float)]
    assert numbers == pytest.approx(
        [value for value in expected.to_dict().values() if isinstance(value, float)], rel=2e-6
    )
    assert parameter.stream is None


SOFT: dict[str, Code] = {
    "a sum of two": lambda key: random.normal(key, (3, 5)) + random.uniform(key, (3, 5)),
    "a function": lambda key: jnp.exp(random.normal(key, (3, 5))),
    "bounds that cut": lambda key: jnp.clip(random.normal(key, (3, 5)), -2.0, 2.0),
    "a scale per column": lambda key: random.normal(key, (3, 5)) * jnp.arange(5.0),
    "repeated": lambda key: jnp.repeat(random.normal(key, (3, 5)), 2, axis=0),
    "broadcast": lambda key: jnp.broadcast_to(random.normal(key, (5,)), (3, 5)),
    "masked": lambda key: jnp.tril(random.normal(key, (5, 5))),
    "divided by it": lambda key: 1.0 / random.uniform(key, (3, 5)),
    "QR without signs": lambda key: jnp.linalg.qr(random.normal(key, (5, 5)))[0],
    "QR with the signs of a row": lambda key: wrong_signs(random.normal(key, (5, 5))),
    "signs of another matrix": lambda key: (
        jnp.linalg.qr(random.normal(key, (5, 5)))[0] * jnp.sign(jnp.diag(random.normal(random.fold_in(key, 1), (5, 5))))
    ),
    "an exponential": lambda key: random.exponential(key, (3, 5)),
    "a gamma": lambda key: random.gamma(key, 2.0, (3, 5)),
    "a permutation": lambda key: random.permutation(key, jnp.arange(20.0)),
    "rounded": lambda key: random.normal(key, (3, 5)).astype(jnp.int32),
    "whole numbers": lambda key: random.randint(key, (3, 5), 0, 10),
    "complex": lambda key: random.normal(key, (3, 5), jnp.complex64),
    "truth values": lambda key: random.bernoulli(key, 0.3, (3, 5)),
}


@pytest.mark.parametrize("case", SOFT)
def test_no_law_is_made_up(case: str) -> None:
    parameter = one(SOFT[case])
    assert parameter.initializer is None
    assert not parameter.follows_laws
    assert (parameter.note or "").startswith("random, replayed by XLA's arithmetic: ")


def test_tables_are_computed() -> None:
    parameter = one(lambda key: jnp.sin(jnp.arange(300.0)[:, None] * jnp.arange(200.0)))
    assert (parameter.initializer, parameter.note) == (None, "computed: iota, mul, sin")
    assert one(lambda key: jnp.full((3,), -jnp.inf)).note == "computed: a copy"


PARTS: dict[str, tuple[Code, list[tuple[str, str]]]] = {
    "a row of zeros": (
        lambda key: random.normal(key, (4, 3)).at[0].set(0.0),
        [("whole", "normal"), ("[[0, 1], [0, 3]]", "constant")],
    ),
    "a slice in zeros": (
        lambda key: jnp.zeros((4, 3)).at[1:3].set(random.uniform(key, (2, 3))),
        [("whole", "constant"), ("[[1, 3], [0, 3]]", "uniform")],
    ),
    "joined": (
        lambda key: jnp.concatenate([random.normal(key, (2, 3)), jnp.zeros((1, 3)), random.uniform(key, (1, 3))]),
        [("[[0, 2], [0, 3]]", "normal"), ("[[2, 3], [0, 3]]", "constant"), ("[[3, 4], [0, 3]]", "uniform")],
    ),
    "joined, reshaped and scaled": (
        lambda key: 2 * jnp.concatenate([random.normal(key, (2, 6)), jnp.ones((2, 6))]).reshape(4, 2, 3),
        [("[[0, 2], [0, 2], [0, 3]]", "normal"), ("[[2, 4], [0, 2], [0, 3]]", "constant")],
    ),
    "joined and transposed": (
        lambda key: jnp.concatenate([random.normal(key, (2, 6)), jnp.ones((2, 6))]).T,
        [("[[0, 6], [0, 2]]", "normal"), ("[[0, 6], [2, 4]]", "constant")],
    ),
    "a margin": (
        lambda key: jnp.pad(random.normal(key, (2, 3)), ((1, 0), (0, 2))),
        [("whole", "constant"), ("[[1, 3], [0, 3]]", "normal")],
    ),
    "a matrix in the middle of a kernel": (
        lambda key: jax.nn.initializers.delta_orthogonal()(key, (3, 3, 2, 4)),
        [("whole", "constant"), ("[[1, 2], [1, 2], [0, 2], [0, 4]]", "ungrouped_orthogonal")],
    ),
    "a part of what was joined": (
        lambda key: jnp.concatenate([random.normal(key, (2, 3)), jnp.zeros((3, 3))])[1:4],
        [("[[0, 1], [0, 3]]", "normal"), ("[[1, 3], [0, 3]]", "constant")],
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_parts_are_read(case: str) -> None:
    code, expected = PARTS[case]
    parameter = one(code)
    found = [] if parameter.initializer is None else [("whole", parameter.initializer.kind)]
    found += [
        (str([list(ends) for ends in part.region]), part.parameter.initializer.kind)
        for part in parameter.parts
        if part.parameter.initializer is not None
    ]
    assert found == expected
    assert parameter.follows_laws


def test_a_padding_row_keeps_its_value() -> None:
    table = record(lambda key: random.normal(key, (4, 3)).at[2].set(0.5)).draw(seed=1)["array"]
    assert np.array_equal(table[2], np.full(3, 0.5, np.float32))
    assert np.array_equal(
        np.delete(table, 2, 0),
        np.delete(fanin.init((4, 3), fanin.normal(std=1.0), name="array", seed=1, backend="numpy"), 2, 0),
    )


def test_the_key_of_the_code_does_not_matter() -> None:
    """The numbers are fanin's: neither the generator, nor how a key is made, nor what is drawn before changes them."""
    plain = record(lambda key: random.normal(key, (3, 5))).draw(seed=4)["array"]
    for key in (random.key(3, impl="rbg"), random.key(3, impl="unsafe_rbg"), random.fold_in(random.key(1), 8)):
        assert np.array_equal(record(lambda _, key=key: random.normal(key, (3, 5))).draw(seed=4)["array"], plain)
