"""The report of an audit: findings first, and then a table of all parameters."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final

from fanin.auditing.findings import SEVERITIES, Finding
from fanin.exceptions import FaninValueError
from fanin.models.table import Row, columns, merged

__all__ = ["Audit", "Entry"]

_HEADINGS: Final = ("name", "shape", "dtype", "mean", "std", "verdict")


@dataclass(frozen=True)
class Entry:
    """A line of the table: a parameter, or a part of one.

    Attributes:
        name: The parameter's name.
        place: Which part of it, as an index; nothing for the whole.
        shape: Its shape.
        dtype: Its dtype.
        mean: The mean of the weights that are finite; NaN where there are none.
        std: Their standard deviation.
        verdict: What it is.
        same_as: The name of the parameter that it is tied with, or equal to bit for bit where the scheme has only that
            one; nothing where it is on its own.
    """

    name: str
    place: str
    shape: tuple[int, ...]
    dtype: str
    mean: float
    std: float
    verdict: str
    same_as: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found. It is true where all is well; printed, the findings and a table.

    Attributes:
        findings: The findings, the worst first; empty where all is well.
        entries: The parameters, in the order of the weights.
        source: What the weights were read from.
        elements: How many weights were read.
        has_scheme: Whether there was a scheme.
        seed: The seed, or None.
        false_alarm_rate: The probability with which a right model has a finding.
        notes: What else there is to say.
    """

    findings: tuple[Finding, ...]
    entries: tuple[Entry, ...]
    source: str
    elements: int
    has_scheme: bool
    seed: int | None
    false_alarm_rate: float
    notes: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return self.is_well

    @property
    def is_well(self) -> bool:
        """Whether no finding is an error or a warning."""
        return not any(one.severity != "note" for one in self.findings)

    def __str__(self) -> str:
        lines = []
        for one in self.findings:
            lines.append(f"{one.severity}: {one}")
            if one.line:
                lines.append(f"    {one.line}")
        if lines:
            lines.append("")
        lines += [columns([_HEADINGS, *self.rows()]), "", self.summary]
        return "\n".join(lines)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the table, one row for parameters that are alike but for numbers in their names."""
        kinds = [_row(one).kind for one in self.entries]
        groups: dict[tuple[str, ...], list[Entry]] = {}
        for kind, one in zip(kinds, self.entries, strict=True):
            groups.setdefault(kind, []).append(one)
        ranges = {kind: _ranges(group) for kind, group in groups.items()}
        rows = (_row(one, ranges[kind]) for kind, one in zip(kinds, self.entries, strict=True))
        return [cells[:6] for cells in merged(rows)]

    @property
    def summary(self) -> str:
        """The outcome, in sentences."""
        counts = [(one, sum(found.severity == one for found in self.findings)) for one in SEVERITIES]
        found = ", ".join(f"{count} {name}{'s' * (count > 1)}" for name, count in counts if count) or "no findings"
        tensors = len({one.name for one in self.entries})
        text = f"{found} in {tensors} tensors, {self.elements:,} weights. "
        text += f"A right model has a finding by chance with probability {self.false_alarm_rate:g} at most."
        return " ".join([text, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, ready for JSON."""
        return {
            "source": self.source,
            "elements": self.elements,
            "has_scheme": self.has_scheme,
            "seed": self.seed,
            "false_alarm_rate": self.false_alarm_rate,
            "is_well": self.is_well,
            "findings": [_plain(one.to_dict()) for one in self.findings],
            "parameters": [
                {
                    "name": one.name,
                    "place": one.place,
                    "shape": list(one.shape),
                    "dtype": one.dtype,
                    "mean": _plain(one.mean),
                    "std": _plain(one.std),
                    "verdict": one.verdict,
                    "same_as": one.same_as or None,
                }
                for one in self.entries
            ],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """Return the report as strict JSON; numbers that are not finite are null."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Audit:
        """Return a report that `to_json` wrote; evidence comes back as plain data.

        Raises:
            FaninValueError: The text is no such report.

        Example:
            >>> import numpy, fanin
            >>> report = fanin.audit({"w": numpy.ones(3)})
            >>> type(report).from_json(report.to_json()).to_json() == report.to_json()
            True
        """
        try:
            data = json.loads(text)
            findings = tuple(map(_finding, data["findings"]))
            entries = tuple(map(_entry, data["parameters"]))
            names = ("source", "elements", "has_scheme", "seed", "false_alarm_rate")
            rest = {name: data[name] for name in names}
            return cls(findings, entries, **rest, notes=tuple(data["notes"]))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise FaninValueError(
                f"the text is no report of an audit: {type(error).__name__}: {error}. Accepted: what Audit.to_json or "
                f"`fanin audit --json` wrote."
            ) from error

    def to_html(self) -> str:
        """Return the report as a page that loads nothing from elsewhere.

        Raises:
            ModuleNotFoundError: Jinja2 is not installed: `pip install "fanin[cli]"`.
        """
        import fanin
        from fanin.lab.files import page

        return page(
            "audit.html.j2",
            title=f"fanin audit: {self.source}",
            version=fanin.__version__,
            findings=[(one.severity, str(one), one.line) for one in self.findings],
            headings=_HEADINGS,
            rows=self.rows(),
            summary=self.summary,
        )


def _finding(data: dict[str, Any]) -> Finding:
    names = ("severity", "kind", "parameters", "cause", "evidence", "line", "subject")
    found = {name: data[name] for name in names}
    return Finding(**{**found, "parameters": tuple(found["parameters"])})


def _entry(data: dict[str, Any]) -> Entry:
    mean, std = (math.nan if data[name] is None else float(data[name]) for name in ("mean", "std"))
    shape = tuple(map(int, data["shape"]))
    return Entry(data["name"], data["place"], shape, data["dtype"], mean, std, data["verdict"], data["same_as"] or "")


def _ranges(group: list[Entry]) -> tuple[str, ...]:
    """Return the means and the standard deviations of entries as texts."""
    return _range([one.mean for one in group]), _range([one.std for one in group])


def _row(one: Entry, numbers: tuple[str, ...] = ("", "")) -> Row:
    shape = " x ".join(map(str, one.shape)) or "scalar"
    cells = (shape, one.dtype, *numbers, one.verdict)
    return Row(one.name, cells, place=("  ", one.place) if one.place else ("", ""))


def _range(values: list[float]) -> str:
    """Return numbers as one text: from the least to the largest."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "" if not values else "NaN"
    low, high = (f"{value:.3g}" for value in (min(finite), max(finite)))
    return low if low == high else f"{low} to {high}"


def _plain(value: object) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)
