"""One lock for every framework: weights of torch, of JAX's trees and of Keras, each in its own layout."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras takes TensorFlow otherwise, which need not be there

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch

import fanin
from fanin import FaninError, Parameter, Scheme
from fanin.locking import Lock, verification
from fanin.weights import open_weights

HE = fanin.he_normal()
TORCHS = Scheme(
    {
        "conv.weight": Parameter((6, 4, 3, 2), initializer=HE, layout="OIHW"),
        "fc.weight": Parameter((5, 7), initializer=fanin.orthogonal(), layout="OI"),
    }
)
JAXS = Scheme(
    {
        "conv.weight": Parameter((3, 2, 4, 6), initializer=HE, layout="HWIO"),
        "fc.weight": Parameter((7, 5), initializer=fanin.orthogonal(), layout="IO"),
    }
)


def test_digests_are_those_of_every_layout() -> None:
    assert fanin.lock(TORCHS, 3).digests == fanin.lock(JAXS, 3).digests


@pytest.mark.parametrize("scheme", [TORCHS, JAXS], ids=["torch's", "JAX's"])
@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_of_every_backend(scheme: Scheme, backend: str, dtype: str) -> None:
    """Orthogonal matrices, whose bits differ between backends, are within the tolerance."""
    drawn = Scheme({name: one.with_dtype(dtype) for name, one in scheme.items()}).draw(3, backend=backend)
    assert verification(fanin.lock(scheme, 3), drawn).findings == ()


def test_a_lock_in_another_framework() -> None:
    """A lock of torch's scheme, for a tree of JAX: the scheme is carried over, and the digests stay."""
    lock = fanin.lock(TORCHS, 3)
    target = Scheme({name: Parameter(one.shape, layout=one.layout) for name, one in JAXS.items()}).like(lock.scheme)
    drawn = target.draw(3, backend="jax")
    assert verification(Lock(lock.spec_version, lock.seed, target, lock.digests), drawn).findings == ()


def model() -> Any:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="first")(inputs)
    return keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(hidden), name="small")


def test_keras() -> None:
    weights = open_weights(model())
    assert list(weights) == [
        "first/kernel",
        "first/bias",
        "norm/gamma",
        "norm/beta",
        "norm/moving_mean",
        "norm/moving_variance",
    ]
    made = model()
    kernel = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    made.get_layer("first").kernel.assign(kernel)
    assert open_weights(made)["first/kernel"].read(((1, 3), (0, 3))).tolist() == kernel[1:3].tolist()


def test_keras_against_a_lock() -> None:
    scheme = Scheme(
        {
            "kernel": Parameter((4, 3), initializer=HE, layout="IO"),
            "bias": Parameter((3,), initializer=fanin.zeros()),
        }
    )
    made = model()
    layer = made.get_layer("first")
    layer.kernel.assign(scheme.draw(5)["kernel"])
    assert fanin.verify(fanin.lock(scheme, 5), layer)
    found = verification(fanin.lock(scheme, 6), layer)
    assert [(one.name, one.cause) for one in found.findings] == [("kernel", "drawn with seed 5")]


def test_a_layer_without_variables() -> None:
    with pytest.raises(FaninError, match=r"'empty' has no variables yet. Build it first"):
        open_weights(keras.layers.Dense(3, name="empty"))


def test_mixed_leaves() -> None:
    tree = {"a": np.ones(2), "b": jnp.ones(2), "c": [torch.ones(2)]}
    assert {name: tensor.dtype for name, tensor in open_weights(tree).items()} == {
        "a": "float64",
        "b": "float32",
        "c.0": "float32",
    }
    assert open_weights({"w": jax.random.key(0)})["w"].dtype == "uint32"
