"""The state of a process that a draw must neither change nor depend on: how to read it, and how to set it."""

from __future__ import annotations

import decimal
import os
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["PROBES", "Probe", "differences", "read_state", "sentinels"]

_ENVIRONMENT: Final = dict(os.environ)
"""The environment when the suite was imported: what a draw has set since is taken away before the next."""


@dataclass(frozen=True)
class Probe:
    """One piece of state.

    Attributes:
        module: The library that it is of: it is looked at if the library is loaded.
        what: What it is called.
        read: Returns it, as something that can be compared.
        write: Sets it.
        sentinels: Two values that are not the default. What a draw sets once and for all would be the same before and
            after the next draw, so before each draw another value is set.
    """

    module: str
    what: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], Any]
    sentinels: tuple[Any, Any] | Callable[[Any], tuple[Any, Any]]

    def values(self, module: Any) -> tuple[Any, Any]:
        """Return the two values, some of which have to be made by the library."""
        return self.sentinels if isinstance(self.sentinels, tuple) else self.sentinels(module)


class _Sentinel(Warning):
    """A kind of warning that nobody raises."""


def _with(seed: Callable[[Any, int], Any], read: Callable[[Any], Any], write: Callable[[Any, Any], Any]) -> Any:
    """Return what makes two states of a generator from two seeds."""

    def make(module: Any) -> tuple[Any, Any]:
        before = read(module)
        states = []
        for number in (20250101, 20250102):
            seed(module, number)
            states.append(read(module))
        write(module, before)
        return states[0], states[1]

    return make


def _numpy_state(module: Any) -> tuple[Any, ...]:
    kind, keys, *rest = module.random.get_state(legacy=True)
    return (kind, keys.tobytes(), *rest)


def _set_numpy_state(module: Any, state: tuple[Any, ...]) -> None:
    kind, keys, *rest = state
    module.random.set_state((kind, module.frombuffer(keys, module.uint32), *rest))


def _torch_state(module: Any) -> bytes:
    return bytes(module.get_rng_state().tolist())


def _set_torch_state(module: Any, state: bytes) -> None:
    module.set_rng_state(module.tensor(list(state), dtype=module.uint8, device="cpu"))


def _torch_determinism(module: Any) -> tuple[bool, bool]:
    return module.are_deterministic_algorithms_enabled(), module.is_deterministic_algorithms_warn_only_enabled()


def _torch_device(module: Any) -> str:
    return str(module.get_default_device())


def _set_torch_device(module: Any, device: str) -> None:
    module.set_default_device(None if device == "cpu" else device)


def _torch_printing(module: Any) -> int:
    return len(re.findall("3+", str(module.tensor(1 / 3, dtype=module.float64, device="cpu")))[0])


def _set_filters(module: Any, filters: tuple[Any, ...]) -> None:
    module.filters[:] = filters
    module.simplefilter("ignore", _Sentinel, append=True)  # which makes the module forget what it has cached
    module.filters[:] = filters


def _filters(module: Any) -> tuple[Any, Any]:
    own = ("ignore", None, _Sentinel, None, 0)
    return (own, *module.filters), (*module.filters, own)


def _set_environment(module: Any, variables: dict[str, str]) -> None:
    for name in set(module.environ) - set(variables):
        del module.environ[name]
    module.environ.update({name: value for name, value in variables.items() if module.environ.get(name) != value})


def _environment(module: Any) -> tuple[Any, Any]:
    current = {name: value for name, value in module.environ.items() if name in _ENVIRONMENT}
    return {**current, "FANIN_SENTINEL": "1"}, {**_ENVIRONMENT, "FANIN_SENTINEL": "2"}


def _nothing(what: str, times: int) -> None:
    """Take notice of a floating-point error, as numpy.seterrcall asks."""


def _numpy_errors(module: Any) -> dict[str, Any]:
    return {**module.geterr(), "call": module.geterrcall()}


def _set_numpy_errors(module: Any, errors: dict[str, Any]) -> None:
    module.seterrcall(errors["call"])
    module.seterr(**{kind: handling for kind, handling in errors.items() if kind != "call"})


def _jax(name: str, first: Any, second: Any) -> Probe:
    what = f"jax's configuration {name}"
    return Probe(
        "jax",
        what,
        lambda module: getattr(module.config, name),
        lambda module, value: module.config.update(name, value),
        (first, second),
    )


_CALLS: Final = {"divide": "call", "over": "call", "under": "call", "invalid": "call", "call": _nothing}
_TINY: Final = [1e-310]

PROBES: Final = (
    Probe(
        "random",
        "random's global generator",
        lambda module: module.getstate(),
        lambda module, state: module.setstate(state),
        _with(
            lambda module, number: module.seed(number),
            lambda module: module.getstate(),
            lambda module, state: module.setstate(state),
        ),
    ),
    Probe("os", "the environment", lambda module: dict(module.environ), _set_environment, _environment),
    Probe("warnings", "the warnings' filters", lambda module: tuple(module.filters), _set_filters, _filters),
    Probe(
        "decimal",
        "decimal's precision",
        lambda module: module.getcontext().prec,
        lambda module, digits: setattr(module.getcontext(), "prec", digits),
        (21, 33),
    ),
    Probe(
        "numpy",
        "numpy.random's global generator",
        _numpy_state,
        _set_numpy_state,
        _with(lambda module, number: module.random.seed(number), _numpy_state, _set_numpy_state),
    ),
    Probe(
        "numpy",
        "numpy's floating-point error handling",
        _numpy_errors,
        _set_numpy_errors,
        (_CALLS, {**_CALLS, "over": "ignore", "divide": "ignore"}),
    ),
    Probe(
        "numpy",
        "numpy's print options",
        lambda module: {name: repr(value) for name, value in module.get_printoptions().items()},
        lambda module, options: module.set_printoptions(precision=int(options["precision"])),
        lambda module: ({"precision": "3"}, {"precision": "5"}),
    ),
    Probe(
        "torch",
        "torch's global generator",
        _torch_state,
        _set_torch_state,
        _with(lambda module, number: module.manual_seed(number), _torch_state, _set_torch_state),
    ),
    Probe(
        "torch",
        "torch's default dtype",
        lambda module: module.get_default_dtype(),
        lambda module, dtype: module.set_default_dtype(dtype),
        lambda module: (module.float64, module.bfloat16),
    ),
    Probe("torch", "torch's default device", _torch_device, _set_torch_device, ("cpu:0", "cpu:0")),
    Probe(
        "torch",
        "torch's number of threads",
        lambda module: module.get_num_threads(),
        lambda module, count: module.set_num_threads(count),
        (3, 2),
    ),
    Probe(
        "torch",
        "torch's deterministic mode",
        _torch_determinism,
        lambda module, modes: module.use_deterministic_algorithms(modes[0], warn_only=modes[1]),
        ((True, True), (True, True)),
    ),
    Probe(
        "torch",
        "torch's gradient mode",
        lambda module: module.is_grad_enabled(),
        lambda module, enabled: module.set_grad_enabled(enabled),
        (False, True),
    ),
    Probe(
        "torch",
        "torch's precision of matrix products",
        lambda module: module.get_float32_matmul_precision(),
        lambda module, precision: module.set_float32_matmul_precision(precision),
        ("high", "medium"),
    ),
    Probe(
        "torch",
        "torch's print options",
        _torch_printing,
        lambda module, digits: module.set_printoptions(precision=digits),
        (3, 6),
    ),
    Probe(
        "torch",
        "the processor's flushing of subnormals",
        lambda module: _TINY[0] * 1.0 == 0.0,
        lambda module, flushed: module.set_flush_denormal(flushed),
        (False, False),
    ),
    # Of jax's the first are the defaults, which compile nothing anew.
    _jax("jax_enable_x64", False, True),
    _jax("jax_default_matmul_precision", None, "float32"),
    _jax("jax_debug_nans", False, False),
    _jax("jax_numpy_dtype_promotion", "standard", "standard"),
    _jax("jax_numpy_rank_promotion", "allow", "warn"),
    _jax("jax_default_prng_impl", "threefry2x32", "rbg"),
    Probe(
        "jax",
        "jax's default device",
        lambda module: module.config.jax_default_device,
        lambda module, device: module.config.update("jax_default_device", device),
        lambda module: (None, module.devices("cpu")[0]),
    ),
)
"""Some have no other value in which every right backend can draw: theirs only undoes what was set."""


def _loaded() -> Iterator[tuple[Probe, Any]]:
    return ((probe, sys.modules[probe.module]) for probe in PROBES if probe.module in sys.modules)


def read_state() -> dict[str, Any]:
    """Return all state of the libraries that are loaded."""
    return {probe.what: probe.read(module) for probe, module in _loaded()}


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what is not as it was, of what was there."""
    return [what for what in before if after[what] != before[what]]


@contextmanager
def sentinels(which: int) -> Iterator[None]:
    """Set everything to its first or second sentinel, and back at the end."""
    probes = list(_loaded())
    before = [probe.read(module) for probe, module in probes]
    try:
        for probe, module in probes:
            probe.write(module, probe.values(module)[which])
        yield
    finally:
        for (probe, module), value in zip(probes, before, strict=True):
            probe.write(module, value)


_ = decimal, random, warnings  # loaded, so that they are looked at
