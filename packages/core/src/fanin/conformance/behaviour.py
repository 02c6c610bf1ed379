"""Behaviour: the checks named `behaviour.*`, of what a backend must not do beside drawing the right bits."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import numpy as np

from fanin.api import draw
from fanin.conformance.cases import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.exact import BackendTrial
from fanin.conformance.signatures import signature_faults
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.initializers.presets import constant, normal, sparse, uniform
from fanin.plans import Plan

__all__ = ["BEHAVIOUR_CHECKS"]

CASES: Final = (
    Case((37, 11), "he", "OI", seed=1, name="a.weight"),
    Case((37, 11), "he", "OI", seed=1, name="b.weight"),
    Case((11, 37), "he_uniform", "IO", seed=2, name="a.weight"),
    Case((37, 11), "he_truncated_normal", "OI", seed=3, name="a.weight"),
    Case((5, 3, 7), normal(mean=0.5, std=0.1), "OSI", seed=4, name=("a", "b", "c")),
    Case((70_001,), uniform(-1.0, 1.0), seed=5, name="large"),
    Case((37,), "zeros", "O"),
    Case((37,), constant(0.5)),
)
_THREADS: Final = 8
_ROUNDS: Final = 6

PROBES: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("random", "random's global generator", lambda module: module.getstate()),
    ("numpy", "numpy.random's global generator", lambda module: _numpy_state(module)),
    ("numpy", "numpy's floating-point error handling", lambda module: module.geterr()),
    ("torch", "torch's global generator", lambda module: module.get_rng_state().tolist()),
    ("torch", "torch's default dtype", lambda module: str(module.get_default_dtype())),
    ("torch", "torch's default device", lambda module: str(module.get_default_device())),
    ("torch", "torch's number of threads", lambda module: module.get_num_threads()),
    ("torch", "torch's deterministic mode", lambda module: module.are_deterministic_algorithms_enabled()),
    ("jax", "jax's 64-bit mode", lambda module: bool(module.config.jax_enable_x64)),
    ("jax", "jax's default device", lambda module: str(module.config.jax_default_device)),
)
"""Global state of the libraries that are loaded: module, what it is called, and how to read it."""


def _numpy_state(module: Any) -> tuple[Any, ...]:
    kind, keys, *rest = module.random.get_state(legacy=True)
    return (kind, keys.tobytes(), *rest)


def _state() -> dict[str, Any]:
    return {what: read(sys.modules[name]) for name, what, read in PROBES if name in sys.modules}


def _failed(on: str, expected: str, got: str, mistake: str, call: str = "") -> Result:
    return Result(on=on, verdict="failed", call=call, expected=expected, got=got, mistake=mistake)


def global_state(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether drawing leaves all global state as it was, and does not depend on it."""
    drawn, failures = trial.drawn(CASES)  # a library that is imported or set up lazily may do so here
    yield from failures
    for case, earlier in drawn.items():
        call = case.call(trial.backend.name)
        before = _state()
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002  # the global generator is what is looked at
        seeded = _state()
        first = trial.bits(case.plan())
        after = _state()
        random.seed(2)
        np.random.seed(2)  # noqa: NPY002
        second = trial.bits(case.plan())
        changed = [what for what in seeded if after[what] != seeded[what]]
        _restore(before)
        if changed:
            yield _failed(
                call,
                "no global state changed",
                f"changed: {', '.join(changed)}",
                "a global generator or setting is used",
                call,
            )
        elif not earlier == first == second:
            yield _failed(
                call,
                "the same bits whatever the global generators' seed",
                "other bits",
                "a global generator is used" if first != second else "state is kept from draw to draw",
                call,
            )
        else:
            yield Result(on=call, verdict="passed", n=case.plan().size)


def _restore(state: dict[str, Any]) -> None:
    random.setstate(state["random's global generator"])
    kind, keys, *rest = state["numpy.random's global generator"]
    np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))  # noqa: NPY002


def repetition(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether the same plan gives the same bits again, after other plans and in reverse order."""
    first, failures = trial.drawn(CASES)
    yield from failures
    for order, cases in (("in the same order", list(first)), ("in reverse order", list(first)[::-1])):
        for case in cases:
            call = case.call(trial.backend.name)
            if trial.bits(case.plan()) != first[case]:
                yield _failed(f"{call} {order}", "the same bits", "other bits", "state is kept from draw to draw", call)
            else:
                yield Result(on=f"{call} {order}", verdict="passed", n=case.plan().size)


def aliasing(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether writing to one element of an array changes that element alone, here and in other draws."""
    drawn, failures = trial.drawn(CASES)
    yield from failures
    for case in drawn:
        plan, call = case.plan(), case.call(trial.backend.name)
        one, other = trial.draw(plan), trial.draw(plan)
        before = trial.backend.tobytes(one)
        size = len(before) // plan.size
        try:
            one[(0,) * len(plan.shape)] = 7
        except (TypeError, AttributeError):  # arrays of this library cannot be written to
            yield Result(on=call, verdict="skipped", note="the library's arrays are immutable")
            continue
        except Exception as error:
            yield _failed(
                call,
                "an array that can be written to",
                f"{type(error).__name__}: {error}",
                "the memory is read-only: a buffer of the library's or a broadcast, not an array of the caller's own",
                call,
            )
            continue
        if (after := trial.backend.tobytes(one))[size:] != before[size:] or after == before:
            yield _failed(
                call, "one element written", "others changed too", "elements share memory (a broadcast?)", call
            )
        elif trial.backend.tobytes(other) != before or trial.bits(plan) != before:
            yield _failed(
                call, "other draws untouched", "another draw changed", "a cached array is returned again", call
            )
        else:
            yield Result(on=call, verdict="passed", n=plan.size)


def threads(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether eight threads that draw at once get what one gets alone."""
    alone, failures = trial.drawn(CASES)
    yield from failures
    cases = list(alone)
    jobs = [case for i in range(_ROUNDS) for case in cases[i % 3 :] + cases[: i % 3]]
    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(lambda case: trial.bits(case.plan()), jobs))
    wrong = {case for case, bits in zip(jobs, together, strict=True) if bits != alone[case]}
    for case in cases:
        call = case.call(trial.backend.name)
        on = f"{call} in {_THREADS} threads"
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
