"""The layouts of a model's parameters: what its layers say, or how its forward pass uses them.

Linen and Haiku initialise a model by running it, so that the trace shows which axes of a kernel a product sums over.
NNX and Equinox make layers that are objects, and know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from fanin.exceptions import FaninError
from fanin.layout import Geometry

__all__ = ["layer_geometry", "used_geometries"]

_KERNELS: Final = {1: "W", 2: "HW", 3: "DHW"}


def layer_geometry(layer: Any, attribute: str, shape: tuple[int, ...]) -> Geometry | None:
    """Return what the axes of a layer's parameter are; None where the layer is not known."""
    for module, describe in (("flax.nnx", _of_nnx), ("equinox", _of_equinox)):
        library = sys.modules.get(module)
        if library is not None and (found := describe(library, layer, attribute)) is not None:
            return _checked(found, shape)
    return None


@dataclass(frozen=True, slots=True)
class _Roles:
    """The axes of one parameter, without its size; None in place of letters where its uses contradict each other."""

    letters: str | None
    groups: int = 1
    stride: tuple[int, ...] | None = None


def _of_nnx(nnx: Any, layer: Any, attribute: str) -> _Roles | None:
    if attribute != "kernel":
        return None
    if isinstance(layer, nnx.Linear):
        return _Roles("IO")
    if isinstance(layer, nnx.LinearGeneral):
        batch, inputs, outputs = (
            len(value) if hasattr(value, "__len__") else 1
            for value in (layer.batch_axis, layer.in_features, layer.out_features)
        )
        return _Roles("I" * inputs + "O" * outputs) if not batch else None
    if isinstance(layer, nnx.Conv):
        spatial = len(layer.kernel_size) if isinstance(layer.kernel_size, Sequence) else 1
        return _Roles(f"{_KERNELS[spatial]}IO", int(layer.feature_group_count)) if spatial in _KERNELS else None
    if isinstance(layer, nnx.ConvTranspose):
        spatial = len(layer.kernel_size) if isinstance(layer.kernel_size, Sequence) else 1
        stride = layer.strides if layer.strides is not None else 1
        steps = (stride,) * spatial if isinstance(stride, int) else tuple(stride)
        letters = "OI" if layer.transpose_kernel else "IO"
        return _Roles(f"{_KERNELS[spatial]}{letters}", 1, steps) if spatial in _KERNELS else None
    return None


def _of_equinox(equinox: Any, layer: Any, attribute: str) -> _Roles | None:
    if attribute != "weight":
        return None
    if isinstance(layer, equinox.nn.Linear):
        whole = layer.in_features != "scalar" and layer.out_features != "scalar"
        return _Roles("OI") if whole else None
    if isinstance(layer, equinox.nn.ConvTranspose) and layer.num_spatial_dims in _KERNELS:
        stride = tuple(layer.stride) if layer.groups == 1 else None
        return _Roles(f"OI{_KERNELS[layer.num_spatial_dims]}", 1, stride) if stride else None
    if isinstance(layer, equinox.nn.Conv) and layer.num_spatial_dims in _KERNELS:
        return _Roles(f"OI{_KERNELS[layer.num_spatial_dims]}", int(layer.groups))
    return None


def _checked(roles: _Roles, shape: tuple[int, ...]) -> Geometry | None:
    """Return the axes of a parameter of some shape; with one axis more, the first is a stack's."""
    letters = roles.letters
    if letters is None:
        return None
    if len(shape) == len(letters) + 1 and "S" not in letters:
        letters = f"S{letters}"
    try:
        return Geometry.of(shape, letters, roles.groups, roles.stride is not None, roles.stride)
    except FaninError:
        return None


def used_geometries(jaxpr: Jaxpr) -> dict[int, Geometry]:
    """Return what the axes of a traced function's results are, by their number, where its products use them."""
    _, results = _roles(jaxpr, [None] * len(jaxpr.outvars))
    found: dict[int, Geometry] = {}
    for k, (var, roles) in enumerate(zip(jaxpr.outvars, results, strict=True)):
        if roles is not None and (geometry := _checked(roles, _shape(var))) is not None:
            found[k] = geometry
    return found


Maybe = _Roles | None


def _roles(jaxpr: Jaxpr, seeds: Sequence[Maybe]) -> tuple[list[Maybe], list[Maybe]]:
    """Return the axes of a jaxpr's arguments and results.

    Args:
        jaxpr: The jaxpr.
        seeds: What is known of its results from their use outside of it.
    """
    found: dict[Any, _Roles] = {}

    def note(atom: Any, roles: Maybe) -> None:
        if roles is None or isinstance(atom, Literal):
            return
        old = found.get(atom)
        found[atom] = roles if old is None or old == roles else _Roles(None)

    for atom, seed in zip(jaxpr.outvars, seeds, strict=True):
        note(atom, seed)
    for eqn in reversed(jaxpr.eqns):
        _uses(eqn, found, note)
    for eqn in jaxpr.eqns:  # a result that was moved after it was used
        same = _same(eqn)
        if same is not None and not isinstance(eqn.invars[0], Literal) and eqn.outvars[0] not in found:
            before = found.get(eqn.invars[0])
            moved = same[0](before) if before is not None else None
            if moved is not None:
                found[eqn.outvars[0]] = moved
    return [found.get(var) for var in jaxpr.invars], [
        None if isinstance(atom, Literal) else found.get(atom) for atom in jaxpr.outvars
    ]


def _uses(eqn: JaxprEqn, found: dict[Any, _Roles], note: Callable[[Any, Maybe], None]) -> None:
    """Note what an operation says of the axes of what it takes, and of what it makes."""
    name, params = eqn.primitive.name, eqn.params
    if name == "dot_general":
        for operand, (contract, batch) in enumerate(zip(*params["dimension_numbers"], strict=True)):
            shape = _shape(eqn.invars[operand])
            letters = "".join("S" if k in batch else "I" if k in contract else "O" for k in range(len(shape)))
            note(eqn.invars[operand], _Roles(letters) if len(batch) <= 1 and contract else None)
        return
    if name == "conv_general_dilated":
        note(eqn.invars[1], _convolved(eqn))
        return
    same = _same(eqn)
    if same is not None:
        back = found.get(eqn.outvars[0])
        note(eqn.invars[0], same[1](back) if back is not None else None)
        return
    inner = next((params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params), None)
    body = inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner
    if not isinstance(body, Jaxpr) or len(body.invars) != len(eqn.invars) or len(body.outvars) != len(eqn.outvars):
        return
    carried = params["num_carry"] if name == "scan" else 0
    constant = params["num_consts"] if name == "scan" else 0
    seeds = [found.get(var) for var in eqn.outvars]
    if name == "scan":
        seeds = [None if k < carried else _unstacked(seed) for k, seed in enumerate(seeds)]
    inputs, outputs = _roles(body, seeds)
    for k, (atom, roles) in enumerate(zip(eqn.invars, inputs, strict=True)):
        note(atom, _stacked(roles) if name == "scan" and k >= constant + carried else roles)
    for k, (var, roles) in enumerate(zip(eqn.outvars, outputs, strict=True)):
        if roles is not None and var not in found:
            made = _stacked(roles) if name == "scan" and k >= carried else roles
            if made is not None:
                found[var] = made


def _shape(atom: Any) -> tuple[int, ...]:
    return tuple(atom.aval.shape)


def _stacked(roles: Maybe) -> Maybe:
    if roles is None or roles.letters is None or "S" in roles.letters:
        return None
    return replace(roles, letters=f"S{roles.letters}")


def _unstacked(roles: Maybe) -> Maybe:
    if roles is None or roles.letters is None or not roles.letters.startswith("S"):
        return None
    return replace(roles, letters=roles.letters[1:])


def _convolved(eqn: JaxprEqn) -> Maybe:
    """Return the axes of a convolution's kernel."""
    params, kernel = eqn.params, _shape(eqn.invars[1])
    spec = params["dimension_numbers"].rhs_spec
    if len(spec) - 2 not in _KERNELS or params.get("batch_group_count", 1) != 1:
        return None
    letters = [""] * len(kernel)
    for axis, letter in zip(spec, "OI" + _KERNELS[len(spec) - 2], strict=True):
        letters[axis] = letter
    groups, dilation = params["feature_group_count"], tuple(params["lhs_dilation"])
    if all(step == 1 for step in dilation):
        return _Roles("".join(letters), groups)
    return _Roles("".join(letters), 1, dilation) if groups == 1 else None


def _same(eqn: JaxprEqn) -> tuple[Callable[[_Roles], Maybe], Callable[[_Roles], Maybe]] | None:
    """Return how axes go through an operation that only moves elements, forwards and backwards; None for another."""
    name = eqn.primitive.name
    if name in ("convert_element_type", "copy", "copy_p", "stop_gradient", "sharding_constraint", "reduce_precision"):
        return (lambda roles: roles), (lambda roles: roles)
    if name == "transpose":
        axes = eqn.params["permutation"]

        def moved(roles: _Roles, order: Sequence[int]) -> Maybe:
            if roles.letters is None:
                return None
            return replace(roles, letters="".join(roles.letters[k] for k in order))

        back = sorted(range(len(axes)), key=lambda k: axes[k])
        return (lambda roles: moved(roles, axes)), (lambda roles: moved(roles, back))
    return None
