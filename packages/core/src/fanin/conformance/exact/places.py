"""Every place of large tensors: the check `bits.places`.

A mistake may be in the interior of a chunk, in the second million of elements, or in what three threads do. So whole
tensors of more than 2^22 elements are held to digests that were stored once, block by block, and to their own parts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import resources
from random import Random
from typing import Final

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.exact.trial import BackendTrial
from fanin.dtypes import DTYPES
from fanin.initializers.presets import dirac, he_uniform, identity, normal, sparse, truncated_normal, uniform

__all__ = ["BLOCK", "BLOCKS", "PLACES_CHECKS"]

BLOCK: Final = 1 << 16
"""Elements of a block, whose digest is stored."""

BLOCKS: Final = {
    "normal": Case(((1 << 22) + (1 << 16) + 77,), normal(std=1.0), seed=41, name="places"),
    "uniform": Case((2053, 2100), he_uniform(), "IO", seed=42, name="places", dtype="float16"),
    "stack": Case(
        (1201, 3, 1201),
        truncated_normal(mean=0.3, std=0.5, lower=-1.0, upper=2.0),
        "ISO",
        seed=43,
        name=("a", "b", "c"),
    ),
}
"""Tensors of more than 2^22 elements, each one of which is in a stored digest."""

WHOLES: Final = (
    BLOCKS["uniform"],
    BLOCKS["stack"],
    Case((600, 24, 5, 5), normal(std=1.0), "IOHW", seed=44, name="places", groups=6, transposed=True),
    Case((5, 61, 3, 300), uniform(0.1, 0.3), "HIWO", seed=45, name="places", dtype="float64"),
    Case((300_001,), normal(mean=0.3, std=0.1), seed=46, name="places", dtype="bfloat16"),
    Case((300_001,), normal(std=1.0), seed=47, name="places", dtype="float8_e4m3fn"),
    Case((700, 600), identity(0.7), "IO"),
    Case((300, 120, 3), dirac(0.7), "OIW", groups=3),
    Case((700, 600), sparse(0.3, std=1.0), "IO", seed=48, name="places"),
)
"""Tensors that are compared with their parts."""

_PARTS: Final = 12
_PLACES: Final = 3
"""A library that compiles does so for each shape of a part: each of its shapes is at so many places."""

_PART: Final = 4000
_CHUNKED: Final = "the place in the array matters: look at the borders of chunks and blocks, and at the threads"


@lru_cache(maxsize=1)
def stored() -> dict[str, list[str]]:
    """Return the digests of each block, written once by `tools/make_blocks.py`."""
    text = resources.files("fanin").joinpath("_data", "blocks.json").read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def places(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether each block has its digest, drawn by the threads there are and by three, and whether parts agree."""
    for title, case in BLOCKS.items():
        if trial.undeclared(case.plan()) or trial.backend.capabilities.level != "exact":
            yield Result(on=f"blocks of {title!r}", verdict="skipped", note="the backend does not declare every bit")
            continue
        call = case.call(trial.backend.name)
        yield attempt(call, partial(_blocks, title, case, call, trial))
        with _three_threads():
            yield attempt(call, partial(_blocks, title, case, f"{call} with three threads", trial))
    details = Random(trial.random_seed)
    for case in WHOLES:
        if not trial.undeclared(case.plan()):
            call = case.call(trial.backend.name)
            yield attempt(call, partial(_parts, case, call, trial, Random(details.getrandbits(64))))


@contextmanager
def _three_threads() -> Iterator[None]:
    """Let libraries use three threads, as far as this process has a say in it."""
    before, torch = os.environ.get("FANIN_NUM_THREADS"), sys.modules.get("torch")
    threads = None if torch is None else torch.get_num_threads()
    os.environ["FANIN_NUM_THREADS"] = "3"
    if torch is not None:
        torch.set_num_threads(3)
    try:
        yield
    finally:
        os.environ.pop("FANIN_NUM_THREADS")
        if before is not None:
            os.environ["FANIN_NUM_THREADS"] = before
        if torch is not None:
            torch.set_num_threads(threads)


def _blocks(title: str, case: Case, on: str, trial: BackendTrial) -> Result:
    plan = case.plan()
    drawn, size = trial.bits(plan), DTYPES[plan.dtype].itemsize
    wanted = stored()[title]
    step = BLOCK * size
    got = [hashlib.sha256(drawn[k : k + step]).hexdigest()[:16] for k in range(0, len(drawn), step)]
    wrong = [k for k, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b]
    if not wrong and len(drawn) == plan.size * size:
        return Result(on=on, verdict="passed", n=plan.size)
    first = wrong[0] if wrong else len(got)
    return Result(
        on=on,
        verdict="failed",
        n=plan.size,
        call=f"{on}, elements {first * BLOCK} to {min((first + 1) * BLOCK, plan.size)} in C order",
        expected=f"SHA-256 {wanted[first]}..." if wrong else f"{plan.size * size} bytes",
        got=f"SHA-256 {got[first]}..." if wrong else f"{len(drawn)} bytes",
        mistake=_CHUNKED if len(wrong) < len(wanted) else "",
        note=f"{len(wrong)} of {len(wanted)} blocks of {BLOCK} elements differ",
    )


def _parts(case: Case, call: str, trial: BackendTrial, details: Random) -> Result:
    plan = case.plan()
    size = DTYPES[plan.dtype].itemsize
    whole = memoryview(trial.bits(plan))
    if len(whole) != plan.size * size:
        return Result(on=call, verdict="failed", expected=f"{plan.size * size} bytes", got=f"{len(whole)} bytes")
    compared, shape = 0, plan.shape
    for k in range(_PARTS):
        if trial.backend.capabilities.jit is not True or k % _PLACES == 0:
            shape = _part_shape(plan.shape, details)
        slices = _somewhere(shape, plan.shape, details)
        part = dataclasses.replace(case, slices=slices)
        wanted, got = _cut(whole, plan.shape, slices, size), trial.bits(part.plan())
        compared += part.plan().size
        if wanted != got:
            different = sum(wanted[k : k + size] != got[k : k + size] for k in range(0, len(wanted), size))
            return Result(
                on=call,
                verdict="failed",
                n=compared,
                call=part.call(trial.backend.name),
                expected="the bits of that part of the whole, which was drawn before",
                got=f"{different} of {part.plan().size} elements differ",
                mistake=_CHUNKED,
            )
    return Result(on=call, verdict="passed", n=compared)


def _part_shape(shape: tuple[int, ...], details: Random) -> tuple[int, ...]:
    """Return the shape of a part of some thousand elements."""
    left, counts = _PART, {}
    for k in details.sample(range(len(shape)), len(shape)):
        counts[k] = details.randint(1, max(1, min(shape[k], left)))
        left = max(1, left // counts[k])
    return tuple(counts[k] for k in range(len(shape)))


def _somewhere(part: tuple[int, ...], shape: tuple[int, ...], details: Random) -> tuple[tuple[int, int], ...]:
    """Return a random place of a part."""
    starts = [details.randint(0, size - count) for count, size in zip(part, shape, strict=True)]
    return tuple((start, start + count) for start, count in zip(starts, part, strict=True))


def _cut(whole: memoryview, shape: tuple[int, ...], slices: tuple[tuple[int, int], ...], size: int) -> bytes:
    """Return the bytes of a part of an array whose bytes are in C order."""
    if not shape:
        return bytes(whole)
    step = size * math.prod(shape[1:])
    start, stop = slices[0]
    if all(part == (0, length) for part, length in zip(slices[1:], shape[1:], strict=True)):
        return bytes(whole[start * step : stop * step])
    rows = (whole[k * step : (k + 1) * step] for k in range(start, stop))
    return b"".join(_cut(row, shape[1:], slices[1:], size) for row in rows)


PLACES_CHECKS: Final = (
    Check("bits.places", "exact", "every element of tensors beyond 2^22, which are the sum of their parts", places),
)
