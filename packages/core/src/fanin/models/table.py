"""A scheme as a table for people: rows that differ by numbers in their names alone are one row."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fanin.exceptions import FaninError
from fanin.models.parameter import Parameter, Region, part_name
from fanin.plans.facts import facts

__all__ = ["Row", "columns", "law_text", "layout_text", "merged", "region_text", "table"]

_HEADINGS: Final = ("name", "shape", "dtype", "law", "layout", "stream")
_NUMBER: Final = re.compile(r"(?<!\d)(?:0|[1-9]\d*)(?!\d)", re.ASCII)
"""A number that is written as Python writes it, so that a range of them says how they are written."""


def law_text(parameter: Parameter) -> str:
    """Return the law of a parameter's weights in one line, its parts left out."""
    if parameter.initializer is None:
        return parameter.note or (f"{len(parameter.parts)} parts" if parameter.parts else "none")
    try:
        return facts(parameter.initializer, parameter.geometry).law
    except FaninError:  # it has no numbers for a tensor without elements
        return str(parameter.initializer)


def layout_text(parameter: Parameter) -> str:
    """Return what the axes are, in words where letters do not say it; nothing without a layout."""
    words = [parameter.layout or ""]
    if parameter.groups > 1:
        words.append(f"{parameter.groups} groups")
    if parameter.transposed:
        words.append("transposed")
    if any(step > 1 for step in parameter.geometry.stride):
        words.append(f"stride {' x '.join(map(str, parameter.geometry.stride))}")
    return ", ".join(words)


def region_text(region: Region, shape: tuple[int, ...]) -> str:
    """Return a region as an index: "0:64, :"."""
    pairs = zip(region, shape, strict=True)
    return ", ".join(":" if ends == (0, size) else f"{ends[0]}:{ends[1]}" for ends, size in pairs)


def columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as aligned columns, without those that are empty but for their heading."""
    lines = list(rows)
    kept = [k for k in range(len(lines[0])) if any(row[k] for row in lines[1:])] or [0]
    widths = [max(len(row[k]) for row in lines) for k in kept]
    return "\n".join(
        "  ".join(row[k].ljust(width) for k, width in zip(kept, widths, strict=True)).rstrip() for row in lines
    )


def table(parameters: Mapping[str, Parameter]) -> str:
    """Return the table: one line for parameters that are the same but for numbers in their names."""
    rows = itertools.chain.from_iterable(itertools.starmap(_rows, parameters.items()))
    return columns([_HEADINGS, *merged(rows)])


def merged(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of rows, one line for those that are the same but for numbers in their names.

    A line stands where the first of its rows stood.
    """
    places: dict[Row, int] = {}
    groups: dict[tuple[str, ...], list[Row]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row, place)
        groups.setdefault(row.kind, []).append(row)
    lines = itertools.chain.from_iterable(map(_merged, groups.values()))
    return (cells for _, cells in sorted(lines, key=lambda line: places[line[0]]))


@dataclass(frozen=True)
class Row:
    """A line of a table, of a parameter or a part of one.

    Attributes:
        name: The parameter's name.
        cells: What is said of it, as text.
        stream: The name of the stream, or nothing where it goes without saying.
        place: Before and behind the name: what part of it.
    """

    name: str
    cells: tuple[str, ...]
    stream: str = ""
    place: tuple[str, str] = ("", "")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in the name."""
        return tuple(map(int, _NUMBER.findall(self.name)))

    @property
    def kind(self) -> tuple[str, ...]:
        """All but the numbers of the name, and those of the stream that are the same ones."""
        return (_NUMBER.sub("*", self.name), *self.place, *self.cells, self.stream_with(["*"] * len(self.numbers)))

    def stream_with(self, texts: Sequence[str]) -> str:
        """Return the stream with a text for each number that is also the name's, counted from the first."""
        own = iter(zip(self.numbers, texts, strict=True))

        def text(found: re.Match[str]) -> str:
            number, shown = next(own, (None, ""))
            return shown if found[0] == str(number) else found[0]

        return _NUMBER.sub(text, self.stream)


def _rows(name: str, parameter: Parameter) -> Iterator[Row]:
    yield _row(name, ("", ""), parameter, name)
    for k, part in enumerate(parameter.parts):
        place = ("  ", f"[{region_text(part.region, parameter.shape)}]")
        yield _row(name, place, part.parameter, part_name(name, k))


def _row(name: str, place: tuple[str, str], parameter: Parameter, own: str) -> Row:
    shape = " x ".join(map(str, parameter.shape)) or "scalar"
    stream = parameter.stream if parameter.is_random and parameter.stream != own else None
    if isinstance(stream, tuple):
        stream = stream[0] if len(stream) == 1 else f"{stream[0]}, ..., {stream[-1]}"
    cells = (shape, parameter.dtype, law_text(parameter), layout_text(parameter))
    return Row(name, cells, stream or "", place)


def _merged(rows: list[Row]) -> Iterator[tuple[Row, tuple[str, ...]]]:
    """Yield one line, and its first row, for several whose names have every combination of some numbers.

    Where they have not, as few lines as that takes.
    """
    rows = list({row.numbers: row for row in rows}.values())  # a part may come twice
    first = rows[0]
    found = [sorted(set(column)) for column in zip(*(row.numbers for row in rows), strict=True)]
    if math.prod(map(len, found)) == len(rows):
        before, behind = first.place
        ranges = list(map(_range, found))
        texts = iter(ranges)
        name = before + _NUMBER.sub(lambda _: next(texts), first.name) + behind
        yield first, (name, *first.cells, first.stream_with(ranges))
        return
    varied = next(k for k, numbers in enumerate(found) if len(numbers) > 1)
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.numbers[varied], []).append(row)
    for group in groups.values():
        yield from _merged(group)


def _range(numbers: list[int]) -> str:
    """Return numbers as one text: "3", or "{0..2,5}"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]}..{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return texts[0] if len(numbers) == 1 else "{" + ",".join(texts) + "}"
