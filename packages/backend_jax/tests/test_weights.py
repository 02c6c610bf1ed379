"""Weights in trees of JAX: dicts, dataclasses and Flax's modules, sharded arrays, and folders of Orbax."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.weights import float32_of, open_weights

ARRAY = jnp.arange(24.0).reshape(4, 6) / 8
REGION = ((1, 3), (2, 5))


@jax.tree_util.register_dataclass
@dataclass
class Layer:
    kernel: Any
    bias: Any


def names(tree: object) -> list[str]:
    return list(open_weights(tree))


def test_trees() -> None:
    tree = {"layers": [Layer(ARRAY, jnp.zeros(6)), Layer(ARRAY + 1, None)], "step": 3, "name": "x"}
    weights = open_weights(tree)
    assert list(weights) == ["layers.0.kernel", "layers.0.bias", "layers.1.kernel"]
    assert weights["layers.1.kernel"].read(REGION).tolist() == (ARRAY + 1)[1:3, 2:5].tolist()


def test_flax() -> None:
    assert set(names(linen.Dense(3).init(jax.random.key(0), ARRAY))) == {"params.bias", "params.kernel"}

    class Two(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.first = nnx.Linear(6, 3, rngs=rngs)
            self.norm = nnx.BatchNorm(3, rngs=rngs)

    module = Two(nnx.Rngs(0))
    expected = {"first.kernel", "first.bias", "norm.mean", "norm.var", "norm.scale", "norm.bias"}
    for tree in (module, nnx.state(module), nnx.to_pure_dict(nnx.state(module))):
        assert set(names(tree)) == expected
    kernel = open_weights(module)["first.kernel"]
    assert kernel.read(((2, 4), (0, 3))).tolist() == module.first.kernel[...][2:4].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "int32", "bool"])
def test_dtypes(dtype: str) -> None:
    tensor = open_weights({"w": ARRAY.astype(dtype)})["w"]
    assert (tensor.dtype, tensor.shape) == (dtype, (4, 6))
    np.testing.assert_array_equal(
        float32_of(tensor.read(REGION), dtype), ARRAY.astype(dtype).astype("float32")[1:3, 2:5]
    )


def test_what_has_no_values() -> None:
    def traced(array: Any) -> Any:
        open_weights({"w": array})
        return array

    with pytest.raises(FaninError, match="w has no values while it is traced"):
        jax.jit(traced)(ARRAY)
    deleted = ARRAY + 1
    deleted.delete()
    with pytest.raises(FaninError, match="w has no values any more"):
        open_weights({"w": deleted})
    with pytest.raises(FaninError, match="the function has no arrays"):
        open_weights(traced)


SCHEME = Scheme(
    {
        "first.kernel": Parameter((6, 5), initializer=fanin.he_normal(), layout="IO"),
        "first.bias": Parameter((5,), initializer=fanin.zeros()),
    }
)

SHARDED = """
import sys, fanin, jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from fanin.locking import Lock, verification
from fanin.weights import open_weights
from pathlib import Path
lock = Lock.from_json(Path(sys.argv[1]).read_text("utf-8"))
mesh = Mesh(jax.devices(), ("x",))
drawn = lock.scheme.draw(lock.seed, backend="jax")
kernel = jax.device_put(drawn["first.kernel"], NamedSharding(mesh, P("x", None)))
bias = jax.device_put(drawn["first.bias"], NamedSharding(mesh, P()))
weights = open_weights({"params": {"first": {"kernel": kernel, "bias": bias}}})
print(weights["params.first.kernel"].held, weights["params.first.bias"].held)
print(verification(lock, weights))
print(verification(lock, {"first": {"kernel": kernel.at[4, 3].add(1), "bias": bias}}))
"""


def test_sharded_arrays(tmp_path: Path) -> None:
    """Two devices of one process: a replica is read once."""
    (tmp_path / "lock.json").write_text(fanin.lock(SCHEME, 5).to_json(), encoding="utf-8")
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, "-c", SHARDED, str(tmp_path / "lock.json")],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    held, equal, _, finding, _ = run.stdout.splitlines()
    assert held == "(((0, 3), (0, 5)), ((3, 6), (0, 5))) (((0, 5),),)"
    assert equal.startswith("all 2 parameters are equal (35 elements compared), 1 of them as far as")
    assert "1 of 30 differ, first at (4, 3)" in finding


@pytest.fixture(params=[True, False], ids=["ocdbt", "files"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    import orbax.checkpoint as ocp

    tree = {"params": {"w": ARRAY, "layers": [jnp.ones(3, jnp.bfloat16), np.full((), 2.5)]}, "step": 3}
    with ocp.PyTreeCheckpointer(use_ocdbt=request.param) as checkpointer:
        checkpointer.save(tmp_path / "step", tree)
    return tmp_path / "step"


def test_orbax(folder: Path) -> None:
    weights = open_weights(folder)
    assert set(weights) == {"params.w", "params.layers.0", "params.layers.1"}
    assert weights["params.w"].read(REGION).tolist() == ARRAY[1:3, 2:5].tolist()
    assert float32_of(weights["params.layers.0"].read(), "bfloat16").tolist() == [1, 1, 1]
    assert weights["params.layers.1"].read().tolist() == 2.5


def without_data(folder: Path) -> None:
    """Remove the arrays' own files, and leave what describes them."""
    for path in [*folder.glob("ocdbt*/d/*"), *folder.glob("d/*"), *folder.glob("params.w/0*")]:
        path.unlink()


def without_arrays(folder: Path) -> None:
    for path in [*folder.glob("params.*"), *folder.glob("ocdbt*"), *folder.glob("d"), *folder.glob("manifest*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def index(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        data = json.loads((folder / "_METADATA").read_text())
        change(data)
        (folder / "_METADATA").write_text(json.dumps(data))

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_data, r"lacks a part of params\.\S+, or it is broken"),
        (without_arrays, r"lacks a part of params\.\S+, or it is broken"),
        (lambda folder: (folder / "_METADATA").write_text("{"), "is no description of a checkpoint of Orbax"),
        (index(lambda data: data.pop("tree_metadata")), "is no description of a checkpoint of Orbax"),
        (index(lambda data: data["tree_metadata"].clear()), "has no arrays"),
    ],
)
def test_broken_orbax(change: Callable[[Path], object], message: str, folder: Path) -> None:
    change(folder)
    with pytest.raises(FaninError, match=message):
        open_weights(folder)["params.w"].read()
