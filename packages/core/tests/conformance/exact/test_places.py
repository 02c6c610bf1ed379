"""The stored blocks, the parts, and the memory of arrays."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fanin import reference
from fanin.conformance.exact.bits import position_of
from fanin.conformance.exact.memory import memory_faults
from fanin.conformance.exact.places import BLOCK, BLOCKS, WHOLES, _cut, _part_shape, _somewhere, stored
from fanin.dtypes import DTYPES


@pytest.mark.parametrize("title", BLOCKS)
def test_the_last_block_is_the_references(title: str) -> None:
    """The last one is the shortest; the others were made by the same program."""
    plan = BLOCKS[title].plan()
    dtype, first = DTYPES[plan.dtype], plan.size // BLOCK * BLOCK
    flat = range(first, plan.size)
    assert len(stored()[title]) == math.ceil(plan.size / BLOCK)
    assert plan.size > 1 << 22
    patterns = (dtype.encode(reference.value(plan, position_of(plan, k))) for k in flat)
    block = b"".join(pattern.to_bytes(dtype.itemsize, "little") for pattern in patterns)
    assert hashlib.sha256(block).hexdigest()[:16] == stored()[title][-1]


@pytest.mark.parametrize("case", WHOLES, ids=str)
def test_a_part_of_the_bytes_is_the_part_of_the_array(case: Any) -> None:
    shape, details = case.plan().shape, Random(1)
    array = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)
    for _ in range(3):
        slices = _somewhere(_part_shape(shape, details), shape, details)
        wanted = array[tuple(slice(*part) for part in slices)]
        assert 0 < wanted.size <= 4000
        assert _cut(memoryview(array.tobytes()), shape, slices, 4) == wanted.tobytes()


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda array: array, ""),
        (lambda array: array.reshape(3, 4).reshape(12), ""),
        (lambda array: np.asfortranarray(array.reshape(3, 4)), "not in C order"),
        (_read_only, "read-only"),
        (lambda array: array[:3], "a part of a buffer of 96 bytes"),
        (lambda array: np.frombuffer(bytearray(array.tobytes())), "borrowed from an object of type memoryview"),
        (lambda array: array.astype(">f8"), "in the other byte order"),
        (lambda array: [1.0], ""),
    ],
)
def test_the_memory_of_numpy_arrays(change: Callable[[Any], Any], fault: str) -> None:
    assert memory_faults(change(np.arange(12.0))) == fault


def test_the_memory_of_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3, 4)
    assert memory_faults(tensor) == memory_faults(tensor.reshape(12)) == ""
    assert memory_faults(tensor.T) == "not in C order"
    assert memory_faults(tensor[1:]) == "a part of a storage of 48 bytes"
    assert memory_faults(torch.zeros(3, requires_grad=True)) == "with a gradient, or made in inference mode"
