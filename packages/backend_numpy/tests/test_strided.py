"""Random parts of random tensors into memory of any strides: the reference's bits, and not a byte beside them.

`FANIN_FUZZ` is the number of draws of each engine.
"""

from __future__ import annotations

import math
import os
import random
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from engines import engines, use
from numpy.typing import NDArray

import fanin
import fanin_numpy
from fanin import reference
from fanin.plans import Plan

COUNT = int(os.environ.get("FANIN_FUZZ", "1000"))

LAYOUTS = {0: [""], 1: ["O", "I"], 2: ["OI", "IO"], 3: ["OIW", "WIO", "OWI", "SOI", "IOS"], 4: ["OIHW", "HWIO", "OHWI"]}
DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
LAWS = (
    fanin.he_normal(),
    fanin.uniform(-0.25, 1.0),
    fanin.normal(mean=1.0, std=0.02),
    fanin.normal(mean=-30.0, std=1e-6),
    fanin.truncated_normal(std=0.3),
    fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0),
)


def random_plan(choose: random.Random) -> Plan:
    """Return the plan of a random part of a random tensor, at most some hundred elements."""
    layout = choose.choice(LAYOUTS[choose.randrange(5)])
    shape = [choose.choice((1, 2, 3, 4, 7, 8)) for _ in layout]
    if layout:
        shape[choose.randrange(len(layout))] = choose.choice((1, 2, 5, 16, 33, 64, 65, 130))
    while math.prod(shape) > 1500:
        k = choose.randrange(len(shape))
        shape[k] = (shape[k] + 1) // 2
    slices = [sorted((choose.randint(0, size), choose.randint(0, size))) for size in shape]
    whole = choose.random() < 0.5
    name = [f"w.{k}" for k in range(shape[layout.index("S")])] if "S" in layout else f"w.{choose.randrange(99)}"
    return fanin.plan(
        tuple(shape),
        choose.choice(LAWS),
        layout=layout,
        seed=choose.randrange(2**64),
        name=name,
        dtype=choose.choice(list(DTYPES)),
        slices=None if whole else [slice(*pair) for pair in slices],
    )


def random_view(choose: random.Random, shape: tuple[int, ...], dtype: Any) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return an array of this shape with random strides of either sign, and the memory that it lies in."""
    size = np.dtype(dtype).itemsize
    steps, span = [0] * len(shape), size
    for k in choose.sample(range(len(shape)), len(shape)):
        steps[k] = span * choose.choice((1, 1, 1, 2, 3)) + (size * choose.randrange(3) if choose.random() < 0.3 else 0)
        span = steps[k] * max(shape[k], 1)
    start = choose.choice((0, size, choose.randrange(64)))  # not always aligned to the elements
    memory = np.frombuffer(choose.randbytes(start + span + choose.randrange(64)), np.uint8).copy()
    view = np.ndarray(shape, dtype, memory, start, steps)
    turned: tuple[Any, ...] = tuple(slice(None, None, choose.choice((1, 1, -1))) for _ in shape)
    return view[(*turned, ...)], memory  # with the dots, a 0-d array stays one


@pytest.mark.parametrize(("name", "path"), engines())
def test_strided_memory(name: str, path: str) -> None:
    with use(name, path):
        for k in range(COUNT):
            choose = random.Random(f"{COUNT} {k}")
            plan = random_plan(choose)
            view, memory = random_view(choose, plan.shape, DTYPES[plan.dtype])
            before = memory.copy()
            fanin_numpy.draw_into(plan, view)
            assert fanin_numpy.NumpyBackend().tobytes(view) == reference.tobytes(plan), (k, plan, view.strides)
            view[...] = 0  # what is left is what lies beside the array
            after = memory.copy()
            memory[...] = before
            view[...] = 0
            assert np.array_equal(after, memory), (k, plan, view.strides)
