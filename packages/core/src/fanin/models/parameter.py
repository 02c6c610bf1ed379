"""One tensor of a model, as data: what it is, which law its weights follow, and from which stream they come."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fanin.dtypes import dtype_of
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry, check_shape
from fanin.plans import Name, Plan

__all__ = ["OTHER_DTYPES", "Parameter", "Part", "Region", "part_name"]

Region = tuple[tuple[int, int], ...]
"""A hyper-rectangle of a tensor: (start, stop) for each stored axis."""

OTHER_DTYPES: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "complex64", "complex128"}
)
"""Dtypes of buffers that no law draws: a scheme only says that they are there."""


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
        stream: The name of its stream; None for the parameter's own name. A stack (layout with S) has one for each
            slice.
        parts: Regions with a law of their own, drawn after the parameter's own law and in this order.
        note: What computes a tensor that follows no law, and whether a recording can compute it again.

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
        """Bring the attributes to one form, so that equal parameters compare equal."""
        settled: dict[str, Any] = {"shape": check_shape(self.shape), "parts": tuple(self.parts)}
        if self.dtype not in OTHER_DTYPES:
            settled["dtype"] = dtype_of(self.dtype).name
        if self.initializer is not None:
            settled["initializer"] = get_initializer(self.initializer)
        if self.stream is not None and not isinstance(self.stream, str):
            settled["stream"] = tuple(self.stream)
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        geometry = Geometry.of(self.shape, self.layout, self.groups, self.transposed, self.stride)
        if self.stride is not None:
            object.__setattr__(self, "stride", geometry.stride)
        for part in self.parts:
            part.check(self)

    @property
    def geometry(self) -> Geometry:
        """The whole tensor."""
        return Geometry.of(self.shape, self.layout, self.groups, self.transposed, self.stride)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def follows_laws(self) -> bool:
        """Whether every element follows a law, the parameter's or a part's."""
        return self.initializer is not None or (
            self.note is None and sum(part.parameter.size for part in self.parts) >= self.size
        )

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
            raise FaninValueError(f"{name} has no law of its own: {self.note or 'its parts have'}.")
        stream: Name = name if self.stream is None else self.stream
        ranges = None if slices is None else tuple(slice(start, stop) for start, stop in slices)
        return Plan.of(self.initializer, self.geometry, seed=seed, name=stream, dtype=self.dtype, slices=ranges)

    def with_streams_of(self, name: str) -> Parameter:
        """Return the parameter with the streams that it has under a name, whatever it is called from now on."""
        parts = tuple(
            dataclasses.replace(part, parameter=part.parameter.with_streams_of(part_name(name, k)))
            for k, part in enumerate(self.parts)
        )
        return dataclasses.replace(self, stream=name if self.stream is None else self.stream, parts=parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter as plain data, without what is the default."""
        data: dict[str, Any] = {"shape": list(self.shape), "dtype": self.dtype}
        if self.initializer is not None:
            data["law"] = self.initializer.to_dict()
        for field in dataclasses.fields(self)[3:]:
            value = getattr(self, field.name)
            if value != field.default:
                data[field.name] = list(value) if isinstance(value, tuple) else value
        if self.parts:
            data["parts"] = [part.to_dict() for part in self.parts]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameter:
        """Return the parameter that `to_dict` described.

        Raises:
            FaninValueError: A setting is missing, unknown or out of range.
            FaninTypeError: `data` is not a mapping, or a setting has the wrong type.
        """
        if not isinstance(data, Mapping):
            raise FaninTypeError(f"a parameter's data must be a mapping. Received: {data!r}.")
        settings = dict(data)
        if "law" in settings:
            settings["initializer"] = Initializer.from_dict(settings.pop("law"))
        settings["parts"] = tuple(Part.from_dict(part) for part in settings.get("parts", ()))
        names = [field.name for field in dataclasses.fields(cls)]
        if "shape" not in settings or set(settings) - set(names):
            raise FaninValueError(
                f"a parameter's data has a shape, and may have dtype, law, {', '.join(names[3:])}. Received: "
                f"{', '.join(data) or 'nothing'}."
            )
        return cls(**settings)


def part_name(name: str, number: int) -> str:
    """Return what a part's stream is called where the part does not say: "attn.in_proj_weight#0"."""
    return f"{name}#{number}"


@dataclass(frozen=True)
class Part:
    """A region of a packed parameter that is a tensor of its own: the queries of a projection, a gate, a padding row.

    Attributes:
        region: Which elements of the parameter: (start, stop) for each stored axis.
        parameter: The region as a parameter, with the region's shape, a law, and the name of its stream.
    """

    region: Region
    parameter: Parameter

    def check(self, whole: Parameter) -> None:
        """Refuse a region that is not within the whole, or is not what its own parameter says.

        Raises:
            FaninValueError: The region leaves the whole, or its shape or dtype is another.
        """
        inside = len(self.region) == len(whole.shape) and all(
            0 <= start <= stop <= size for (start, stop), size in zip(self.region, whole.shape, strict=True)
        )
        sizes = tuple(stop - start for start, stop in self.region)
        if not inside or (sizes, whole.dtype) != (self.parameter.shape, self.parameter.dtype):
            raise FaninValueError(
                f"a part has a region (start, stop) per axis within its parameter, and its shape and dtype. Received: "
                f"region {self.region} of shape {whole.shape} in {whole.dtype}, for a part of shape "
                f"{self.parameter.shape} in {self.parameter.dtype}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the part as plain data; its shape and dtype follow from the region and the whole."""
        data = self.parameter.to_dict()
        return {"region": [list(ends) for ends in self.region], **data}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Part:
        """Return the part that `to_dict` described.

        Raises:
            FaninValueError: A setting is missing, unknown or out of range.
        """
        settings = dict(data)
        region = settings.pop("region", None)
        if region is None:
            raise FaninValueError(f"a part's data has a region. Received: {', '.join(data)}.")
        return cls(tuple((int(start), int(stop)) for start, stop in region), Parameter.from_dict(settings))
