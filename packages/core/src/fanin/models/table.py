"""A scheme as a table for people: rows that differ by numbers alone are one row."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from fanin.exceptions import FaninError
from fanin.models.parameter import Parameter, part_name
from fanin.plans.facts import facts

__all__ = ["columns", "law_text", "table"]

_HEADINGS = ("name", "shape", "dtype", "law", "layout", "stream")
_NUMBER = re.compile(r"\d+")


def law_text(parameter: Parameter) -> str:
    """Return the law of a parameter's weights in one line, its parts left out."""
    if parameter.initializer is None:
        return parameter.note or f"{len(parameter.parts)} parts"
    try:
        return facts(parameter.initializer, parameter.geometry).law
    except FaninError:  # it has no numbers for a tensor without elements
        return str(parameter.initializer)


def table(parameters: Mapping[str, Parameter]) -> str:
    """Return the table: one line for parameters that have the same law and shape, and names that differ by numbers."""
    rows = [_HEADINGS, *_merged(_rows(parameters))]
    return columns(rows)


def columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as aligned columns, without those that are empty but for their heading."""
    lines = list(rows)
    kept = [k for k in range(len(lines[0])) if any(row[k] for row in lines[1:])] or [0]
    widths = [max(len(row[k]) for row in lines) for k in kept]
    return "\n".join(
        "  ".join(row[k].ljust(width) for k, width in zip(kept, widths, strict=True)).rstrip() for row in lines
    )


def _rows(parameters: Mapping[str, Parameter]) -> Iterator[tuple[str, ...]]:
    for name, parameter in parameters.items():
        yield _row(name, parameter, name)
        for k, part in enumerate(parameter.parts):
            region = ", ".join(
                ":" if (start, stop) == (0, size) else f"{start}:{stop}"
                for (start, stop), size in zip(part.region, parameter.shape, strict=True)
            )
            yield _row(f"  {name}[{region}]", part.parameter, part_name(name, k))


def _row(shown: str, parameter: Parameter, own: str) -> tuple[str, ...]:
    shape = " x ".join(map(str, parameter.shape)) or "scalar"
    layout = parameter.layout or ""
    if parameter.groups > 1:
        layout += f", {parameter.groups} groups"
    if parameter.transposed:
        layout += ", transposed"
    stream = parameter.stream
    if stream is None or stream == own or (parameter.initializer is not None and not parameter.initializer.is_random):
        stream = ""
    return (
        shown,
        shape,
        parameter.dtype,
        law_text(parameter),
        layout,
        stream if isinstance(stream, str) else f"{len(stream)} names",
    )


def _merged(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield one row for those of the same shape, dtype, law and layout whose names and streams differ by numbers."""
    groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for row in rows:
        same = (_NUMBER.sub("*", row[0]), *row[1:5], _NUMBER.sub("*", row[5]))
        groups.setdefault(same, []).append(row)
    for found in groups.values():
        first = found[0]
        yield (_ranges([row[0] for row in found]), *first[1:5], _ranges([row[5] for row in found]))


def _ranges(names: list[str]) -> str:
    """Return names that differ by numbers as one: "blocks.{0..11}.attn.weight"."""
    words = _NUMBER.split(names[0])
    numbers = [sorted({int(column) for column in found}) for found in zip(*map(_NUMBER.findall, names), strict=True)]
    texts = [_range(found) for found in numbers]
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(words, texts, fillvalue="")))


def _range(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{{{numbers[0]}..{numbers[-1]}}}"
    return "{" + ",".join(map(str, numbers)) + "}"
