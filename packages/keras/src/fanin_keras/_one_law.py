"""A scheme from one law for all layers: what each layer says of its variables, and overrides for the others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Final

from keras import layers

from fanin.exceptions import FaninError, FaninValueError
from fanin.initializers import Constant, Initializer
from fanin.layout import Geometry
from fanin.models import Parameter, Part, Scheme
from fanin_keras._layers import Axes, axes_of, gates_of, is_bias
from fanin_keras._names import Named, dtype_name, shape_of
from fanin_keras._overrides import Override, Overrides
from fanin_keras._record import QUANTISED, own_parameters

__all__ = ["OneLaw", "one_law_scheme"]

_LEFT: Final = "left as it is"


@dataclass(frozen=True)
class OneLaw:
    """One law for all layers.

    Attributes:
        weight: The law of the layers' weights.
        bias: That of their biases; None for the constant that the model's own initializer gives, or zeros.
        overrides: Laws for some variables.
    """

    weight: Initializer
    bias: Initializer | None
    overrides: Overrides


def one_law_scheme(variables: list[Named], given: OneLaw) -> Scheme:
    """Return the scheme of a model whose layers have one law.

    Raises:
        FaninValueError: A variable is not known, an override has no effect, or a law cannot be drawn.
    """
    made, unknown, lost = {}, [], []
    recorded = own_parameters(variables)
    for one in variables:
        own = recorded[one.name]
        if (parameter := _parameter(one, own, given)) is None:
            unknown.append((one, own))
            continue
        made[one.name] = parameter
        if _is_weight(one) and _is_constant(own) and not _is_constant(parameter) and parameter.note != _LEFT:
            lost.append(f"{one.name} ({own.initializer})")
    if unknown:
        raise FaninValueError(_unknown_text(unknown))
    given.overrides.refuse_idle(name for one in variables for name in _piece_names(one))
    if lost:
        warnings.warn(
            f"init_model_ overwrites weights that the model's own initializers make constant: {', '.join(lost[:5])}"
            f"{f' and {len(lost) - 5} more' if len(lost) > 5 else ''}. Keep them by overrides={{name: None}}, or say "
            f"which law they get.",
            stacklevel=3,
        )
    return Scheme(made)


def _is_weight(one: Named) -> bool:
    """Return whether a variable is the kernel of a layer whose axes Keras's own classes state."""
    shape = shape_of(one.variable)
    if is_bias(one.key):
        return False
    is_einsum = isinstance(one.layer, layers.EinsumDense) and one.key == "kernel"
    return is_einsum or axes_of(one.layer, one.key, shape).layout is not None


def _is_constant(parameter: Parameter) -> bool:
    return isinstance(parameter.initializer, Constant)


def _suffixes(one: Named) -> tuple[str, ...]:
    gates, shape = gates_of(one.layer, one.key), shape_of(one.variable)
    return gates if gates and shape[-1] % len(gates) == 0 else ("",)


def _piece_names(one: Named) -> list[str]:
    return [f"{one.name}.{suffix}" if suffix else one.name for suffix in _suffixes(one)]


def _parameter(one: Named, own: Parameter, given: OneLaw) -> Parameter | None:
    """Return what a variable gets, or None if nothing says it."""
    names = _piece_names(one)
    found = [given.overrides.first(one, name) for name in names]
    shape, dtype = shape_of(one.variable), dtype_name(one.variable)
    if all(override is None for override in found):
        if is_bias(one.key):
            return _bias(one, own, given)
        if not _is_weight(one):
            is_kept = _is_constant(own) or not one.variable.trainable
            return own if is_kept else None
    if len(names) > 1 and all(override is found[0] for override in found):
        whole = found[0]
        if whole is not None and (whole.leaves or whole.settings or isinstance(whole.law, Constant)):
            names, found = [one.name], [whole]
    laws = [_law(one, own, override, given) for override in found]
    if (own.note or "").startswith(QUANTISED) and any(laws):
        raise FaninValueError(
            f"{one.name} is {own.note}: no law draws such weights. Initialize the model first, then quantise it."
        )
    if len(names) == 1:
        law = laws[0]
        return Parameter(shape, dtype, note=_LEFT) if law is None else _piece(one, names[0], law, found[0], shape)
    size = shape[-1] // len(names)
    rest = tuple((0, end) for end in shape[:-1])
    parts = tuple(
        Part((*rest, (k * size, (k + 1) * size)), _piece(one, name, law, override, (*shape[:-1], size)))
        for k, (name, law, override) in enumerate(zip(names, laws, found, strict=True))
        if law is not None
    )
    return Parameter(shape, dtype, parts=parts, note=None if len(parts) == len(names) else f"the rest is {_LEFT}")


def _law(one: Named, own: Parameter, override: Override | None, given: OneLaw) -> Initializer | None:
    if override is not None:
        return None if override.leaves else override.law or given.weight
    if not is_bias(one.key):
        return given.weight
    return given.bias or (own.initializer if _is_constant(own) else Constant(0.0))


def _bias(one: Named, own: Parameter, given: OneLaw) -> Parameter | None:
    """Return what a bias gets that no override is for."""
    is_known = isinstance(one.layer, (layers.EinsumDense, layers.Dense)) or bool(gates_of(one.layer, one.key))
    is_known = is_known or axes_of(one.layer, one.key, shape_of(one.variable)).layout is not None
    if not (is_known or isinstance(one.layer, layers.SimpleRNNCell) or given.overrides.know(one) or _is_constant(own)):
        return None
    if given.bias is None:
        return own if _is_constant(own) else Parameter(own.shape, own.dtype, Constant(0.0), own.layout)
    return _piece(one, one.name, given.bias, None, own.shape, "bias")


def _piece(
    one: Named,
    name: str,
    law: Initializer,
    override: Override | None,
    shape: tuple[int, ...],
    source: str = "initialization",
) -> Parameter:
    """Return a variable, or a piece of it, as a parameter that can be drawn.

    Raises:
        FaninError: It cannot; the message names the variable and the argument that asks for it.
    """
    axes: dict[str, Any] = axes_of(one.layer, one.key, shape).arguments
    try:
        if override is not None and override.settings:
            geometry = Geometry.of(shape, **override.settings)
            axes = Axes(geometry.layout, geometry.groups, geometry.transposed, geometry.stride or None).arguments
        made = Parameter(shape, dtype_name(one.variable), law, **axes)
        if made.geometry.stack_axis is not None:
            made = replace(made, stream=tuple(f"{name}.{k}" for k in range(shape[made.geometry.stack_axis])))
        elif name != one.name and made.is_random:
            made = replace(made, stream=name)
        made.plan(name)
    except FaninError as error:
        raise type(error)(f"{name}, from {override or source}: {error}") from error
    return made


def _unknown_text(unknown: list[tuple[Named, Parameter]]) -> str:
    """Return what is said of variables for which no initializer is known."""
    listed = "; ".join(f"{one.name} {own.shape} of {type(one.layer).__name__}" for one, own in unknown)
    usual = ", ".join(
        f'"{one.name}": {"fanin.normal(std=0.02)" if len(own.shape) > 1 else _quoted("ones")}' for one, own in unknown
    )
    return (
        f"no initializer is known for these variables: {listed}. Pass one for each, for example "
        f"overrides={{{usual}}}, or None to leave the variable unchanged."
    )


def _quoted(text: str) -> str:
    return f'"{text}"'
