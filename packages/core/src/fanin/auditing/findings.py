"""What an audit finds: one fault, the parameters that have it, and the line that repairs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from fanin.models.table import Row, merged

__all__ = ["KINDS", "SEVERITIES", "Finding", "Severity", "joined", "names_text"]

Severity: TypeAlias = Literal["error", "warning", "note"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
"""The worst first: an error is never right, a warning hardly ever, a note is something to know."""

KINDS: Final = {
    "missing": "the scheme has a parameter that the weights lack",
    "extra": "the weights have a parameter that the scheme lacks",
    "shape": "a parameter has another shape than the scheme says",
    "dtype": "a parameter has another dtype than the scheme says",
    "nan": "weights are not numbers",
    "infinite": "weights are infinite",
    "uninitialized": "memory that nothing was written to",
    "subnormal": "weights so small that they lose precision, and slow a processor down",
    "constant": "a constant where a law is random, or another constant",
    "dead outputs": "outputs of zeros, by the layout of the scheme: units that pass nothing on",
    "dead inputs": "inputs of zeros, by the layout of the scheme: they are never read",
    "dead slices": "matrices of a stack, or places of a kernel, that are zeros",
    "dead rows": "rows of zeros: units that never receive a signal",
    "dead columns": "columns of zeros: inputs that are never read",
    "equal rows": "rows that are equal bit for bit: units that compute the same",
    "equal blocks": "blocks of rows or columns that are equal bit for bit: shards that were drawn alike",
    "equal parameters": "parameters that are equal bit for bit",
    "shared stream": "parameters that are multiples of each other: drawn from the same random numbers",
    "untied": "parameters that the scheme draws equal, and that differ",
    "std": "a standard deviation other than the law's",
    "mean": "a mean other than the law's",
    "distribution": "another distribution than the law's",
    "outlier": "single weights that the law cannot have drawn",
    "matrix": "a matrix that is not what the law makes: orthogonal, sparse, the identity",
    "rounded": "weights that were rounded to a narrower dtype",
    "sibling": "one layer unlike the others of its kind",
    "norm": "a scale of a norm that is not 1, or a shift that is not 0",
    "replicas": "copies of a model that differ",
    "seed": "weights that are not those of the seed",
    "transposed": "weights that are those of the seed, with the axes in another order",
    "trained": "weights that have moved from those of the seed",
}
"""Every kind of finding, in a few words."""

_PLURALS: Final = {
    "has": "have",
    "is": "are",
    "holds": "hold",
    "follows": "follow",
    "consists": "consist",
    "scales": "scale",
    "shifts": "shift",
    "differs": "differ",
}

_NEAR: Final = 0.05
"""A share by which the factors of standard deviations of one law and of one mistake differ."""

_BETWEEN: Final = ("equal parameters", "shared stream", "untied")
"""Kinds of findings between parameters, of which two are never one."""


@dataclass(frozen=True)
class Finding:
    """One fault, or one thing to know.

    Attributes:
        severity: "error", "warning" or "note".
        kind: One of `KINDS`.
        parameters: The names of the parameters that have it, as the weights call them.
        cause: What is wrong, in the words of a sentence that begins with the parameters' names.
        evidence: The numbers that it rests on, as plain data.
        line: The line of Python to write; empty where there is none.
        subject: What the sentence is about, where that is shorter than the names: "student.* and teacher.*".
    """

    severity: Severity
    kind: str
    parameters: tuple[str, ...]
    cause: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    line: str = ""
    subject: str = ""

    def __str__(self) -> str:
        first, _, rest = self.cause.partition(" ")
        verb = _PLURALS.get(first, first) if len(self.parameters) > 1 else first
        return f"{self.subject or names_text(self.parameters)} {verb} {rest}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "parameters": list(self.parameters),
            "text": str(self),
            "cause": self.cause,
            "evidence": dict(self.evidence),
            "line": self.line,
            "subject": self.subject,
        }


def names_text(names: Iterable[str], most: int = 4) -> str:
    """Return names as a short text: those that differ by numbers alone are one, "layers.{0..3}.weight".

    Example:
        >>> names_text(["layers.0.weight", "layers.1.weight", "bias"])
        'layers.{0,1}.weight and bias'
    """
    shown = [cells[0] for cells in merged(Row(name, ()) for name in names)]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def joined(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with those of one cause as one, the worst first."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.severity, one.kind, *_key(one, groups)), []).append(one)
    found = []
    for group in groups.values():
        names = tuple(dict.fromkeys(name for one in group for name in one.parameters))
        found.append(replace(group[0], parameters=names))
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def _key(one: Finding, groups: Iterable[tuple[object, ...]]) -> tuple[object, ...]:
    """Return what findings of one cause have in common; the numbers of one mistake differ by chance.

    Args:
        one: A finding.
        groups: Those that there are already.
    """
    if one.kind in _BETWEEN:
        return one.parameters
    law, likely, factor, which = (one.evidence.get(name) for name in ("law", "likely", "factor", "which"))
    law = law if which is None else f"{law}, {which}"
    if likely:
        return (law, *likely)
    if factor:
        near = (
            group[-1]
            for group in groups
            if group[:-1] == (one.severity, one.kind, law, "factor") and abs(group[-1] / factor - 1) <= _NEAR
        )
        return (law, "factor", next(near, factor))
    return (one.cause,)
