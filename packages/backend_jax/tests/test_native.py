"""Draws by the compiled kernels: where they are used, and that nothing shows of it but the time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import fanin
import fanin_jax
from fanin.exceptions import FaninValueError
from fanin_jax._elements import compiled
from fanin_kernels import chosen_path

CALL = "custom_call @fanin_draw"
"""What a program that uses the kernels calls."""


@pytest.fixture(params=["native", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With and without the kernels."""
    monkeypatch.setenv("FANIN_ENGINE", request.param)
    compiled.cache_clear()
    yield request.param
    compiled.cache_clear()


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the kernels."""
    monkeypatch.setenv("FANIN_ENGINE", "native")
    compiled.cache_clear()
    yield
    compiled.cache_clear()


def weights(shape: tuple[int, ...] = (70, 90), law: Any = "he", seed: int = 3, **settings: Any) -> jax.Array:
    return fanin_jax.init(shape, law, **{"layout": "OI", "name": "fc.weight", **settings}, seed=seed)


NORMAL, UNIFORM = fanin.normal(std=0.3, mean=1.5), fanin.uniform(-1.0, 3.0)
TRUNCATED = fanin.truncated_normal(std=1.5, mean=-0.25)

DRAWS: dict[str, tuple[tuple[int, ...], Any, dict[str, Any]]] = {
    "one run": ((5, 7), NORMAL, {"layout": "OI"}),
    "several threads": ((300, 400), UNIFORM, {"layout": "OI"}),
    "rows longer than a part": ((2, 70_000), TRUNCATED, {"layout": "OI"}),
    "rows of a slice": ((300, 400), TRUNCATED, {"layout": "OI", "slices": [slice(3, 290), slice(101, 399)]}),
    "pairs of rows": ((90, 70), NORMAL, {"layout": "IO"}),
    "many pairs of rows": ((600, 70), NORMAL, {"layout": "IO"}),
    "pairs of long rows": ((4, 40_000), NORMAL, {"layout": "IO"}),
    "pairs that begin between two lanes": ((90, 70), NORMAL, {"layout": "IO", "slices": [slice(3, 73), slice(0, 70)]}),
    "no pairs: across the counter's turn": (
        (90, 1 << 27),
        NORMAL,
        {"layout": "IO", "slices": [slice(0, 90), slice((1 << 33) // 90 - 50, (1 << 33) // 90 + 50)]},
    ),
    "pairs far away": (
        (90, 1 << 27),
        NORMAL,
        {"layout": "IO", "slices": [slice(0, 90), slice((1 << 27) - 99, 1 << 27)]},
    ),
    "no pairs: an odd number of rows": ((91, 70), UNIFORM, {"layout": "IO"}),
    "no pairs: odd strides": ((3, 3, 8, 80), TRUNCATED, {"layout": "HWIO"}),
    "no pairs: an odd part of them": ((92, 70), NORMAL, {"layout": "IO", "slices": [slice(0, 91), slice(0, 70)]}),
    "no pairs: an even part": (
        (5, 3, 80),
        NORMAL,
        {"layout": "WIO", "slices": [slice(0, 4), slice(0, 3), slice(0, 80)]},
    ),
    "columns longer than a part": ((3, 200, 170), NORMAL, {"layout": "WIO"}),
    "a stack of runs": ((3, 20, 70), NORMAL, {"layout": "SOI", "name": ["a", "b", "c"]}),
    "a stack of pairs": ((3, 20, 70), NORMAL, {"layout": "SIO", "name": ["a", "b", "c"]}),
    "a stack in the middle": ((20, 3, 70), NORMAL, {"layout": "OSI", "name": ["a", "b", "c"]}),
    "a stack of short rows": ((3, 20, 7), NORMAL, {"layout": "SOI", "name": ["a", "b", "c"]}),
    "a stack along rows": ((20, 7, 3), NORMAL, {"layout": "OIS", "name": ["a", "b", "c"]}),
    "groups": ((8, 6, 3), NORMAL, {"layout": "IOW", "groups": 2, "transposed": True, "stride": 2}),
    "a part of groups": (
        (8, 6, 3),
        NORMAL,
        {
            "layout": "IOW",
            "groups": 2,
            "transposed": True,
            "stride": 2,
            "slices": [slice(3, 8), slice(0, 6), slice(0, 3)],
        },
    ),
    "a mean beyond 32 bits": ((5, 70), fanin.normal(mean=100.0, std=1e-7), {"layout": "OI"}),
    "one element": ((1,), NORMAL, {"layout": None}),
    "a scalar": ((), NORMAL, {"layout": None}),
    "none": ((0, 4), NORMAL, {"layout": "OI"}),
    "a matrix law": ((40, 70), fanin.sparse(sparsity=0.3, std=1.0), {"layout": "IO"}),
}


def test_the_backend_says_what_draws(engine: str) -> None:
    """`fanin backends` shows it."""
    expected = {"native": f"native ({chosen_path()}), devices: XLA", "numpy": "XLA"}
    assert fanin_jax.JaxBackend().engine == expected[engine]


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn"])
def test_bits_are_those_of_numpy(name: str, dtype: str, engine: str) -> None:
    shape, law, settings = DRAWS[name]
    call = {"name": "fc.weight", **settings, "seed": 5, "dtype": dtype}
    found, wanted = (np.asarray(fanin.init(shape, law, **call, backend=backend)) for backend in ("jax", "numpy"))
    assert found.dtype == wanted.dtype
    assert found.tobytes() == wanted.tobytes()


HE = fanin_jax.initializer("he")
SHAPE = (6, 70)


def keys() -> jax.Array:
    return jax.random.split(jax.random.key(0), 3)


def sharded(given: jax.Array) -> jax.Array:
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("d",))
    spec = jax.sharding.PartitionSpec("d")  # type: ignore[no-untyped-call]
    mapped: Any = jax.shard_map(lambda some: HE(some[0], SHAPE)[None], mesh=mesh, in_specs=spec, out_specs=spec)
    made: jax.Array = mapped(given)
    return made


PROGRAMS: dict[str, tuple[Callable[[], Any], bool]] = {
    "one draw": (weights, True),
    "a traced key": (lambda: HE(jax.random.key(1), SHAPE), True),
    "float16": (lambda: weights(dtype="float16"), True),
    "float8": (lambda: weights(dtype="float8_e5m2"), False),
    "a constant": (lambda: weights(law="zeros"), False),
    "vmap": (lambda: jax.vmap(lambda key: HE(key, SHAPE))(keys()), False),
    "map": (lambda: jax.lax.map(lambda key: HE(key, SHAPE), keys()), True),
    "cond": (lambda: jax.lax.cond(keys().size > 2, lambda: HE(keys()[0], SHAPE), lambda: jnp.zeros(SHAPE)), True),
    "remat": (lambda: jax.checkpoint(lambda x: x * HE(jax.random.key(1), SHAPE))(2.0), True),
    "shard_map": (lambda: sharded(keys()), False),
    "a gradient": (lambda: jax.grad(lambda x: (x * HE(jax.random.key(1), SHAPE)).sum())(2.0), True),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which programs call the kernels, and that it changes no bit."""
    function, uses = PROGRAMS[name]
    found = {}
    for choice in ("native", "numpy"):
        monkeypatch.setenv("FANIN_ENGINE", choice)
        compiled.cache_clear()
        program = jax.jit(lambda: function())  # a function of its own, which JAX has not traced before
        assert (CALL in program.lower().as_text()) is (uses and choice == "native")
        found[choice] = np.asarray(program()).tobytes()
    assert found["native"] == found["numpy"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_exported_program_runs_without_the_kernels(dtype: str, native: None) -> None:
    exported = export.export(jax.jit(lambda: weights(dtype=dtype)))()
    assert CALL not in str(exported.mlir_module())
    again: Any = exported.call
    assert np.asarray(again()).tobytes() == np.asarray(weights(dtype=dtype)).tobytes()


def test_without_jit(native: None) -> None:
    wanted = np.asarray(weights())
    with jax.disable_jit():
        assert np.asarray(weights()).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", ["a", "b"])
def test_large_draws_are_shared_by_threads(name: str, native: None) -> None:
    """Each part is filled once: every piece is that of a draw of its own."""
    whole = np.asarray(weights((1001, 517), NORMAL, name=name))
    for top in (0, 500, 1000):
        part = weights((1001, 517), NORMAL, name=name, slices=[slice(top, top + 1), slice(0, 517)])
        assert (whole[top] == np.asarray(part)[0]).all()


def test_draws_of_one_program_keep_apart(native: None) -> None:
    several = jax.jit(lambda: [weights((300, 200), seed=seed) for seed in range(8)])()
    for seed, array in enumerate(several):
        assert (array == weights((300, 200), seed=seed)).all()


def test_it_can_be_turned_off_and_required(monkeypatch: pytest.MonkeyPatch) -> None:
    from fanin_jax import _native

    monkeypatch.setenv("FANIN_ENGINE", "quick")
    with pytest.raises(FaninValueError, match=r"FANIN_ENGINE must be one of auto, native, numpy\. Received: 'quick'"):
        _native.is_native()
    _native._target.cache_clear()
    monkeypatch.setitem(sys.modules, "fanin_kernels", None)  # an import fails, as if it were not installed
    monkeypatch.setenv("FANIN_ENGINE", "native")
    with pytest.raises(FaninValueError, match=r"needs the compiled kernels, which are not .*fanin\[fast\]"):
        _native.is_native()
    monkeypatch.setenv("FANIN_ENGINE", "auto")
    assert not _native.is_native()


def test_without_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA draws, and who asks for the kernels is told why there are none."""
    from fanin_jax import _native

    def fail() -> None:
        raise ImportError("fanin-kernels was built without its library.")

    monkeypatch.setattr(_native, "_target", fail)
    monkeypatch.setenv("FANIN_ENGINE", "auto")
    assert not _native.is_native()
    monkeypatch.setenv("FANIN_ENGINE", "native")
    with pytest.raises(FaninValueError, match=r"which cannot be loaded: fanin-kernels was built without its library\."):
        _native.is_native()
