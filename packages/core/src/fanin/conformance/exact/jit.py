"""Draws inside the library's own compiled functions: the check `behaviour.jit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.exact.behaviour import CASES
from fanin.conformance.exact.trial import BackendTrial
from fanin.initializers.presets import constant, identity, normal, sparse
from fanin.plans.rules import Haar

__all__ = ["JIT_CHECKS"]

COMPILED: Final = (
    *(case for case in CASES if case.plan().rule.kind != Haar.kind),
    *(
        Case((37, 11), "he", "OI", seed=6, name="a.weight", dtype=dtype)
        for dtype in ("float16", "float8_e5m2", "float8_e4m3fn")
    ),
    Case((37, 11), "he", "OI", seed=9, name="a.weight"),  # of the same name as the first, with another seed
    Case((37, 11), "he", "OI", seed=1, name="a.weight", slices=((3, 20), (2, 9))),
    Case((37, 11), "he", "OI", seed=1, name="a.weight", slices=((20, 37), (2, 9))),
    Case((5, 3, 7), normal(mean=0.5, std=0.1), "OSI", seed=5, name=("a", "b", "c")),
    Case((5, 3, 7), normal(mean=0.5, std=0.1), "OSI", seed=4, name=("a", "b", "c"), slices=((1, 3), (1, 3), (2, 7))),
    Case((37, 11), sparse(0.3), "OI", seed=8, name="a.weight"),
    Case((37, 11), sparse(0.3), "OI", seed=7, name="b.weight"),
    Case((37, 11), sparse(0.4), "OI", seed=7, name="a.weight"),
    Case((37, 11), identity(0.7), "OI"),
    Case((37, 11), identity(0.7), "IO"),
    Case((37,), constant(-0.25)),
    Case((37, 11), normal(mean=0.3, std=0.1), seed=1, name="a.weight"),
    Case((37, 11), normal(mean=-0.3, std=0.1), seed=1, name="a.weight"),
)
"""Every dtype and every exact rule, and pairs that differ in one thing: the seed, the name, the part, the stack.

Orthogonal matrices are close, compiled or not, so their bits may differ.
"""

_MULTIPLIED: Final = ("float32", "float16", "bfloat16")
_FACTOR: Final = 0.3
"""No power of two: the product rounds, and a compiler that combines it with the draw's own rounds otherwise."""

_COMPILED_ITSELF: Final = "the compiler changes the draw: it fuses, folds or reorders the arithmetic"
_COMPILED_WITH: Final = "the compiler combines the caller's arithmetic with the draw's, before the weight is rounded"


def jit(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether draws in a compiled function have the bits that they have outside, alone and multiplied.

    All draws are in one function, so that a compiler that takes one for another is seen. A caller's product is rounded
    once from the weight, compiled or not. Nothing is said of a sum that follows the draw: compilers contract it with
    the draw's multiplication, which is their right.
    """
    if trial.backend.capabilities.jit is not True:
        yield Result(on="compiled functions", verdict="skipped", note="the backend does not declare jit")
        return
    drawn, failures = trial.drawn(tuple(case for case in COMPILED if not trial.undeclared(case.plan())))
    yield from failures
    claimed = tuple(drawn)
    multiplied = tuple(case for case in claimed if case.dtype in _MULTIPLIED)
    plans, factors = ([case.plan() for case in cases] for cases in (claimed, multiplied))  # compilers trace no cache

    def draws() -> list[Any]:
        return [trial.backend.draw(plan, device=trial.device) for plan in plans]

    def products() -> list[Any]:
        return [trial.backend.draw(plan, device=trial.device) * _FACTOR for plan in factors]

    alone = list(_compare(trial, claimed, "compiled", draws, lambda case: _COMPILED_ITSELF))
    yield from alone
    wrong = {case for case, result in zip(claimed, alone, strict=True) if result.failed}
    try:
        products()
    except TypeError as error:
        yield Result(on="products", verdict="skipped", note=f"arrays of this library have no product: {error}")
        return
    yield from _compare(
        trial,
        multiplied,
        f"times {_FACTOR}, compiled",
        products,
        lambda case: _COMPILED_ITSELF if case in wrong else _COMPILED_WITH,
        _FACTOR,
    )


def _compare(
    trial: BackendTrial,
    cases: tuple[Case, ...],
    how: str,
    function: Callable[[], list[Any]],
    mistake: Callable[[Case], str],
    factor: float | None = None,
) -> Iterator[Result]:
    """Yield, for each array that a function returns, whether the compiled function returns the same."""
    backend: Any = trial.backend  # a CompilingBackend, if the declaration is true
    eager, compiled = function(), list(backend.compiled(function)())
    for case, wanted, got in zip(cases, eager, compiled, strict=True):
        call = case.call(trial.backend.name)
        described = [trial.backend.describe(array) for array in (wanted, got)]
        bits = [trial.backend.tobytes(array) for array in (wanted, got)]
        on = f"{call}, {how}"
        if described[0] == described[1] and bits[0] == bits[1]:
            yield Result(on=on, verdict="passed", n=case.plan().size)
            continue
        named = _reused_key(trial, case, cases, bits[1], factor) or mistake(case)
        if described[0] != described[1]:
            named = "a compiled function returns another shape or dtype than the draw outside"
        size = len(bits[0]) // case.plan().size
        different = sum(bits[0][k : k + size] != bits[1][k : k + size] for k in range(0, len(bits[0]), size))
        yield Result(
            on=on,
            verdict="failed",
            n=case.plan().size,
            call=on,
            expected=f"{described[0].dtype} of shape {described[0].shape}, with the bits of the draw outside",
            got=f"{described[1].dtype} of shape {described[1].shape}, {different} of the elements differ",
            mistake=named,
        )


def _reused_key(trial: BackendTrial, case: Case, cases: tuple[Case, ...], got: bytes, factor: float | None) -> str:
    """Return which other case's key explains what a compiled function drew, or nothing."""
    plan = case.plan()
    for other in cases:
        if len(keys := other.plan().keys) == len(plan.keys) and keys != plan.keys:
            array = trial.draw(dataclasses.replace(plan, keys=keys))
            if trial.backend.tobytes(array if factor is None else array * factor) == got:
                return f"a key is compiled in and used again: that of {other.call(trial.backend.name)}"
    return ""


JIT_CHECKS: Final = (
    Check("behaviour.jit", "exact", "a draw in a compiled function has the bits of the draw outside", jit),
)
