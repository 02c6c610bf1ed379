"""Orthogonal matrices, which are asked for up to the rounding of a QR decomposition: the check `close.orthogonal`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from fanin import reference
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.diagnosis.patterns import decode
from fanin.conformance.exact.bits import position_of
from fanin.conformance.exact.cases.matrices import ORTHOGONAL
from fanin.conformance.exact.trial import BackendTrial
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Haar
from fanin.stream.lattice import normal_lattice

__all__ = ["ORTHOGONAL_CHECKS", "judge_close"]

_ROUNDING: Final = {"float64": 2.0**-53, "float32": 2.0**-24}
_DOUBLES, _SINGLES = 2.0**-48, 2.0**-19


def orthogonal(trial: BackendTrial) -> Iterator[Result]:
    """Yield the largest error in units of the tolerance of the specification, section 9.3.

    With W the exact weight and κ the matrix's condition number, |w - W| <= 2^-48 κ gain + u |W|, u = 2^-53 for float64
    and 2^-24 for float32; a backend of the level "close" has 2^-19 for 2^-48. A narrower weight is the backend's own
    float32 weight, rounded.
    """
    for case in ORTHOGONAL:
        call = case.call(trial.backend.name)
        if undeclared := trial.undeclared(case.plan()):
            yield Result(on=call, verdict="skipped", note=f"the backend does not declare {undeclared}")
        else:
            yield attempt(call, partial(judge_close, case, trial))


def _wanted(plan: Plan, trial: BackendTrial) -> list[float]:
    if plan.dtype not in _ROUNDING:
        own = _weights(dataclasses.replace(plan, dtype="float32"), trial)
        return [DTYPES[plan.dtype].round(weight) for weight in own]
    double = dataclasses.replace(plan, dtype="float64")
    return [reference.value(double, position_of(plan, flat)) for flat in range(plan.size)]


def judge_close(case: Case, trial: BackendTrial) -> Result:
    """Return the largest error of a case in units of the tolerance."""
    plan, call = case.plan(), case.call(trial.backend.name)
    rule = plan.rule
    assert isinstance(rule, Haar)
    wanted, got = _wanted(plan, trial), _weights(plan, trial)
    if len(got) != len(wanted):
        return Result(on=call, verdict="failed", call=call, expected=f"{len(wanted)} weights", got=f"{len(got)}")
    small = 0.0
    if plan.dtype in _ROUNDING:
        small = (_DOUBLES if trial.backend.capabilities.level == "exact" else _SINGLES) * _condition(plan) * rule.gain
    tolerances = [small + _ROUNDING.get(plan.dtype, 0.0) * abs(weight) or 1e-300 for weight in wanted]
    errors = [
        math.inf if b == 0.0 and math.copysign(1.0, a) != math.copysign(1.0, b) else abs(a - b) / tolerance
        for a, b, tolerance in zip(got, wanted, tolerances, strict=True)
    ]
    worst = max(range(len(errors)), key=errors.__getitem__, default=0)
    furthest = max(errors, default=0.0)
    detects = "an error beyond the specification's tolerance"
    if furthest <= 1:
        return Result(on=call, verdict="passed", n=len(errors), statistic=furthest, high=1, detects=detects)
    unsigned = zip(got, wanted, tolerances, strict=True)
    return Result(
        on=call,
        verdict="failed",
        n=len(errors),
        statistic=furthest,
        high=1,
        detects=detects,
        call=f"{call}{list(position_of(plan, worst))}",
        expected=f"{wanted[worst]:.17g} ± {tolerances[worst]:.2g}",
        got=f"{got[worst]:.17g}",
        mistake="the signs: the triangular factor's diagonal is not to be negative"
        if all(abs(abs(a) - abs(b)) <= tolerance for a, b, tolerance in unsigned)
        else "",
    )


def _weights(plan: Plan, trial: BackendTrial) -> list[float]:
    size, drawn = DTYPES[plan.dtype].itemsize, trial.bits(plan)
    return [decode(int.from_bytes(drawn[k : k + size], "little"), plan.dtype) for k in range(0, len(drawn), size)]


def _condition(plan: Plan) -> float:
    """Return the largest condition number among the normal matrices that the plan's are made from."""
    rule = plan.rule
    assert isinstance(rule, Haar)
    shape = (rule.groups, rule.rows, rule.columns)
    size = rule.groups * rule.rows * rule.columns
    if not size:
        return 1.0
    found = [
        np.linalg.cond(np.reshape([normal_lattice(reference.word(key, k)) * 2.0**-28 for k in range(size)], shape))
        for key in plan.keys
    ]
    return float(np.max(found, initial=1.0))  # of a stack's slice there may be no matrix at all


ORTHOGONAL_CHECKS: Final = (
    Check("close.orthogonal", "exact", "orthogonal matrices are the specification's, but for rounding", orthogonal),
)
