"""What two schemes do differently, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Parameter
from fanin.models.scheme import Scheme
from fanin.models.table import columns, law_text

__all__ = ["Difference", "SchemeDiff", "diff"]


@dataclass(frozen=True)
class Difference:
    """One thing that two schemes do differently.

    Attributes:
        name: The parameter, as the first scheme calls it (the second, if only that has it).
        what: "shape", "dtype", "law", "layout", "stream", "parts", or "missing" where only one scheme has it.
        first: What the first scheme says.
        second: What the second says.
    """

    name: str
    what: str
    first: str
    second: str


class SchemeDiff(Sequence[Difference]):
    """The differences of two schemes: empty, and so false, where there are none; printed, a table."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        self._differences = tuple(differences)

    def __len__(self) -> int:
        return len(self._differences)

    @overload
    def __getitem__(self, index: int) -> Difference: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Difference]: ...

    def __getitem__(self, index: int | slice) -> Difference | Sequence[Difference]:
        return self._differences[index]

    def __str__(self) -> str:
        if not self:
            return "no difference"
        rows = [(one.name, one.what, one.first, one.second) for one in self]
        return columns([("name", "what", "first", "second"), *rows])

    def __repr__(self) -> str:
        return f"<fanin.diff: {len(self)} differences>"


def diff(a: Scheme, b: Scheme, names: Mapping[str, str] | None = None) -> SchemeDiff:
    """Return what two schemes do differently.

    Args:
        a: A scheme.
        b: Another one.
        names: Names of `a` to names of `b`; names that are left out are the same in both.

    Returns:
        A sequence of differences, empty where both draw the same weights; printed, a table.

    Raises:
        FaninValueError: `names` has a name that a scheme does not have.

    Example:
        >>> import fanin
        >>> bias = Parameter((4,), "float32", fanin.zeros())
        >>> first = Scheme({"w": Parameter((4, 3), "float32", fanin.random()), "b": bias})
        >>> second = Scheme({"w": Parameter((4, 3), "float32", fanin.he_normal(), layout="OI")})
        >>> print(diff(first, second))
        name  what     first              second
        w     law      N(0, 0.01^2)       N(0, 0.816497^2)
        w     layout   none               OI
        b     missing  every weight is 0
    """
    mapping = dict(names or {})
    for first, second in mapping.items():
        if first not in a or second not in b:
            raise FaninValueError(
                f"names maps the first scheme's names to the second's. Received: {first!r}: {second!r}, and the "
                f"{'first' if first not in a else 'second'} scheme has no such parameter."
            )
    pairs = {name: mapping.get(name, name) for name in a}
    found: list[Difference] = []
    for name, other in pairs.items():
        if other in b:
            found += (Difference(name, *one) for one in _differences(a[name], name, b[other], other, mapping))
        else:
            found.append(Difference(name, "missing", law_text(a[name]), ""))
    taken = set(pairs.values())
    found += (Difference(name, "missing", "", law_text(b[name])) for name in b if name not in taken)
    return SchemeDiff(found)


def _differences(
    one: Parameter, name: str, two: Parameter, other: str, names: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    if one.shape != two.shape:
        yield "shape", str(one.shape), str(two.shape)
    if one.dtype != two.dtype:
        yield "dtype", one.dtype, two.dtype
    if law_text(one) != law_text(two):
        yield "law", law_text(one), law_text(two)
    if _layout(one) != _layout(two):
        yield "layout", _layout(one), _layout(two)
    streams = [parameter.stream or own for parameter, own in ((one, name), (two, other))]
    random = one.initializer is not None and one.initializer.is_random
    if random and streams[0] != streams[1] and not (one.stream is None and two.stream is None and name in names):
        yield "stream", str(streams[0]), str(streams[1])
    if len(one.parts) != len(two.parts):
        yield "parts", str(len(one.parts)), str(len(two.parts))
    else:
        for first, second in zip(one.parts, two.parts, strict=True):
            if first != second:
                one_text, other_text = (f"{part.region}: {law_text(part.parameter)}" for part in (first, second))
                yield "parts", one_text, other_text


def _layout(parameter: Parameter) -> str:
    words = [parameter.layout or "none"]
    if parameter.groups > 1:
        words.append(f"{parameter.groups} groups")
    if parameter.transposed:
        words.append(f"transposed, stride {parameter.stride}")
    return ", ".join(words)
