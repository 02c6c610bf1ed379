"""A scheme from one law for all layers: what each layer says of its parameters, and overrides for the others."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from fanin.exceptions import FaninError, FaninValueError
from fanin.initializers import Constant, Initializer, MatrixInitializer
from fanin.layout import Geometry
from fanin.models import Parameter, Part, Scheme
from fanin_torch._constants import Constants
from fanin_torch._dtypes import dtype_name
from fanin_torch._layers import Role, buffer_start, role_of
from fanin_torch._names import Named
from fanin_torch._overrides import Override, Overrides, is_bias
from fanin_torch._record.ref import Ref
from fanin_torch._writable import check_named

__all__ = ["OneLaw", "one_law_scheme"]

LEFT = "left as it is"
"""The note of what an override leaves unchanged."""


@dataclass(frozen=True)
class OneLaw:
    """One law for all layers.

    Attributes:
        weight: The law of the layers' weights.
        bias: That of their biases; None for zeros, or the constant that the model has set.
        overrides: Laws for some parameters.
        constants: What the model has set.
    """

    weight: Initializer
    bias: Initializer | None
    overrides: Overrides
    constants: Constants


@dataclass(frozen=True)
class _Piece:
    """A parameter, or one of several that are packed into it: its law, its axes, and the argument that says so.

    Attributes:
        name: The name of its stream.
        law: Its law; None where it stays as it is.
        geometry: Its axes.
        source: The argument that the law comes from; nothing where no argument says one.
        is_stated: Whether the argument states the axes.
    """

    name: str
    law: Initializer | None
    geometry: Geometry | None
    source: str
    is_stated: bool = False


def one_law_scheme(tensors: list[Named], given: OneLaw) -> Scheme:
    """Return the scheme of a module whose layers have one law.

    Raises:
        FaninValueError: A parameter is not known, an override has no effect, or a law cannot be drawn.
    """
    roles = {id(one): _role(one) for one in tensors if not one.is_buffer}
    made: dict[str, Parameter] = {}
    unknown: list[Named] = []
    for one in tensors:
        pieces = list(_pieces(one, roles.get(id(one)), given))
        if one.is_buffer:
            made.update(_buffer(one, given.overrides))
        elif any(piece.source == "" for piece in pieces):
            unknown.append(one)
        else:
            made[one.names[0]] = _parameter(one, pieces)
    if unknown:
        if all(_is_shapeless(one) for one in unknown):
            check_named(unknown[0].names[0], unknown[0].tensor)
        raise FaninValueError(_unknown_text(unknown))
    given.overrides.refuse_idle(name for one in tensors for name in one.names)
    _refuse_overlaps([one for one in tensors if not one.is_buffer and made[one.names[0]].note != LEFT])
    return Scheme(made)


def _refuse_overlaps(written: list[Named]) -> None:
    """Refuse different parameters that lie in the same memory, of which only the last one would have its own weights.

    Raises:
        FaninValueError: Two do.
    """
    memory: dict[int, list[Named]] = {}
    for one in written:
        if not one.tensor.is_meta and not hasattr(one.tensor, "device_mesh"):
            memory.setdefault(one.tensor.untyped_storage()._cdata, []).append(one)
    for shared in memory.values():
        if len(shared) == 1:
            continue
        refs = [(one.names[0], Ref.of(one.tensor)) for one in shared]
        for (first, ref), (second, other) in itertools.combinations(refs, 2):
            if ref.overlaps(other):
                raise FaninValueError(
                    f"{first} and {second} are different parameters in the same memory, so that each would overwrite "
                    f"the other. Make them one parameter (layer.weight = other.weight), or leave one as it is: "
                    f'overrides={{"{second}": None}}.'
                )


def _role(one: Named) -> Role | None:
    """Return what a parameter is to the layers that have it.

    Raises:
        FaninValueError: They read it differently.
    """
    if _is_shapeless(one) or one.tensor.is_nested:
        return None
    roles = {role_of(owner, key, one.tensor) for owner, key in one.places}
    if None in roles:
        return None
    if len(roles) > 1:
        owners = ", ".join(dict.fromkeys(type(owner).__name__ for owner, _ in one.places))
        raise FaninValueError(
            f"{one.names[0]} is shared by layers that read it differently ({owners}; {', '.join(one.names)}). State "
            f'its law and its axes: overrides={{"{one.names[0]}": {{"initialization": "he", "layout": "OI"}}}}.'
        )
    return roles.pop()


def _pieces(one: Named, role: Role | None, given: OneLaw) -> Iterator[_Piece]:
    """Yield what a parameter's pieces get: one piece for the whole, unless its layer packs several into it."""
    if one.is_buffer:
        return
    shape, aliases = tuple(one.tensor.shape) if role is not None else None, [*one.names, *one.paths]
    suffixes = role.pieces if role is not None and role.pieces else ("",)
    found = [given.overrides.first(one, [*aliases, *(f"{name}.{s}" for name in aliases if s)]) for s in suffixes]
    first = found[0]
    if first is not None and first.settings and all(override is first for override in found):
        suffixes = ("",)  # its axes are those of the whole
    for suffix, override in zip(suffixes, found, strict=False):
        size = None if shape is None else (shape[0] // len(suffixes), *shape[1:]) if suffix else shape
        yield _piece(f"{one.stream}.{suffix}" if suffix else one.stream, one, role, override, given, size)


def _piece(
    name: str, one: Named, role: Role | None, override: Override | None, given: OneLaw, shape: tuple[int, ...] | None
) -> _Piece:
    geometry = role.geometry if role is not None else None
    if override is not None and override.leaves:
        return _Piece(name, None, None, str(override))
    if override is not None:
        stated = _stated(one, override, shape) if override.settings else geometry
        return _Piece(name, override.law or given.weight, stated, str(override), bool(override.settings))
    if role is None and not (is_bias(one) and given.overrides.know(one)):
        return _Piece(name, None, None, "")
    if role is not None and role.start is not None:
        return _Piece(name, _kept(one, role.start, True, given) or Constant(role.start), geometry, "its layer")
    if role is None or role.is_bias:
        kept = None if given.bias else _kept(one, 0.0, False, given)
        return _Piece(name, kept or given.bias or Constant(0.0), geometry, "bias")
    return _Piece(name, _kept(one, None, False, given) or given.weight, geometry, "initialization")


def _kept(one: Named, usual: float | None, is_scale: bool, given: OneLaw) -> Initializer | None:
    value = given.constants.keep(one, usual, is_scale)
    return None if value is None else Constant(value)


def _stated(one: Named, override: Override, shape: tuple[int, ...] | None) -> Geometry:
    """Return the axes that an override states.

    Raises:
        FaninError: They do not fit the parameter.
    """
    try:
        return Geometry.of(tuple(one.tensor.shape) if shape is None else shape, **override.settings)
    except FaninError as error:
        raise type(error)(f"{one.names[0]}, from {override}: {error}") from error


def _parameter(one: Named, pieces: list[_Piece]) -> Parameter:
    """Return what a scheme says of a parameter, checked: the whole, or its pieces as parts."""
    check_named(one.names[0], one.tensor)
    if one.tensor.is_meta and any(piece.law is None for piece in pieces):
        raise FaninValueError(
            f"{one.names[0]} is on the meta device, where nothing can be left as it is. State its initializer."
        )
    shape, dtype = tuple(one.tensor.shape), dtype_name(one.tensor.dtype)
    if len(pieces) == 1:
        return _checked(one, pieces[0], shape, dtype)
    step = shape[0] // len(pieces)
    rest = tuple((0, size) for size in shape[1:])
    parts = tuple(
        Part(((k * step, (k + 1) * step), *rest), _checked(one, piece, (step, *shape[1:]), dtype))
        for k, piece in enumerate(pieces)
        if piece.law is not None
    )
    if not parts:
        return Parameter(shape, dtype, note=LEFT)
    same = all(not part.parameter.is_random and part.parameter == parts[0].parameter for part in parts)
    if len(parts) == len(pieces) and isinstance(parts[0].parameter.initializer, Constant) and same:
        return Parameter(shape, dtype, parts[0].parameter.initializer)
    return Parameter(shape, dtype, parts=parts, note=None if len(parts) == len(pieces) else f"the rest is {LEFT}")


def _is_shapeless(one: Named) -> bool:
    return bool(is_lazy(one.tensor))


def _checked(one: Named, piece: _Piece, shape: tuple[int, ...], dtype: str) -> Parameter:
    """Return a piece as a parameter that can be drawn.

    Raises:
        FaninError: It cannot; the message names the parameter and the argument that asks for it.
    """
    if piece.law is None:
        return Parameter(shape, dtype, note=LEFT)
    axes: dict[str, Any] = {}
    if (geometry := piece.geometry) is not None:
        stride = geometry.stride if geometry.transposed else None
        axes = {"layout": geometry.layout, "groups": geometry.groups, "transposed": geometry.transposed}
        axes["stride"] = stride
    try:
        known = piece.is_stated or (geometry is not None and "I" in str(geometry.layout))
        if not known and (piece.law.needs_fans or isinstance(piece.law, MatrixInitializer)):
            raise FaninValueError(_without_axes(one, piece))
        made = _made(shape, dtype, piece.law, **axes)
        if made.geometry.stack_axis is not None:
            count = shape[made.geometry.stack_axis]
            made = replace(made, stream=tuple(f"{piece.name}.{k}" for k in range(count)))
            made.plan(piece.name)
        elif piece.name != one.names[0] and made.is_random:
            made = replace(made, stream=piece.name)
    except FaninError as error:
        raise type(error)(f"{piece.name}, from {piece.source}: {error}") from error
    return made


@lru_cache(maxsize=1024)
def _made(shape: tuple[int, ...], dtype: str, law: Initializer, **axes: Any) -> Parameter:
    """Return a parameter whose law can be drawn: the same for all layers that are alike, which a network has many of.

    Raises:
        FaninError: It cannot.
    """
    made = Parameter(shape, dtype, law, **axes)
    if made.geometry.stack_axis is None:
        made.plan(None)
    return made


def _without_axes(one: Named, piece: _Piece) -> str:
    owners = ", ".join(dict.fromkeys(type(owner).__name__ for owner, _ in one.places))
    example = {2: "OI", 3: "SOI", 4: "OIHW"}.get(one.tensor.ndim)
    state = f'State them: {{"initialization": ..., "layout": "{example}"}}, or use' if example else "Use"
    narrower = ", or a pattern that excludes the parameter" if piece.source.startswith("overrides") else ""
    return (
        f"{piece.law} needs in- and out-axes, and those of a parameter of shape {tuple(one.tensor.shape)} in "
        f'{owners} are not known. {state} an initializer without fans, such as "zeros", "ones" or '
        f"fanin.normal(std=0.02){narrower}."
    )


def _buffer(one: Named, overrides: Overrides) -> Iterable[tuple[str, Parameter]]:
    """Yield what a buffer gets: the statistics of normalization layers are set back, all others stay.

    Raises:
        FaninValueError: It has no values that could stay.
    """
    starts = {buffer_start(owner, key) for owner, key in one.places}
    start = starts.pop() if len(starts) == 1 else None
    if start is None:
        if one.tensor.is_meta:
            raise FaninValueError(
                f"{one.names[0]} is a buffer on the meta device, whose values only the constructor computes. Record "
                f"them: with fanin_torch.record(draw=False) as recording: model = ...; "
                f"fanin_torch.init_module_(model, recording.scheme(model)), or fanin_torch.build(...)."
            )
        return
    override = overrides.first(one, [*one.names, *one.paths])
    if override is None or not override.leaves:
        yield one.names[0], Parameter(tuple(one.tensor.shape), dtype_name(one.tensor.dtype), Constant(start))


def _unknown_text(unknown: list[Named]) -> str:
    """Return what is said of parameters for which no initializer is known."""
    listed = "; ".join(
        f"{one.names[0]} {_shape(one)} of {', '.join(dict.fromkeys(type(owner).__name__ for owner, _ in one.places))}"
        for one in unknown
    )
    usual: dict[str, str] = {}
    for one in unknown:
        usual.setdefault(_usual_start(one), one.names[0])
    example = ", ".join(f'"{key}": {start}' for start, key in usual.items())
    return (
        f"no initializer is known for these parameters: {listed}. Pass one for each, for example "
        f"overrides={{{example}}}, or None to leave the parameter unchanged."
    )


def _shape(one: Named) -> str:
    if _is_shapeless(one):
        return "without a shape yet"
    return "of nested tensors" if one.tensor.is_nested else str(tuple(one.tensor.shape))


def _usual_start(one: Named) -> str:
    """Return the usual initializer of a parameter that is not known, as a caller would write it."""
    owner: nn.Module = one.places[0][0]
    name, layer = one.names[0].rpartition(".")[2].lower(), type(owner).__name__.lower()
    if one.tensor.ndim > 1:
        return "fanin.normal(std=0.02)"
    if re.search("layer_?scale", layer + " " + name):
        return "fanin.constant(1e-5)"
    return '"zeros"' if re.search("bias|beta|shift", name) else '"ones"'
