"""Orthogonal matrices, which are asked for up to the rounding of a QR decomposition: the check `close.orthogonal`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fanin.conformance.cases import ORTHOGONAL, Case
from fanin.conformance.check import Check, Result
from fanin.conformance.exact import BackendTrial, chosen, expected_bits, position_of
from fanin.conformance.patterns import decode
from fanin.dtypes import DTYPES
from fanin.rules import Haar

__all__ = ["CLOSE_CHECKS"]

TOLERANCE: Final = {"float32": 2.0**-20, "float64": 2.0**-40}
"""In units of the gain, by compute format: what a QR decomposition in that format keeps on matrices of these sizes."""


def orthogonal(trial: BackendTrial) -> Iterator[Result]:
    """Yield the largest difference from the reference, in units of the gain."""
    for case in ORTHOGONAL:
        call = case.call(trial.backend.name)
        if undeclared := trial.undeclared(case.plan()):
            yield Result(on=call, verdict="skipped", note=f"the backend does not declare {undeclared}")
        else:
            yield _compare(case, call, trial)


def _compare(case: Case, call: str, trial: BackendTrial) -> Result:
    plan = case.plan()
    assert isinstance(plan.rule, Haar)
    size, allowed = DTYPES[plan.dtype].itemsize, TOLERANCE[plan.compute]
    drawn = trial.bits(plan)
    got = [decode(int.from_bytes(drawn[k : k + size], "little"), plan.dtype) for k in range(0, len(drawn), size)]
    wanted = [decode(pattern, plan.dtype) for pattern in expected_bits(plan)]
    if len(got) != len(chosen(plan)):
        return Result(on=call, verdict="failed", call=call, expected=f"{len(wanted)} weights", got=f"{len(got)}")
    errors = [abs(a - b) / plan.rule.gain for a, b in zip(got, wanted, strict=True)]
    worst = max(range(len(errors)), key=errors.__getitem__, default=0)
    detects = f"{allowed:.2g} of the gain"
    if all(error <= allowed for error in errors):
        furthest = max(errors, default=0.0)
        return Result(on=call, verdict="passed", n=len(errors), statistic=furthest, high=allowed, detects=detects)
    opposite = all(abs(abs(a) - abs(b)) / plan.rule.gain <= allowed for a, b in zip(got, wanted, strict=True))
    return Result(
        on=call,
        verdict="failed",
        n=len(errors),
        statistic=errors[worst],
        high=allowed,
        detects=detects,
        call=f"{call}{list(position_of(plan, worst))}",
        expected=f"{wanted[worst]:.9g}",
        got=f"{got[worst]:.9g}",
        mistake="the signs: the triangular factor's diagonal is to be positive" if opposite else "",
    )


CLOSE_CHECKS: Final = (
    Check("close.orthogonal", "exact", "orthogonal matrices are the specification's, but for rounding", orthogonal),
)
