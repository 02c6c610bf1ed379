"""Draws by the compiled kernels of fanin-kernels, inside of programs that XLA compiles for one CPU device.

The bits are those of XLA's own operations, which everything else uses: other platforms, programs that are partitioned
over several devices, `vmap`, and programs that are exported to other machines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from fanin.environment import chosen, no_kernels
from fanin.layout import Axis

__all__ = ["Drawer", "engine", "is_native", "native"]

Drawer = Callable[[Array, Array, Array], Array]
"""A draw: of the first and the second words of the keys, and the numbers of a plan."""

_SHORT: Final = 64
"""Rows shorter than this are drawn as a grid: as runs, each would have its own first and last block."""

_LONG: Final = 1 << 16
"""Maximum length of a row of a grid, if it has several axes."""

_MOST: Final = 1 << 22
"""Maximum length of a row of a grid, whose offsets are kept in memory."""

_PREFIX: Final = "fanin_draw_"
"""Begins the name under which XLA knows a handler, before the instruction set."""


def is_native() -> bool:
    """Return whether the compiled kernels are to be used where they can: if they are installed, unless turned off.

    Raises:
        FaninValueError: The environment variable FANIN_ENGINE asks for them and they are not installed, or is unknown.
    """
    name = chosen("FANIN_ENGINE", ("auto", "native", "numpy"))
    if name == "numpy":
        return False
    try:
        _target()
    except ImportError as error:  # not installed, or built without its library
        if name == "native":
            raise no_kernels(error) from error
        return False
    return True


def native(
    shape: tuple[int, ...], law: str, dtype: str, axes: tuple[Axis, ...], stack_axis: int | None, otherwise: Drawer
) -> Drawer | None:
    """Return a draw that is the kernels' where they can be used, and XLA's everywhere else; None if it never can.

    Args:
        shape: The array's shape.
        law: The distribution of the lattice.
        dtype: The name of the dtype.
        axes: How the logical index moves; there are some, and no size is 0.
        stack_axis: The one of them that selects the key, or None.
        otherwise: The draw by XLA's own operations, of the same shape and dtype.
    """
    from fanin_kernels import FORMATS, LAWS

    rows = _rows(axes, stack_axis)
    if dtype not in FORMATS or rows is None:
        return None
    mode, outer = rows
    numbers = [(axis.size, axis.stride, axis.period, axis.outer_stride, axis.phase) for axis in axes]
    head = (LAWS[law], FORMATS[dtype], mode, outer, -1 if stack_axis is None else stack_axis, len(axes))
    structure = (*head, *(number for axis in numbers for number in axis))
    return partial(_draw.bind, shape=shape, dtype=dtype, structure=structure, otherwise=otherwise)


def _rows(axes: tuple[Axis, ...], stack_axis: int | None) -> tuple[int, int] | None:
    """Return the way to cut an array into rows and the number of axes that count them; None if there is no good one."""
    from fanin_kernels import MODES

    last, first = len(axes) - 1, 0 if stack_axis is None else stack_axis + 1
    if first > last:
        return None
    if axes[last].stride == 1 and not axes[last].period and (axes[last].size >= _SHORT or first == last):
        return MODES["runs"], last
    for place in range(first, last):  # rows whose indices are an even number and the next one share their blocks
        width = math.prod(axis.size for axis in axes[place + 1 :])
        if axes[place].stride == 1 and _SHORT <= width <= _MOST and _pairs(axes, place):
            return MODES["pairs"], place + 1
    outer, width = last, axes[last].size
    while outer > first and width * axes[outer - 1].size <= _LONG:
        outer -= 1
        width *= axes[outer].size
    return (MODES["grid"], outer) if width <= _MOST else None


def _pairs(axes: tuple[Axis, ...], place: int) -> bool:
    """Return whether the axis of stride 1 at a place has the only odd stride, and begins with an even index."""
    own, others = axes[place], [axis for k, axis in enumerate(axes) if k != place]
    whole = not own.period and own.size % 2 == 0
    return whole and not any(axis.period or axis.stride % 2 for axis in others)


def engine() -> str:
    """Return what draws on one CPU device and on all others, for people: "native (avx2), devices: XLA" or "XLA".

    Raises:
        FaninValueError: As `is_native`.
    """
    return f"native ({_target().removeprefix(_PREFIX)}), devices: XLA" if is_native() else "XLA"


@lru_cache(maxsize=1)
def _target() -> str:
    """Return the name under which XLA knows the handler.

    Raises:
        ImportError: There are no compiled kernels.
    """
    from fanin_kernels import chosen_path, xla_handler

    path = chosen_path()
    name = f"{_PREFIX}{path}"
    capsule = jax.ffi.pycapsule(xla_handler(path))  # type: ignore[no-untyped-call]
    jax.ffi.register_ffi_target(name, capsule, platform="cpu")
    return name


_draw: Final = Primitive("fanin_draw")


def _called(*operands: Array, otherwise: Drawer, **_: Any) -> Array:
    """Draw where nothing is compiled (`jax.disable_jit`)."""
    return otherwise(*operands)


def _shaped(keys: Any, *_: Any, shape: tuple[int, ...], dtype: str, **__: Any) -> Any:
    """Return what is known of the array; what varies over a mesh is what the keys vary over."""
    return keys.update(shape=shape, dtype=jnp.dtype(dtype), weak_type=False)


def _lowered(
    context: mlir.LoweringRuleContext, *operands: Any, structure: tuple[int, ...], otherwise: Drawer, **_: Any
) -> Any:
    """Return a call of the handler, unless the program is not for this one device alone."""
    module = context.module_context
    if getattr(module.axis_context, "num_devices", 0) != 1 or module.lowering_parameters.for_export:
        return _by_xla(context, *operands, otherwise=otherwise)
    call: Callable[..., Sequence[Any]] = jax.ffi.ffi_lowering(_target())
    return call(context, *operands, structure=np.array(structure, np.int64))


def _by_xla(context: mlir.LoweringRuleContext, *operands: Any, otherwise: Drawer, **_: Any) -> Any:
    return mlir.lower_fun(otherwise, multiple_results=False)(context, *operands)


def _batched(operands: Any, places: Any, otherwise: Drawer, **_: Any) -> tuple[Array, int]:
    return jax.vmap(otherwise, in_axes=places)(*operands), 0


_draw.def_impl(_called)  # type: ignore[no-untyped-call]
_draw.def_abstract_eval(_shaped)  # type: ignore[no-untyped-call]
mlir.register_lowering(_draw, _by_xla)
mlir.register_lowering(_draw, _lowered, platform="cpu")
batching.primitive_batchers[_draw] = _batched
