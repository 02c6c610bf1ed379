"""What every processor must give: the golden digests, and random draws that equal the scalar reference's.

A program of its own, for a Python with NumPy and nothing else: no pytest, no entry points, no ml_dtypes.
"""

from __future__ import annotations

import hashlib
import platform
import random
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

import fanin
import fanin_numpy
from fanin import reference
from fanin.golden import golden_cases
from fanin.plans import Draw, Run
from fanin.stream.keys import text_words

DTYPES = ("float64", "float32", "float16")
"""The others are roundings that ml_dtypes makes, which such a Python lacks."""

LAWS = (
    fanin.normal(std=0.3),
    fanin.normal(mean=0.7, std=0.1),  # in float64 the sum leaves 32 bits, and the mean does not
    fanin.normal(mean=-1.5, std=1e-3),
    fanin.uniform(-0.2, 0.7),
    fanin.truncated_normal(std=0.3),
    fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0),
)
MATRICES = (fanin.sparse(0.4), fanin.identity())
TENSORS: tuple[tuple[dict[str, Any], tuple[fanin.Initializer, ...]], ...] = (
    ({"shape": (131,)}, LAWS),
    ({"shape": (19, 7), "layout": "OI"}, LAWS + MATRICES),
    ({"shape": (6, 23), "layout": "IO"}, LAWS + MATRICES),
    ({"shape": (3, 2, 5, 8), "layout": "HWIO", "groups": 2}, LAWS),
    ({"shape": (6, 4, 3), "layout": "IOW", "groups": 3, "transposed": True, "stride": 2}, LAWS),
)


def golden() -> Iterator[tuple[str, bool]]:
    """Yield each golden case, and whether its first elements as numbers and all of its bytes are the stored ones."""
    backend = fanin_numpy.NumpyBackend()
    for case in golden_cases():
        if case.dtype in DTYPES:
            array = backend.draw(case.plan())
            patterns = array.reshape(-1)[: len(case.first_bits)].view(f"u{array.itemsize}")
            same = hashlib.sha256(backend.tobytes(array)).hexdigest() == case.sha256
            yield f"golden: {case.title}", same and tuple(map(int, patterns)) == case.first_bits


def drawn(seed: int) -> Iterator[tuple[str, bool]]:
    """Yield draws with random seeds and names, and whether they are right whole, as a random part and in place."""
    choose = random.Random(seed)
    backend = fanin_numpy.NumpyBackend()
    for tensor, laws in TENSORS:
        for law, dtype in product(laws, DTYPES):
            call = tensor | {"initialization": law, "dtype": dtype, "seed": choose.randrange(2**64)}
            call["name"] = f"layers.{choose.randrange(1000)}.weight"
            ends = [sorted((choose.randint(0, size), choose.randint(0, size))) for size in tensor["shape"]]
            part = tuple(slice(*pair) for pair in ends)
            plan = fanin.plan(**call)
            array = backend.draw(plan)
            same = backend.tobytes(array) == reference.tobytes(plan)
            same &= np.array_equal(backend.draw(fanin.plan(**call, slices=part)), array[part])
            strided = np.empty(plan.shape[::-1], dtype).T
            fanin_numpy.draw_into(plan, strided)
            yield f"drawn: {call}", same and np.array_equal(strided, array)


def compiled(engine: str) -> Iterator[tuple[str, bool]]:
    """Yield runs of every short length by the compiled kernels, in bfloat16, for which such a Python has no dtype."""
    if not engine.startswith("native"):
        return
    from fanin_kernels import chosen_path
    from fanin_numpy._native_kernels import NativeKernels

    own = NativeKernels(chosen_path())
    for law in LAWS:
        plan = fanin.plan((203,), law, name="w", dtype="bfloat16")
        assert isinstance(plan.rule, Draw)
        whole = np.frombuffer(reference.tobytes(plan), "<u2")
        for count, first in product(range(201), (0, 1)):
            array = np.full(count + 2, 7, np.uint16)
            own.fill_run(array[1:-1], first, plan.keys[0], plan.rule)
            same = np.array_equal(array[1:-1], whole[first : first + count]) and array[0] == array[-1] == 7
            yield f"bfloat16: {law}, {count} from {first}", same


def together(engine: str) -> Iterator[tuple[str, bool]]:
    """Yield tensors that the compiled kernels draw in one call, each from the stream of its name."""
    seed = (1 << 64) - 5
    batch = fanin_numpy.batch(seed)
    if batch is None:
        assert not engine.startswith("native")
        return
    cases = [(law, dtype, size) for law, dtype in product(LAWS, DTYPES) for size in (1, 203, 1031)]
    plans = [
        fanin.plan((size,), law, name=f"layer {k}", dtype=dtype, seed=seed)
        for k, (law, dtype, size) in enumerate(cases)
    ]
    arrays = [np.empty(plan.shape, plan.dtype) for plan in plans]
    for plan, array in zip(plans, arrays, strict=True):
        run = Run.of(plan)
        assert run is not None
        batch.add(run, text_words(str(plan.name)), array.ctypes.data)
    batch.draw()
    backend = fanin_numpy.NumpyBackend()
    for case, plan, array in zip(cases, plans, arrays, strict=True):
        yield f"together: {case}", backend.tobytes(array) == reference.tobytes(plan)


def main() -> int:
    """Run all, and say what is wrong."""
    seed = random.SystemRandom().randrange(2**32) if len(sys.argv) < 2 else int(sys.argv[1])
    backend, found = fanin_numpy.NumpyBackend(), [*golden(), *drawn(seed)]
    found += [*compiled(backend.engine), *together(backend.engine)]
    for what in [what for what, same in found if not same]:
        print(f"WRONG {what}")
    print(
        f"{platform.machine()}, {sys.byteorder}-endian, NumPy {np.__version__}, {backend.engine}: "
        f"{sum(same for _, same in found)} of {len(found)} tensors are right ({', '.join(DTYPES)}; seed {seed})"
    )
    return 0 if found and all(same for _, same in found) else 1


if __name__ == "__main__":
    sys.exit(main())
