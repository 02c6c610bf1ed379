"""Behaviour: the checks named `behaviour.*`, of what a backend must not do beside drawing the right bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from fanin.api import draw
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.exact.memory import memory_faults
from fanin.conformance.exact.signatures import signature_faults
from fanin.conformance.exact.state import differences, read_state, sentinels
from fanin.conformance.exact.trial import BackendTrial
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.initializers.presets import constant, normal, sparse, uniform
from fanin.plans import Plan
from fanin.plans.rules import Haar

__all__ = ["BEHAVIOUR_CHECKS"]

CASES: Final = (
    Case((37, 11), "he", "OI", seed=1, name="a.weight"),
    Case((37, 11), "he", "OI", seed=1, name="b.weight"),
    Case((11, 37), "he_uniform", "IO", seed=2, name="a.weight"),
    Case((37, 11), "he_truncated_normal", "OI", seed=3, name="a.weight"),
    Case((5, 3, 7), normal(mean=0.5, std=0.1), "OSI", seed=4, name=("a", "b", "c")),
    Case((5, 3, 7), normal(mean=0.5, std=0.1), "OSI", seed=4, name=("d", "e", "f")),
    Case((70_001,), uniform(-1.0, 1.0), seed=5, name="large"),
    Case((1 << 18,), normal(std=1.0), seed=5, name="large"),
    Case((1 << 17, 2), "he", "IO", seed=5, name="large", dtype="float16"),
    Case((37,), "zeros", "O"),
    Case((37,), constant(0.5)),
    Case((37, 11), "he", "OI", seed=6, name="a.weight", dtype="float64"),
    Case((37, 11), uniform(0.1, 0.9), seed=6, name="a.weight", dtype="float16"),
    Case((37, 11), "he", "OI", seed=6, name="a.weight", dtype="bfloat16"),
    Case((37, 11), constant(0.5), dtype="float16"),
    Case((), normal(std=1.0), seed=7, name="scalar"),
    Case((), constant(0.5), dtype="float64"),
    Case((37, 11), "identity", "OI"),
    Case((6, 2, 4), "dirac", "OIW", groups=3),
    Case((37, 11), sparse(0.3), "OI", seed=7, name="a.weight"),
    Case((300, 500), sparse(0.3), "IO", seed=7, name="large"),
    Case((37, 11), "orthogonal", "OI", seed=8, name="a.weight"),
    Case((90, 110), "orthogonal", "IO", seed=8, name="large", dtype="float64"),
)
"""Each law, each rule, each kind of format, a scalar, and one that is drawn in several chunks by several threads."""
_THREADS: Final = (3, 8)
_ROUNDS: Final = 3


def _failed(on: str, expected: str, got: str, mistake: str, call: str = "") -> Result:
    return Result(on=on, verdict="failed", call=call, expected=expected, got=got, mistake=mistake)


def _cases(trial: BackendTrial) -> tuple[Case, ...]:
    """Return the cases that the backend declares."""
    return tuple(case for case in CASES if not trial.undeclared(case.plan()))


def global_state(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether drawing leaves all global state as it was, and does not depend on it."""
    drawn, failures = trial.drawn(_cases(trial))  # a library that is imported or set up lazily may do so here
    yield from failures
    for case, plain in drawn.items():
        call = case.call(trial.backend.name)
        yield attempt(call, partial(_judge_state, case, call, trial, plain))


def _judge_state(case: Case, call: str, trial: BackendTrial, plain: bytes) -> Result:
    plan = case.plan()
    changed: list[str] = []
    drawn = []
    for which in range(2):
        with sentinels(which):
            before = read_state()
            drawn.append(trial.bits(plan))
            changed += differences(before, read_state())
    if changed:
        return _failed(
            call,
            "no global state changed",
            f"changed: {', '.join(dict.fromkeys(changed))}",
            "a global generator or setting is used",
            call,
        )
    if plan.rule.kind == Haar.kind:  # decompositions with other numbers of threads may round otherwise
        drawn, plain = [bits[:0] for bits in drawn], b""
    if drawn != [plain, plain]:
        return _failed(
            call,
            "the same bits whatever the global generators' state and the settings",
            "other bits",
            "a global generator or setting is used" if drawn[0] != drawn[1] else "state is kept from draw to draw",
            call,
        )
    return Result(on=call, verdict="passed", n=plan.size)


def repetition(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether the same plan gives the same bits again, after other plans and in reverse order."""
    first, failures = trial.drawn(_cases(trial))
    yield from failures
    for order, cases in (("in the same order", list(first)), ("in reverse order", list(first)[::-1])):
        for case in cases:
            call = case.call(trial.backend.name)
            if trial.bits(case.plan()) != first[case]:
                yield _failed(f"{call} {order}", "the same bits", "other bits", "state is kept from draw to draw", call)
            else:
                yield Result(on=f"{call} {order}", verdict="passed", n=case.plan().size)


def aliasing(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether writing to one element of an array changes that element alone, here and in other draws.

    All arrays are of one class, and either all can be written to or none.
    """
    drawn, failures = trial.drawn(_cases(trial))
    yield from failures
    usual = trial.draw(CASES[0].plan())
    for case in drawn:
        call = case.call(trial.backend.name)
        yield attempt(call, partial(_judge_memory, case, call, trial, usual))


def _judge_memory(case: Case, call: str, trial: BackendTrial, usual: Any) -> Result:
    plan = case.plan()
    one, other = trial.draw(plan), trial.draw(plan)
    if type(one) is not type(usual):
        expected, got = (f"{kind.__module__}.{kind.__qualname__}" for kind in (type(usual), type(one)))
        return _failed(call, expected, got, "the library's scalar, or another class, for an array", call)
    if fault := memory_faults(one):
        return _failed(call, "an array of its own, in C order, to be written to", fault, f"the memory is {fault}", call)
    before = trial.backend.tobytes(one)
    size = len(before) // plan.size
    try:
        one[(0,) * len(plan.shape)] = 7
    except (TypeError, AttributeError) as error:
        if _is_writable(usual):
            return _failed(call, "an array that can be written to", f"{error}", "some arrays are immutable", call)
        return Result(on=call, verdict="skipped", note="the library's arrays are immutable")
    except Exception as error:
        return _failed(
            call,
            "an array that can be written to",
            f"{type(error).__name__}: {error}",
            "the memory is read-only: a buffer of the library's or a broadcast, not an array of the caller's own",
            call,
        )
    if (after := trial.backend.tobytes(one))[size:] != before[size:] or after == before:
        return _failed(call, "one element written", "others changed too", "elements share memory (a broadcast?)", call)
    if trial.backend.tobytes(other) != before or trial.bits(plan) != before:
        return _failed(call, "other draws untouched", "another draw changed", "a cached array is returned again", call)
    return Result(on=call, verdict="passed", n=plan.size)


def _is_writable(array: Any) -> bool:
    try:
        array[(0, 0)] = 7
    except Exception:
        return False
    return True


def threads(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether three and eight threads that draw at once get what one gets alone."""
    alone, failures = trial.drawn(_cases(trial))
    yield from failures
    cases = list(alone)
    for count in _THREADS:
        jobs = [case for i in range(_ROUNDS) for case in cases[i % 3 :] + cases[: i % 3]]
        with ThreadPoolExecutor(count) as pool:
            together = list(pool.map(lambda case: trial.bits(case.plan()), jobs))
        wrong = {case for case, bits in zip(jobs, together, strict=True) if bits != alone[case]}
        for case in cases:
            call = case.call(trial.backend.name)
            on = f"{call} in {count} threads"
            if case in wrong:
                yield _failed(on, "the same bits as alone", "other bits", "threads share a buffer", call)
            else:
                yield Result(on=on, verdict="passed", n=_ROUNDS)


def description(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether every declared dtype comes back as itself, in shape and in bytes."""
    for dtype in sorted(trial.backend.capabilities.dtypes):
        for shape in ((3, 5), (), (0, 4)):
            case = Case(shape, normal(std=0.5), None, name="w", dtype=dtype)
            yield attempt(case.call(trial.backend.name), partial(_described, case, trial))


def _described(case: Case, trial: BackendTrial) -> Result:
    call, array = case.call(trial.backend.name), trial.draw(case.plan())
    described, length = trial.backend.describe(array), len(trial.backend.tobytes(array))
    wanted = (case.shape, case.dtype, case.plan().size * DTYPES[case.dtype].itemsize)
    got = (described.shape, described.dtype, length)
    if wanted != got or not isinstance(described.shape, tuple):
        return _failed(call, f"{wanted}", f"{got}", "describe, tobytes or the returned dtype", call)
    return Result(on=call, verdict="passed", n=case.plan().size)


def errors(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether an unknown device, and what is not declared, are refused with a FaninValueError."""
    plan: Plan = CASES[0].plan()
    yield _refused(
        "a device that does not exist", lambda: trial.backend.draw(plan, device="no such device"), "no such device"
    )
    for dtype in sorted(set(DTYPES) - trial.backend.capabilities.dtypes):
        yield _undeclared(trial, Case((3,), normal(), dtype=dtype), dtype)
    for case in (Case((5, 3), "identity", "OI"), Case((5, 3), sparse(0.5), "OI"), Case((5, 3), "orthogonal", "OI")):
        if (kind := case.plan().rule.kind) not in trial.backend.capabilities.rules:
            yield _undeclared(trial, case, kind)


def _undeclared(trial: BackendTrial, case: Case, what: str) -> Result:
    return _refused(f"{what}, which is not declared", lambda: draw(case.plan(), backend=trial.backend), what)


def _refused(on: str, call: Callable[[], Any], said: str) -> Result:
    try:
        call()
    except FaninValueError as error:
        if said in str(error):
            return Result(on=on, verdict="passed", n=1)
        return _failed(on, f"a message that names {said!r}", str(error), "the error does not say what was received")
    except Exception as error:
        return _failed(on, "a FaninValueError", f"{type(error).__name__}: {error}", "the library's own error escapes")
    return _failed(on, "a FaninValueError", "an array", "the argument is ignored")


def signatures(trial: BackendTrial) -> Iterator[Result]:
    """Yield the ways in which the backend's attributes and methods differ from the contract."""
    faults = signature_faults(trial.backend)
    for what, expected, got in faults:
        yield _failed(what, expected, got, "the contract is fanin.contract.Backend")
    if not faults:
        compiles = trial.backend.capabilities.jit
        on = f"fanin.contract.{'CompilingBackend' if compiles else 'Backend'}"
        yield Result(on=on, verdict="passed", n=6 + compiles)


BEHAVIOUR_CHECKS: Final = tuple(
    Check(f"behaviour.{name}", "exact", claim, body)
    for name, claim, body in (
        ("signatures", "the attributes and methods are those of the contract", signatures),
        ("description", "shape, dtype and bytes of what is returned are those of the plan", description),
        ("global_state", "no global generator or setting is touched or used", global_state),
        ("repetition", "the same plan gives the same bits, in any order", repetition),
        ("aliasing", "every array owns its memory", aliasing),
        ("threads", "threads that draw at once do not disturb each other", threads),
        ("errors", "what cannot be drawn is refused with an error that says so", errors),
    )
)
