"""Whether a backend's attributes and methods are those of the contract, which a runtime Protocol does not compare."""

from __future__ import annotations

import inspect
from typing import Any

from fanin.contract import Capabilities, CompilingBackend
from fanin.dtypes import DTYPES
from fanin.plans import SPEC_VERSION
from fanin.plans.rules import RULES

__all__ = ["signature_faults"]

Fault = tuple[str, str, str]
"""What is wrong, what the contract says, what the backend has."""


def signature_faults(backend: Any) -> list[Fault]:
    """Return every difference between a backend and the contract: a `CompilingBackend` if it declares jit.

    A positional argument's name is the backend's own, since the core passes it by position.
    """
    faults: list[Fault] = []
    capabilities = getattr(backend, "capabilities", None)
    compiles = getattr(capabilities, "jit", None) is True
    for method in ("draw", "tobytes", "describe", *(("compiled",) if compiles else ())):
        wanted = list(inspect.signature(getattr(CompilingBackend, method)).parameters.values())[1:]  # without self
        faults += _method_faults(method, wanted, getattr(backend, method, None))
    if not (isinstance(name := getattr(backend, "name", None), str) and name):
        faults.append(("name", "a non-empty string", repr(name)))
    if (version := getattr(backend, "SPEC_VERSION", None)) != SPEC_VERSION or isinstance(version, bool):
        faults.append(("SPEC_VERSION", repr(SPEC_VERSION), repr(version)))
    return faults + _capability_faults(capabilities)


def _method_faults(method: str, wanted: list[inspect.Parameter], found: Any) -> list[Fault]:
    if not callable(found):
        return [(method, "a method", repr(found))]
    given = list(inspect.signature(found).parameters.values())
    positional = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = {p.name: p for p in given}
    faults: list[Fault] = []
    for parameter in wanted:
        has: inspect.Parameter | None
        if parameter.kind is parameter.KEYWORD_ONLY:
            has = by_name.get(parameter.name)
        else:
            has = positional.pop(0) if positional else by_name.get(parameter.name)
        if _shape(parameter) != _shape(has):
            faults.append((f"{method}({parameter.name})", _shape(parameter), _shape(has)))
        if has is not None:
            given.remove(has)
    required = [p for p in given if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return faults + [(f"{method}({p.name})", "no such argument", "an argument without a default") for p in required]


def _shape(parameter: inspect.Parameter | None) -> str:
    if parameter is None:
        return "no such argument"
    default = "required" if parameter.default is parameter.empty else f"default {parameter.default!r}"
    kind = "positional" if parameter.kind <= parameter.POSITIONAL_OR_KEYWORD else parameter.kind.description
    return f"{kind}, {default}"


def _capability_faults(capabilities: Any) -> list[Fault]:
    if not isinstance(capabilities, Capabilities):
        return [("capabilities", "a Capabilities", repr(capabilities))]
    dtypes: Any = capabilities.dtypes  # dataclasses do not check what they are given
    devices: Any = capabilities.devices
    jit: Any = capabilities.jit
    level: Any = capabilities.level
    rules: Any = capabilities.rules
    kinds = isinstance(devices, tuple) and devices and all(isinstance(device, str) for device in devices)
    checked = (
        (
            "dtypes",
            isinstance(dtypes, frozenset) and {"float32"} <= dtypes <= set(DTYPES),
            f"a frozenset with float32, from {sorted(DTYPES)}",
            dtypes,
        ),
        ("devices", bool(kinds), "a non-empty tuple of names", devices),
        ("jit", isinstance(jit, bool), "True or False", jit),
        (
            "rules",
            isinstance(rules, frozenset) and {"fill", "draw"} <= rules <= RULES,
            f"a frozenset with fill and draw, from {sorted(RULES)}",
            rules,
        ),
        ("level", level in ("exact", "close"), '"exact" or "close"', level),
    )
    return [(f"capabilities.{name}", wanted, repr(found)) for name, right, wanted, found in checked if not right]
