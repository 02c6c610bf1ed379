"""Weights in memory: mappings of arrays, their names, and slices of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fanin import FaninError
from fanin.conformance.diagnosis.patterns import decode
from fanin.dtypes import DTYPES
from fanin.weights import Tensor, Weights, float32_of, open_weights
from fanin.weights.tensor import pieces

ml_dtypes = pytest.importorskip("ml_dtypes")

ARRAY = np.arange(60.0).reshape(3, 4, 5)


def test_a_mapping() -> None:
    weights = open_weights({"fc.weight": ARRAY, "fc.bias": ARRAY[0, 0], "step": 3, "name": "x", "none": None})
    assert list(weights) == ["fc.weight", "fc.bias"]
    assert weights["fc.weight"].read(((1, 3), (2, 3), (0, 5))).tolist() == ARRAY[1:3, 2:3].tolist()
    assert repr(weights) == "<fanin.weights.Weights of 2 tensors of the dict>"
    assert open_weights(weights) is weights


def test_a_tree() -> None:
    tree = {"params": {"layers": [{"w": ARRAY}, {"w": ARRAY + 1}], 3: (ARRAY,)}, "scale": np.float32(2)}
    weights = open_weights(tree)
    assert list(weights) == ["params.layers.0.w", "params.layers.1.w", "params.3.0", "scale"]
    assert weights["params.layers.1.w"].read().max() == 60
    assert (weights["scale"].shape, weights["scale"].dtype) == ((), "float32")


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_every_pattern_of_a_narrow_dtype(dtype: str) -> None:
    """The numbers are those of a decoder in Python, and of ml_dtypes."""
    bits = np.arange(1 << DTYPES[dtype].bits).astype("uint16" if dtype == "bfloat16" else "uint8")
    array = bits.view(getattr(ml_dtypes, dtype))
    tensor = open_weights({"w": array})["w"]
    assert tensor.dtype == dtype
    assert tensor.read().tolist() == bits.tolist()
    found = float32_of(tensor.read(), dtype)
    np.testing.assert_array_equal(found, array.astype(np.float32))
    np.testing.assert_array_equal(found, np.array([decode(k, dtype) for k in range(len(bits))], np.float32))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([1.5], np.float16), np.float32),
        (np.array([1 / 3]), np.float64),
        (np.array([2**31 - 1], np.int32), np.float64),
        (np.array([200], np.uint8), np.float32),
        (np.array([True]), np.float32),
    ],
)
def test_float32_of_other_dtypes(array: Any, expected: Any) -> None:
    found = float32_of(array, array.dtype.name)
    assert (found.dtype, found[0]) == (expected, array[0])


def test_float32_of_complex_numbers() -> None:
    with pytest.raises(FaninError, match=r"float32_of takes elements of a real dtype. Received: complex64"):
        float32_of(np.ones(1, np.complex64), "complex64")


@pytest.mark.parametrize(
    ("region", "limit", "sizes"),
    [
        (((0, 3), (0, 4), (0, 5)), 60, [60]),
        (((0, 3), (0, 4), (0, 5)), 40, [40, 20]),
        (((0, 3), (0, 4), (0, 5)), 12, [10, 10] * 3),
        (((1, 3), (3, 4), (2, 5)), 2, [2, 1] * 2),
        (((0, 0), (0, 4)), 2, []),
        ((), 1, [1]),
    ],
)
def test_pieces(region: Any, limit: int, sizes: list[int]) -> None:
    """They cover the region once, in C order."""
    found = list(pieces(region, limit))
    shape = tuple(stop for _, stop in region)
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    parts = [numbers[tuple(slice(*ends) for ends in one)].ravel().tolist() for one in found]
    assert [len(one) for one in parts] == sizes
    whole = numbers[tuple(slice(*ends) for ends in region)].ravel().tolist()
    assert [number for one in parts for number in one] == whole


def test_what_is_not_held_is_refused() -> None:
    held = (((0, 2), (0, 3)), ((4, 5), (0, 3)))
    tensor = Tensor("w", (6, 3), "float64", lambda region: ARRAY, held)
    assert not tensor.is_whole
    assert [(a, b) for (a, b), _ in Weights([tensor], "two processes")["w"].pieces(3)] == [(0, 1), (1, 2), (4, 5)]
    for region in (None, ((1, 3), (0, 3)), ((2, 3), (0, 3)), ((0, 1), (1, 4)), ((1, 0), (0, 3))):
        with pytest.raises(FaninError, match="w: this process does not hold the region"):
            tensor.read(region)
    with pytest.raises(FaninError, match="for each of 2 axes"):
        tensor.read(((0, 1),))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "the dict has no arrays. Accepted: a torch module"),
        ({"a": 1, "b": [2, 3]}, "the dict has no arrays"),
        ([], "the list has no arrays"),
        (3, "the int has no arrays"),
        (None, "the NoneType has no arrays"),
        (ARRAY, "weights are tensors by name. Received: one ndarray"),
        ({"w": np.array(["x"])}, "w: weights are numbers. Received: an array of dtype <U1"),
        ({"w": np.array([{}])}, "w: weights are numbers. Received: an array of dtype object"),
    ],
)
def test_what_has_no_weights(source: object, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        open_weights(source)


def test_two_names_of_one_array_have_one_memory() -> None:
    weights = open_weights({"a": ARRAY, "b": ARRAY, "copy": ARRAY.copy(), "part": ARRAY[0]})
    assert weights["a"].memory == weights["b"].memory
    assert len({tensor.memory for tensor in weights.values()}) == 3
