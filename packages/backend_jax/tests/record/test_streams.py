"""Which stream each array is drawn from: its own, a copy's, and for a stack of layers one per layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random

import fanin_jax
from fanin_jax import record

Tree = dict[str, Any]


def block(key: Any) -> Tree:
    """A layer of two random arrays and a constant."""
    up, down = random.split(key)
    return {"up": random.normal(up, (3, 5)) * 0.5, "down": {"w": random.uniform(down, (5, 3)), "b": jnp.zeros(3)}}


def stacked(blocks: Tree, rest: Any) -> Tree:
    return {"blocks": blocks, "head": random.normal(random.fold_in(rest, 7), (3, 2))}


def carried(key: Any) -> Tree:
    """Layers of which each splits the key for the next one."""

    def step(key: Any, _: None) -> tuple[Any, Tree]:
        key, own = random.split(key)
        return key, block(own)

    return stacked(lax.scan(step, key, None, length=4)[1], key)


def folded(key: Any) -> Tree:
    return stacked(jax.vmap(lambda k: block(random.fold_in(key, k)))(jnp.arange(4)), key)


STACKS: dict[str, Any] = {
    "vmap": lambda key: stacked(jax.vmap(block)(random.split(key, 4)), key),
    "vmap of a raw key": lambda key: stacked(jax.vmap(block)(random.split(random.PRNGKey(1), 4)), key),
    "map": lambda key: stacked(lax.map(block, random.split(key, 4)), key),
    "scan": lambda key: stacked(lax.scan(lambda _, k: (None, block(k)), None, random.split(key, 4))[1], key),
    "scan backwards": lambda key: stacked(
        lax.scan(lambda _, k: (None, block(k)), None, random.split(key, 4), reverse=True)[1], key
    ),
    "scan that carries the key": carried,
    "folded in": folded,
    "made one by one": lambda key: stacked(
        jax.tree.map(lambda *layers: jnp.stack(layers), *map(block, random.split(key, 4))), key
    ),
    "under remat and jit": lambda key: stacked(jax.jit(jax.vmap(jax.checkpoint(block)))(random.split(key, 4)), key),
}


def unrolled(key: Any) -> Tree:
    return stacked({str(k): block(one) for k, one in enumerate(random.split(key, 4))}, key)


@pytest.mark.parametrize("case", STACKS)
def test_a_stack_equals_its_layers(case: str) -> None:
    scheme, layers = record(STACKS[case]), record(unrolled)
    assert scheme["blocks.up"].stream == tuple(f"blocks.{k}.up" for k in range(4))
    assert scheme["blocks.down.w"].stream == tuple(f"blocks.{k}.down.w" for k in range(4))
    assert layers["blocks.2.up"].stream is None
    whole, apart = scheme.draw(seed=3), layers.draw(seed=3)
    for name in ("up", "down.w", "down.b"):
        assert np.array_equal(whole[f"blocks.{name}"], np.stack([apart[f"blocks.{k}.{name}"] for k in range(4)])), name
    assert np.array_equal(whole["head"], apart["head"])
    built = fanin_jax.build(STACKS[case], seed=3)
    assert np.array_equal(built["blocks"]["down"]["w"], whole["blocks.down.w"])


def test_a_stack_along_another_axis() -> None:
    def model(key: Any) -> Tree:
        return stacked(jax.vmap(block, out_axes=1)(random.split(key, 4)), key)

    scheme = record(model)
    assert scheme["blocks.up"].layout == "OSO"
    apart = record(unrolled).draw(seed=3)
    assert np.array_equal(scheme.draw(seed=3)["blocks.up"][:, 2], apart["blocks.2.up"])


def test_all_of_it_is_a_stack() -> None:
    scheme = record(lambda key: jax.vmap(block)(random.split(key, 3)))
    assert scheme["up"].stream == ("0.up", "1.up", "2.up")


def test_two_stacks_of_one_length_are_apart() -> None:
    def model(key: Any) -> Tree:
        one, two = random.split(key)
        return {"one": jax.vmap(block)(random.split(one, 3)), "two": jax.vmap(block)(random.split(two, 3))}

    scheme = record(model)
    assert scheme["one.up"].stream == ("one.0.up", "one.1.up", "one.2.up")
    assert scheme["two.up"].stream == ("two.0.up", "two.1.up", "two.2.up")


def test_a_stack_and_one_of_its_layers() -> None:
    def model(key: Any) -> Tree:
        keys = random.split(key, 3)
        return {"all": jax.vmap(block)(keys), "third": block(keys[2])}

    drawn = record(model).draw(seed=1)
    assert np.array_equal(drawn["all.up"][2], drawn["third.up"])
    assert not np.array_equal(drawn["all.up"][1], drawn["third.up"])


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_that_carries_the_key_runs_in_its_own_order(reverse: bool) -> None:
    """The layer that is made first is the one that is made of the first key outside of the loop."""

    def model(key: Any) -> Tree:
        def step(key: Any, _: None) -> tuple[Any, Tree]:
            key, own = random.split(key)
            return key, block(own)

        return {"blocks": lax.scan(step, key, None, length=3, reverse=reverse)[1], "made": block(random.split(key)[1])}

    drawn = record(model).draw(seed=1)
    same = [bool(np.array_equal(layer, drawn["made.up"])) for layer in drawn["blocks.up"]]
    assert same == ([False, False, True] if reverse else [True, False, False])


def test_layers_that_start_equal() -> None:
    """One key for all layers: JAX gives each the same numbers, and so does a build."""

    def model(key: Any) -> Tree:
        return {"blocks": jax.vmap(lambda k: random.normal(key, (3, 5)) + 0 * k)(jnp.zeros(2)), "x": jnp.ones(())}

    built = fanin_jax.build(model, seed=1)
    assert np.array_equal(built["blocks"][0], built["blocks"][1])


def pair(key: Any) -> Tree:
    weight = random.normal(key, (6, 4)) * 0.1
    return {"first": weight, "second": weight}


def test_copies_have_one_stream() -> None:
    scheme = record(pair)
    assert (scheme["first"].stream, scheme["second"].stream) == (None, "first")
    same = record(
        lambda key: {
            "a": random.normal(random.fold_in(key, 3), (6, 4)),
            "b": random.normal(random.fold_in(key, 3), (6, 4)),
        }
    )
    assert same["b"].stream == "a"
    other = record(
        lambda key: {
            "a": random.normal(random.fold_in(key, 3), (6, 4)),
            "b": random.normal(random.fold_in(key, 4), (6, 4)),
        }
    )
    assert other["b"].stream is None


def test_parts_of_one_source_are_independent() -> None:
    def model(key: Any) -> Tree:
        q, k, v = jnp.split(random.normal(key, (6, 4)), 3)
        return {"q": q, "k": k, "v": v}

    scheme = record(model)
    assert [scheme[name].stream for name in "qkv"] == [None, None, None]


SHARED: dict[str, Any] = {
    "transposed": (lambda w: w.T, lambda w: w.T),
    "overlapping": (lambda w: w[1:], lambda w: w[1:]),
    "its norms": (lambda w: jnp.linalg.norm(w, axis=1), lambda w: np.sqrt((w * w).sum(1))),
    "a function of it": (jnp.exp, np.exp),
    "turned": (lambda w: w[::-1], lambda w: w[::-1]),
}


@pytest.mark.parametrize("case", SHARED)
@pytest.mark.parametrize("stack", [False, True])
def test_what_shares_numbers_goes_on_sharing_them(case: str, stack: bool) -> None:
    function, numpys = SHARED[case]

    def layer(key: Any) -> Tree:
        weight = random.normal(key, (6, 4)) * 0.1
        return {"weight": weight, "other": function(weight)}

    def model(key: Any) -> Tree:
        return jax.vmap(layer)(random.split(key, 3)) if stack else layer(key)

    scheme = record(model)
    assert scheme["weight"].follows_laws
    assert not scheme["other"].follows_laws
    assert scheme["other"].note is not None
    built = fanin_jax.build(model, seed=2)
    weight = scheme.only_laws().draw(seed=2)["weight"]
    assert np.array_equal(built["weight"], weight)
    expected = np.stack([numpys(one) for one in weight]) if stack else numpys(weight)
    np.testing.assert_allclose(built["other"], expected, rtol=1e-5)
    np.testing.assert_allclose(scheme.replay("other", seed=2), built["other"], rtol=1e-6)


def test_parts_that_are_shared_elsewhere_are_replayed() -> None:
    """Neither is the source itself, so both are computed from it."""

    def model(key: Any) -> Tree:
        source = random.normal(key, (6, 4))
        return {"first": source[:4], "last": source[2:]}

    scheme = record(model)
    assert not scheme["first"].follows_laws
    built = fanin_jax.build(model, seed=2)
    assert np.array_equal(built["first"][2:], built["last"][:2])


REPLAYED: dict[str, Any] = {
    "words": lambda key: random.randint(key, (40,), 0, 9),
    "exponential": lambda key: random.exponential(key, (40,)),
    "permutation": lambda key: random.permutation(key, 40),
    "gamma": lambda key: random.gamma(key, 2.0, (40,)),
    "poisson": lambda key: random.poisson(key, 4.0, (40,)),
    "half the bits": lambda key: random.bits(key, (40,), jnp.uint16),
    "a logarithm of a uniform": lambda key: jnp.log(random.uniform(key, (40,), minval=1.0, maxval=16.0)),
}


@pytest.mark.parametrize("case", REPLAYED)
def test_a_replay_depends_on_the_seed_and_the_name_alone(case: str) -> None:
    code = REPLAYED[case]
    built = fanin_jax.build(lambda key: {"a": code(key), "b": code(random.fold_in(key, 1))}, seed=1)
    again = fanin_jax.build(lambda key: {"a": code(random.split(key, 3)[1])}, seed=1)
    other = fanin_jax.build(lambda key: {"a": code(key)}, seed=2)
    assert built["a"].dtype == code(random.key(0)).dtype
    np.testing.assert_allclose(built["a"], again["a"], rtol=1e-6)  # another program, which XLA may round in another way
    assert not np.array_equal(built["a"], other["a"])
    assert not np.array_equal(built["a"], built["b"])
    assert len(np.unique(np.asarray(built["a"]))) > 3


def test_replayed_laws_are_right() -> None:
    """2,000 numbers: a mean is off by more than six standard errors once in 5 * 10^8 times."""
    model: dict[str, Any] = {
        "words": lambda key: random.randint(key, (2000,), 0, 9),
        "exponential": lambda key: random.exponential(key, (2000,)),
        "gamma": lambda key: random.gamma(key, 2.0, (2000,)),
        "bernoulli": lambda key: random.bernoulli(key, 0.3, (2000,)) * 1.0,
    }
    moments = {"words": (4.0, 60 / 9), "exponential": (1.0, 1.0), "gamma": (2.0, 2.0), "bernoulli": (0.3, 0.21)}
    for name, code in model.items():
        mean, variance = moments[name]
        drawn = np.asarray(fanin_jax.build(lambda key, code=code: {"a": code(key)}, seed=5)["a"], np.float64)
        assert abs(drawn.mean() - mean) < 6 * (variance / 2000) ** 0.5, name
