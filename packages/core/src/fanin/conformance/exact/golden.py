"""Bits against the stored vectors, which no version of this code can change: the check `bits.golden`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from fanin.conformance.calls import call_of
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.diagnosis.likely import likely_mistake
from fanin.conformance.diagnosis.patterns import show
from fanin.conformance.exact.bits import chosen, expected_bits, position_of
from fanin.conformance.exact.trial import BackendTrial
from fanin.dtypes import DTYPES
from fanin.golden import GoldenCase, golden_cases

__all__ = ["GOLDEN_CHECKS"]


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
    size, positions, wanted = DTYPES[case.dtype].itemsize, chosen(plan), expected_bits(plan)
    call = call_of(plan, trial.backend.name)
    if len(drawn) != plan.size * size:
        return Result(
            on=on, verdict="failed", call=call, expected=f"{plan.size * size} bytes", got=f"{len(drawn)} bytes"
        )
    got = tuple(int.from_bytes(drawn[i * size : (i + 1) * size], "little") for i in positions)
    places = tuple(position_of(plan, i) for i in positions)
    first = next((k for k, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b), None)
    found = Result(on=on, verdict="failed", n=plan.size, call=call, expected=f"SHA-256 {case.sha256}", got=digest)
    if first is None:
        between = f"the {len(got)} elements that were compared with the reference are right: others are wrong"
        return dataclasses.replace(found, mistake=between)
    return dataclasses.replace(
        found,
        call=f"{call}[{', '.join(map(str, places[first])) or '()'}]",
        expected=show(wanted[first], case.dtype),
        got=show(got[first], case.dtype),
        mistake=likely_mistake(plan, places, wanted, got),
    )


GOLDEN_CHECKS: Final = (Check("bits.golden", "exact", "whole tensors have the digests that were stored once", golden),)
