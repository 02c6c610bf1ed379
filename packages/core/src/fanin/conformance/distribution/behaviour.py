"""Calls: a draw leaves global generators alone, and its array is its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from fanin.conformance.adapter import BackendAdapter
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.streams import REPEATED
from fanin.conformance.exact.behaviour import BEHAVIOUR_CHECKS
from fanin.conformance.exact.trial import BackendTrial
from fanin.initializers.presets import constant, he_normal, normal, uniform

__all__ = ["CALL_CHECKS"]

CASES: Final = (
    *REPEATED,
    Case((1 << 18,), normal(std=1.0), "O", seed=16, name="large.weight"),
    Case((1 << 18,), uniform(-1.0, 1.0), "O", seed=17, name="large.weight", dtype="float64"),
    Case((512, 512), he_normal(), "OI", seed=18, name="large.weight", dtype="float16"),
    Case((), normal(std=1.0), seed=19, name="scalar"),
    Case((37, 11), "zeros", "OI"),
    Case((37, 11), constant(0.5), "OI", dtype="float64"),
)
"""Every law and dtype, and sizes at which an implementation takes another way."""

GENERATORS: Final[dict[str, tuple[str, Callable[[Any], Any], Callable[[Any, int], Any], Callable[[Any, Any], Any]]]] = {
    "random": ("random's", lambda m: m.getstate(), lambda m, n: m.seed(n), lambda m, s: m.setstate(s)),
    "numpy": (
        "numpy.random's",
        lambda m: m.random.get_state(legacy=False),
        lambda m, n: m.random.seed(n),
        lambda m, s: m.random.set_state(s),
    ),
    "torch": (
        "torch's",
        lambda m: m.get_rng_state(),
        lambda m, n: m.manual_seed(n),
        lambda m, s: m.set_rng_state(s),
    ),
}
"""Modules with a global generator: its name, and how its state is read, seeded and written back."""


def _seeded(seed: int) -> dict[str, Any]:
    """Seed the global generators of the modules that are loaded, and return their states."""
    for module, (_, _, start, _) in GENERATORS.items():
        if module in sys.modules:
            start(sys.modules[module], seed)
    return _states()


def _states() -> dict[str, Any]:
    return {module: read(sys.modules[module]) for module, (_, read, *_) in GENERATORS.items() if module in sys.modules}


def global_generators(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether drawing leaves the global generators as they were, and does not depend on them."""
    if isinstance(trial.adapter, BackendAdapter):
        yield from _of_backend("behaviour.global_state", trial.adapter)
        return
    for case in CASES:
        before = _states()
        try:
            seeded, first = _seeded(1), trial.drawn(case)
            after = _states()
            _seeded(2)
            second = trial.drawn(case)
        finally:
            for module, state in before.items():
                GENERATORS[module][3](sys.modules[module], state)
        if isinstance(first, Result) or isinstance(second, Result):
            yield next(result for result in (first, second) if isinstance(result, Result))
            continue
        moved = [
            GENERATORS[module][0] for module in seeded if repr(_plain(seeded[module])) != repr(_plain(after[module]))
        ]
        yield judge(
            trial.call(case),
            "how many global generators were moved, and weights that depend on them",
            len(moved) + int(np.count_nonzero(first != second)),
            n=first.size,
            high=0,
            detects="any difference",
            mistake=f"{', '.join(moved) or 'a'} global generator is used",
        )


def _plain(state: Any) -> Any:
    """Return a state of lists and numbers, whose text is all of it."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state


def arrays(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether writing to an array changes that array alone."""
    if isinstance(trial.adapter, BackendAdapter):
        yield from _of_backend("behaviour.aliasing", trial.adapter)
        return
    for case in CASES:
        one, other = trial.drawn(case), trial.drawn(case)
        if isinstance(one, Result) or isinstance(other, Result):
            yield next(result for result in (one, other) if isinstance(result, Result))
            continue
        before, others = one.copy(), other.copy()
        shared = np.shares_memory(one, other) or bool(one.size > 1 and 0 in one.strides)
        if not one.flags.writeable and not shared:
            yield Result(on=trial.call(case), verdict="skipped", note="the array is read-only: none can write to it")
            continue
        if one.flags.writeable:
            one[...] = 7
        changed = int(np.count_nonzero(other != others))
        if np.array_equal(before, others):  # else the seed does not fix the weights, which is another mistake
            again = trial.drawn(case)
            changed += 0 if isinstance(again, Result) else int(np.count_nonzero(again != before))
        yield judge(
            trial.call(case),
            "how many weights of other draws change when an array is written to",
            changed + shared,
            n=before.size,
            high=0,
            detects="any other weight that changes",
            mistake="a cached array is returned again, or a view of shared memory",
        )


def _of_backend(name: str, adapter: BackendAdapter) -> Iterator[Result]:
    """Yield what the exact level's check of the same claim finds; its arrays are the backend's own."""
    check = next(found for found in BEHAVIOUR_CHECKS if found.name == name)
    yield from check.body(BackendTrial(adapter.backend, adapter.device))


CALL_CHECKS: Final = (
    Check("calls.generators", "distribution", "no global generator is touched or used", global_generators),
    Check("calls.arrays", "distribution", "every array owns its memory", arrays),
)
