"""Names, shapes and dtypes of weights against those of a scheme: whether it is the scheme of this model at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fanin.auditing.findings import Finding, Severity, names_text
from fanin.dtypes import DTYPES
from fanin.locking.naming import naming
from fanin.models import Parameter, Scheme
from fanin.weights import Tensor, Weights

__all__ = ["Matched", "match"]


_COMPARED: Final = 1000
"""Names among which close ones are looked for."""


@dataclass(frozen=True)
class Matched:
    """Which tensor is which parameter.

    Attributes:
        parameters: The name of a tensor to the scheme's name and parameter, those of another shape left out.
        findings: What does not match.
        extra: What is wrong with each tensor that the scheme does not have.
        tied: A tensor that the scheme does not have, to the one in whose memory it is.
        reordered: The same as `parameters`, for tensors whose axes may be in another order, with the finding.
    """

    parameters: dict[str, tuple[str, Parameter]]
    findings: list[Finding]
    extra: dict[str, Finding]
    tied: dict[str, str]
    reordered: dict[str, tuple[str, Parameter, Finding]]


def match(scheme: Scheme, weights: Weights) -> Matched:
    """Return which tensor is which parameter of a scheme, and what does not match."""
    named = naming(scheme, weights)
    findings = list(_missing(scheme, named.names, list(named.others)))
    extra = {one.parameters[0]: one for one in _extra(scheme, weights, named.names, list(named.others))}
    parameters: dict[str, tuple[str, Parameter]] = {}
    reordered: dict[str, tuple[str, Parameter, Finding]] = {}
    for name, given in named.names.items():
        parameter, tensor = scheme[name], weights[given]
        if tensor.shape != parameter.shape:
            findings.append(_shape(given, tensor, parameter))
            if sorted(tensor.shape) == sorted(parameter.shape):
                reordered[given] = name, parameter, findings[-1]
            continue
        if tensor.dtype != parameter.dtype:
            findings.append(_dtype(given, tensor, parameter))
        parameters[given] = name, parameter
    taken = {weights[given].memory: given for given in parameters}
    taken.pop(None, None)
    tied = {given: taken[weights[given].memory] for given in named.others if weights[given].memory in taken}
    return Matched(parameters, findings, extra, tied, reordered)


def _missing(scheme: Scheme, names: Mapping[str, str], others: list[str]) -> Iterator[Finding]:
    there = {_key(name, scheme[name]) for name in scheme if name in names and _may_be_tied(scheme[name])}
    for name, parameter in scheme.items():
        if name in names or (_may_be_tied(parameter) and _key(name, parameter) in there):
            continue  # a tied one is stored under the other's name
        close = _close(name, others)
        severity: Severity = "error"
        if not parameter.follows_laws and not close:
            severity, close = "note", ", and no law: a buffer that is not saved, perhaps"
        text = f"is missing: the scheme has it, {_shown(parameter.shape)} {parameter.dtype}{close}"
        yield Finding(
            severity,
            "missing",
            (name,),
            text,
            {"shape": list(parameter.shape)},
            f'weights["{name}"] = scheme.draw(seed=0)["{name}"]',
        )


def _extra(scheme: Scheme, weights: Weights, names: Mapping[str, str], others: list[str]) -> Iterator[Finding]:
    taken = {weights[given].memory for given in names.values()} - {None}
    absent = [name for name in scheme if name not in names]
    for given in others:
        tensor = weights[given]
        if tensor.memory in taken:
            continue
        if scheme.tied.get(given) in names:  # one that is equal is explained later
            first = names[scheme.tied[given]]
            text = "differ, and are one tensor in the model that was recorded: tie them"
            yield Finding("error", "untied", (given, first), text, {})
            continue
        text = f"is not in the scheme, {_shown(tensor.shape)} {tensor.dtype}{_close(given, absent)}"
        severity = "warning" if tensor.dtype in DTYPES else "note"
        yield Finding(severity, "extra", (given,), text, {"shape": list(tensor.shape)})  # type: ignore[arg-type]


def _shape(given: str, tensor: Tensor, parameter: Parameter) -> Finding:
    why = ""
    if len(tensor.shape) > 1 and sorted(tensor.shape) == sorted(parameter.shape):
        why = ": the axes are in another order"
    elif tensor.size == parameter.size:
        why = ": reshaped"
    elif tensor.size and parameter.size % tensor.size == 0 and len(tensor.shape) == len(parameter.shape):
        why = f": a shard of {parameter.size // tensor.size}, perhaps"
    cause = f"has the shape {_shown(tensor.shape)}, and the scheme says {_shown(parameter.shape)}{why}"
    evidence = {"shape": list(tensor.shape), "expected": list(parameter.shape)}
    return Finding("error", "shape", (given,), cause, evidence)


def _dtype(given: str, tensor: Tensor, parameter: Parameter) -> Finding:
    narrower = (
        tensor.dtype in DTYPES
        and parameter.dtype in DTYPES
        and DTYPES[tensor.dtype].bits < DTYPES[parameter.dtype].bits
    )
    cause = f"is {tensor.dtype}, and the scheme says {parameter.dtype}" + (": stored in a narrower one" * narrower)
    evidence = {"dtype": tensor.dtype, "expected": parameter.dtype}
    severity = "note" if narrower else "warning"
    return Finding(severity, "dtype", (given,), cause, evidence)  # type: ignore[arg-type]


def _may_be_tied(parameter: Parameter) -> bool:
    """Return whether weights that are equal come from one stream: constants are equal anyway."""
    if not parameter.follows_laws:
        return False
    return parameter.is_random or any(_may_be_tied(part.parameter) for part in parameter.parts)


def _key(name: str, parameter: Parameter) -> Parameter:
    return dataclasses.replace(parameter.with_streams_of(name), note=None)


def _close(name: str, names: list[str]) -> str:
    if len(names) > _COMPARED:  # it is another model; to compare each with all would take hours
        return ""
    import difflib  # only a fault needs it

    found = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return f". Close to it: {names_text(found)}" if found else ""


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"
