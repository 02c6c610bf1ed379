"""What two schemes do differently, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, overload

from fanin._checks import closest
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.models.parameter import Parameter
from fanin.models.scheme import Scheme
from fanin.models.table import Row, columns, law_text, layout_text, merged, region_text
from fanin.plans.rule_of import rule_of
from fanin.plans.rules import Fill

__all__ = ["Difference", "SchemeDiff", "diff"]

_FEW: Final = 3
"""Names that are shown of tensors that were not compared."""

_BRIEF: Final = 40
"""Characters of a note that are shown where only one scheme has the tensor."""


@dataclass(frozen=True)
class Difference:
    """One thing that two schemes do differently.

    Attributes:
        name: The parameter, as the first scheme calls it (the second, if only that has it).
        what: "shape", "dtype", "law", "layout", "stream", "parts", or "missing" where only one scheme has it; of a
            part, "law of [0:64, :]".
        first: What the first scheme says.
        second: What the second says.
    """

    name: str
    what: str
    first: str
    second: str


class SchemeDiff(Sequence[Difference]):
    """The differences of two schemes: empty, and so false, where there are none; printed, a table.

    Attributes:
        uncompared: Tensors that follow no law in both schemes, by the same note: whether they are equal is not known.
    """

    def __init__(self, differences: Sequence[Difference], uncompared: Sequence[str] = ()) -> None:
        self._differences = tuple(differences)
        self.uncompared: Final = tuple(uncompared)

    def __len__(self) -> int:
        return len(self._differences)

    @overload
    def __getitem__(self, index: int) -> Difference: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Difference]: ...

    def __getitem__(self, index: int | slice) -> Difference | Sequence[Difference]:
        return self._differences[index]

    def __str__(self) -> str:
        rows = merged(Row(one.name, (one.what, one.first, one.second)) for one in self)
        text = columns([("name", "what", "first", "second", ""), *rows]) if self else "no difference"
        if not self.uncompared:
            return text
        more = f" and {len(self.uncompared) - _FEW} more" if len(self.uncompared) > _FEW else ""
        return f"{text}\nnot compared, since they follow no law: {', '.join(self.uncompared[:_FEW])}{more}"

    def __repr__(self) -> str:
        return f"<fanin.models.SchemeDiff of {len(self)} differences>"


def diff(a: Scheme, b: Scheme, names: Mapping[str, str] | None = None) -> SchemeDiff:
    """Return what two schemes do differently: what changes a weight, and not how a law is written.

    Args:
        a: A scheme.
        b: Another one.
        names: Names of `a` to names of `b`; names that are left out are the same in both. Streams that go by the
            parameters' own names are then the same too.

    Returns:
        A sequence of differences, printed as a table. It is empty, and so false, where both draw the same weights. What
        follows no law is told apart by its note alone, and listed as not compared where that is the same.

    Raises:
        FaninValueError: `names` has a name that a scheme does not have.
        FaninTypeError: `a` or `b` is no scheme, or `names` no mapping of names.

    Example:
        >>> import fanin
        >>> bias = Parameter((4,), "float32", fanin.zeros())
        >>> first = Scheme({"w": Parameter((4, 3), "float32", fanin.random(), layout="OI"), "b": bias})
        >>> second = Scheme({"w": Parameter((4, 3), "float32", fanin.he_normal(), layout="IO")})
        >>> print(diff(first, second))
        name  what     first              second
        w     law      N(0, 0.01^2)       N(0, 0.707107^2)
        w     layout   OI                 IO
        b     missing  every weight is 0
    """
    for scheme in (a, b):
        if not isinstance(scheme, Scheme):
            raise FaninTypeError(f"diff compares two fanin.Scheme values. Received: {type(scheme).__name__}.")
    if names is not None and not isinstance(names, Mapping):
        raise FaninTypeError(f"names must map the first scheme's names to the second's. Received: {names!r}.")
    mapping = dict(names or {})
    for first, second in mapping.items():
        if first not in a or second not in b:
            which, scheme = ("first", a) if first not in a else ("second", b)
            raise FaninValueError(
                f"names maps the first scheme's names to the second's. Received: {first!r}: {second!r}, and the "
                f"{which} scheme has no such parameter.{closest(str(first if which == 'first' else second), scheme)}"
            )
    pairs = {name: mapping.get(name, name) for name in a}
    found: list[Difference] = []
    uncompared: list[str] = []
    for name, other in pairs.items():
        if other in b:
            one, two = a[name].with_streams_of(name), b[other].with_streams_of(other)
            differences = [Difference(name, *texts) for texts in _differences(one, two, mapping)]
            found += differences
            if not (differences or one.follows_laws or two.follows_laws):
                uncompared.append(name)
        else:
            found.append(Difference(name, "missing", _in_brief(a[name]), ""))
    taken = set(pairs.values())
    found += (Difference(name, "missing", "", _in_brief(b[name])) for name in b if name not in taken)
    return SchemeDiff(found, uncompared)


def _differences(one: Parameter, two: Parameter, names: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield what two parameters do differently: what it is, and what each says."""
    if one.shape != two.shape:
        yield "shape", str(one.shape), str(two.shape)
    if one.dtype != two.dtype:
        yield "dtype", one.dtype, two.dtype
    dtype = one.dtype if one.dtype == two.dtype else "float64"
    if _rule(one, dtype) != _rule(two, dtype):
        text = law_text if law_text(one) != law_text(two) else _in_full
        yield "law", text(one), text(two)
    layouts = [layout_text(parameter) or "none" for parameter in (one, two)]
    if layouts[0] != layouts[1] and _order(one, dtype) != _order(two, dtype):
        yield "layout", layouts[0], layouts[1]
    if one.is_random and two.is_random and two.stream not in (one.stream, _renamed(one.stream, names)):
        yield "stream", _stream(one), _stream(two)
    if len(one.parts) != len(two.parts):
        yield "parts", str(len(one.parts)), str(len(two.parts))
        return
    for first, second in zip(one.parts, two.parts, strict=True):
        places = [region_text(part.region, whole.shape) for part, whole in ((first, one), (second, two))]
        if first.region != second.region:
            yield "parts", places[0], places[1]
        for what, left, right in _differences(first.parameter, second.parameter, names):
            if what not in ("shape", "dtype"):  # which the whole and the regions say
                yield f"{what} of [{places[0]}]", left, right


def _rule(parameter: Parameter, dtype: str) -> object:
    """Return what decides the weights, given the words of the stream."""
    if parameter.initializer is None:
        return parameter.note
    real = dtype if dtype in DTYPES else "float64"  # a buffer of integers has a constant
    try:
        return rule_of(parameter.initializer, parameter.geometry, DTYPES[real])
    except FaninError:  # it cannot be drawn
        return parameter.initializer


def _order(parameter: Parameter, dtype: str) -> object:
    """Return what decides which word an element gets; nothing where all elements are equal."""
    if parameter.initializer is None or isinstance(_rule(parameter, dtype), Fill):
        return None
    return parameter.geometry.axes(), parameter.geometry.stack_axis


def _in_brief(parameter: Parameter) -> str:
    """Return the law, or the first words of what computes a tensor, with which nothing is compared."""
    text = law_text(parameter)
    if parameter.initializer is not None or len(text) <= _BRIEF:
        return text
    return f"{text[:_BRIEF].rpartition(' ')[0]} ..."


def _in_full(parameter: Parameter) -> str:
    """Return the law to the last digit, of a parameter whose text in short is also another one's."""
    initializer = parameter.initializer
    if initializer is None:
        return law_text(parameter)
    try:
        fans = initializer.fans(parameter.geometry) if initializer.needs_fans else None
        return f"{initializer.law(fans)}" + (f", {parameter.groups} groups" if parameter.groups > 1 else "")
    except FaninError:
        return str(initializer)


def _renamed(stream: str | tuple[str, ...] | None, names: Mapping[str, str]) -> str | tuple[str, ...] | None:
    """Return a stream, or a stack's, under the second scheme's names."""
    if isinstance(stream, tuple):
        return tuple(str(_renamed(one, names)) for one in stream)
    if stream is None:
        return None
    name, sign, number = stream.rpartition("#")
    return f"{names.get(name, name)}#{number}" if sign and stream not in names else names.get(stream, stream)


def _stream(parameter: Parameter) -> str:
    stream = parameter.stream
    return ", ".join(stream) if isinstance(stream, tuple) else str(stream)
