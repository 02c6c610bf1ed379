"""Bits against the stored vectors, which no version of this code can change: the check `bits.golden`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.exact import BackendTrial
from fanin.conformance.patterns import show
from fanin.dtypes import DTYPES
from fanin.golden import GoldenCase, golden_cases

__all__ = ["STORED_CHECKS"]


def golden(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether each stored case has its digest; a "close" backend is held to the bits.* checks alone."""
    if trial.backend.capabilities.level != "exact":
        yield Result(on="the stored vectors", verdict="skipped", note="the backend does not claim every bit")
        return
    for case in golden_cases():
        on = f"golden case {case.title!r}"
        if undeclared := trial.undeclared(case.plan()):
            yield Result(on=on, verdict="skipped", note=f"the backend does not declare {undeclared}")
        else:
            yield attempt(on, partial(_compare, case, on, trial))


def _compare(case: GoldenCase, on: str, trial: BackendTrial) -> Result:
    plan = case.plan()
    drawn = trial.bits(plan)
    digest = hashlib.sha256(drawn).hexdigest()
    if digest == case.sha256:
        return Result(on=on, verdict="passed", n=plan.size)
    size = DTYPES[case.dtype].itemsize
    got = tuple(int.from_bytes(drawn[k * size : (k + 1) * size], "little") for k in range(len(case.first_bits)))
    wrong = next((k for k, (a, b) in enumerate(zip(got, case.first_bits, strict=True)) if a != b), None)
    settings = "".join(f", {name}={value!r}" for name, value in case.arguments.items())
    return Result(
        on=on,
        verdict="failed",
        n=plan.size,
        call=f"fanin.init({case.shape}, fanin.{case.initializer}, seed={case.seed}{settings}, "
        f"backend={trial.backend.name!r})",
        expected=f"SHA-256 {case.sha256}"
        if wrong is None
        else f"{show(case.first_bits[wrong], case.dtype)} at {wrong}",
        got=f"SHA-256 {digest}" if wrong is None else f"{show(got[wrong], case.dtype)} at {wrong}",
        mistake="" if wrong is not None else "the first elements are right: look at the larger tensors of bits.*",
    )


STORED_CHECKS: Final = (Check("bits.golden", "exact", "whole tensors have the digests that were stored once", golden),)
