"""One tensor of a model, as data: what it is, which law its weights follow, and from which stream they come."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from fanin._checks import whole_number
from fanin.dtypes import DTYPES, dtype_of
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Constant, Initializer
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry, check_shape
from fanin.plans import Name, Plan, Run

__all__ = ["OTHER_DTYPES", "Parameter", "Part", "Region", "packed_regions", "part_name"]

Region = tuple[tuple[int, int], ...]
"""A hyper-rectangle of a tensor: (start, stop) for each stored axis."""

OTHER_DTYPES: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "complex64", "complex128"}
)
"""Dtypes of buffers that no law draws: a scheme only says that they are there."""


_OF_RECORDINGS: Final = ("random", "unknown")
"""How the notes of a recording begin, where a constructor that is called again computes something else."""


@dataclass(frozen=True)
class Parameter:
    """One parameter or buffer of a model: what `fanin.init` takes for one tensor, without the seed.

    Attributes:
        shape: The shape of the whole tensor, as it is stored.
        dtype: The name of its dtype.
        initializer: The law of its weights, by name or as a value; None where it has none of its own: its parts have
            one each, or `note` says what computes it.
        layout: One letter per stored axis, or None for plain C order.
        groups: Groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Strides of the transposed convolution, or None.
        stream: The name of its stream; None for the parameter's own name. A stack (layout with S) has one per slice,
            and none of its own.
        parts: Regions with a law of their own, drawn after the parameter's own law and in this order.
        note: What computes a tensor that follows no law. A recording's note begins with "computed" for a table without
            random numbers, "random" for what the recording can compute again, or "unknown".

    Raises:
        FaninValueError: A layout or a part does not fit the shape, or a setting is out of range.
        FaninTypeError: A setting has the wrong type.

    Example:
        >>> import fanin
        >>> Parameter((256, 64), "float32", fanin.he_normal(), layout="OI").plan("fc.weight").rule.factor * 2.0**28
        0.1767766922712326
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    initializer: Initializer | None = None
    layout: str | None = None
    groups: int = 1
    transposed: bool = False
    stride: tuple[int, ...] | None = None
    stream: str | tuple[str, ...] | None = None
    parts: tuple[Part, ...] = ()
    note: str | None = None

    def __post_init__(self) -> None:
        """Check the attributes, and bring them to one form, so that equal parameters compare equal."""
        self._settle("shape", check_shape(self.shape))
        self._settle("dtype", _dtype_name(self.dtype))
        if self.initializer is not None:
            self._settle("initializer", get_initializer(self.initializer))
            if self.dtype in OTHER_DTYPES and not _is_whole(self.initializer):
                raise FaninValueError(
                    f"a law draws real floating-point numbers. Received: {self.initializer} for dtype {self.dtype}. "
                    f"Accepted: {', '.join(DTYPES)}; a constant that is a whole number; or initializer=None, and note= "
                    f"says what computes the tensor."
                )
        geometry = self.geometry
        if self.stride is not None:
            self._settle("stride", geometry.stride)
        self._settle("groups", geometry.groups)
        self._settle("stream", _streams(self.stream, geometry))
        if self.note is not None and not isinstance(self.note, str):
            raise FaninTypeError(f"note must be text or None. Received: {self.note!r}.")
        parts: object = self.parts
        if not isinstance(parts, (tuple, list)) or not all(isinstance(part, Part) for part in parts):
            raise FaninTypeError(f"parts must be a sequence of fanin.models.Part. Received: {parts!r}.")
        self._settle("parts", tuple(parts))
        for part in self.parts:
            part.check(self)

    def _settle(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @cached_property
    def geometry(self) -> Geometry:
        """The whole tensor."""
        return Geometry.of(self.shape, self.layout, self.groups, self.transposed, self.stride)

    @cached_property
    def run(self) -> Run | None:
        """What draws it as a whole, if its own law fills it from one stream and in its order, and it has no parts."""
        if self.initializer is None or self.parts or self.dtype in OTHER_DTYPES or self.geometry.stack_axis is not None:
            return None
        return Run.of(self.plan(None))

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def is_random(self) -> bool:
        """Whether its own law is random, so that its stream matters."""
        return self.initializer is not None and self.initializer.is_random

    @property
    def needs_recording(self) -> bool:
        """Whether it follows no law, and nothing but the recording that it comes from could compute it again."""
        return self.note is not None and self.note.startswith(_OF_RECORDINGS)

    @property
    def follows_laws(self) -> bool:
        """Whether every element follows a law, the parameter's or a part's."""
        if not all(part.parameter.follows_laws for part in self.parts):
            return False
        if self.initializer is not None:
            return True
        return self.note is None and _covered([part.region for part in self.parts], self.shape)

    def plan(self, name: str | None, seed: int = 0, slices: Region | None = None) -> Plan:
        """Return the plan of the parameter's own law, without its parts.

        Args:
            name: The parameter's name, which is its stream's unless `stream` is another.
            seed: An integer in [0, 2^64).
            slices: Which part of the tensor, or None for the whole.

        Raises:
            FaninValueError: It has no law of its own, or the law cannot be drawn for the tensor.
        """
        if self.initializer is None:
            reason = self.note or ("its parts have" if self.parts else "none was stated")
            raise FaninValueError(f"{name} has no law of its own: {reason}.")
        stream: Name = name if self.stream is None else self.stream
        if self.stream is None and not self.is_random and self.geometry.stack_axis is not None:
            stream = None  # a stack's slices have no names where they need none
        ranges = None if slices is None else tuple(slice(start, stop) for start, stop in slices)
        return Plan.of(self.initializer, self.geometry, seed=seed, name=stream, dtype=self.dtype, slices=ranges)

    def with_streams_of(self, name: str) -> Parameter:
        """Return the parameter with the streams that it has under a name, whatever it is called from now on."""
        parts = tuple(
            dataclasses.replace(part, parameter=part.parameter.with_streams_of(part_name(name, k)))
            for k, part in enumerate(self.parts)
        )
        own = self.stream is None and self.is_random and self.geometry.stack_axis is None
        return dataclasses.replace(self, stream=name if own else self.stream, parts=parts)

    def with_dtype(self, dtype: str) -> Parameter:
        """Return the parameter, and its parts, in another dtype."""
        if dtype == self.dtype:
            return self
        parts = tuple(dataclasses.replace(part, parameter=part.parameter.with_dtype(dtype)) for part in self.parts)
        return dataclasses.replace(self, dtype=dtype, parts=parts)


def _is_whole(initializer: Initializer) -> bool:
    return isinstance(initializer, Constant) and initializer.value.is_integer()


def part_name(name: str, number: int) -> str:
    """Return what a part's stream is called where the part does not say: "attn.in_proj_weight#0"."""
    return f"{name}#{number}"


def packed_regions(whole: Parameter, sizes: Sequence[int]) -> list[Region] | None:
    """Return the regions that pieces of some sizes fill, one after the other along the first out-axis; None if none.

    A tensor without a layout is packed along its first axis.
    """
    axis = 0 if whole.layout is None else whole.layout.find("O")
    if not whole.size or axis < 0 or whole.groups > 1 or whole.transposed:
        return None
    step = whole.size // whole.shape[axis]
    ends = list(itertools.accumulate(sizes, initial=0))
    if ends[-1] != whole.size or any(end % step for end in ends):
        return None
    full = tuple((0, size) for size in whole.shape)
    return [(*full[:axis], (a // step, b // step), *full[axis + 1 :]) for a, b in itertools.pairwise(ends)]


@dataclass(frozen=True)
class Part:
    """A region of a packed parameter that is a tensor of its own: the queries of a projection, a gate, a padding row.

    Attributes:
        region: Which elements of the parameter: (start, stop) for each stored axis.
        parameter: The region as a parameter, with the region's shape, a law, and the name of its stream.
    """

    region: Region
    parameter: Parameter

    def __post_init__(self) -> None:
        """Check the types, and bring the region to one form."""
        if not isinstance(self.parameter, Parameter):
            raise FaninTypeError(f"a part has a fanin.Parameter. Received: {self.parameter!r}.")
        try:
            ends = tuple((start, stop) for start, stop in self.region)
        except (TypeError, ValueError) as error:
            raise FaninTypeError(f"a part's region has (start, stop) per axis. Received: {self.region!r}.") from error
        whole = tuple(tuple(whole_number(end, "an end of a part's region", 0) for end in pair) for pair in ends)
        object.__setattr__(self, "region", whole)

    def check(self, whole: Parameter) -> None:
        """Refuse a region that is not within the whole, or is not what its own parameter says.

        Raises:
            FaninValueError: The region leaves the whole, or its shape or dtype is another.
        """
        inside = len(self.region) == len(whole.shape) and all(
            start <= stop <= size for (start, stop), size in zip(self.region, whole.shape, strict=True)
        )
        sizes = tuple(stop - start for start, stop in self.region)
        if not inside or (sizes, whole.dtype) != (self.parameter.shape, self.parameter.dtype):
            raise FaninValueError(
                f"a part has a region (start, stop) per axis within its parameter, and its shape and dtype. Received: "
                f"region {self.region} of shape {whole.shape} in {whole.dtype}, for a part of shape "
                f"{self.parameter.shape} in {self.parameter.dtype}."
            )


def _dtype_name(dtype: object) -> str:
    """Return the name of a dtype of weights or of buffers.

    Raises:
        FaninValueError: It is neither.
        FaninTypeError: It is no dtype.
    """
    name = dtype if isinstance(dtype, str) else str(getattr(dtype, "name", dtype)).removeprefix("torch.")
    return name if name in OTHER_DTYPES else dtype_of(dtype).name


def _streams(stream: object, geometry: Geometry) -> str | tuple[str, ...] | None:
    """Return the name of a stream, or those of a stack's slices.

    Raises:
        FaninTypeError: It is neither text nor, for a stack, a sequence of it.
        FaninValueError: A stack has another number of slices.
    """
    axis = geometry.stack_axis
    if stream is None or (axis is None and isinstance(stream, str)):
        return stream
    names = () if isinstance(stream, (str, bytes)) or not isinstance(stream, Iterable) else tuple(stream)
    if axis is None or not all(isinstance(name, str) for name in names) or (not names and geometry.shape[axis]):
        wanted = "text" if axis is None else f"a sequence of {geometry.shape[axis]} names, one per slice of the stack,"
        raise FaninTypeError(f"stream must be {wanted} or None. Received: {stream!r} for layout {geometry.layout!r}.")
    if len(names) != geometry.shape[axis]:
        raise FaninValueError(
            f"layout {geometry.layout!r} stacks {geometry.shape[axis]} slices. Received: {len(names)} names of "
            f"streams. Pass one per slice."
        )
    return names


def _covered(regions: list[Region], shape: tuple[int, ...]) -> bool:
    """Return whether regions, which may overlap, have every element of a shape."""
    cuts = [sorted({0, size, *(end for region in regions for end in region[k])}) for k, size in enumerate(shape)]
    cells: Iterator[Region] = itertools.product(*map(itertools.pairwise, cuts))
    return all(
        any(
            all(start <= low < stop for (low, _), (start, stop) in zip(cell, region, strict=True)) for region in regions
        )
        for cell in cells
    )
