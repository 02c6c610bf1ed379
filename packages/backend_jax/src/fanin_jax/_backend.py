"""The backend: plans in, JAX arrays out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, Sharding, SingleDeviceSharding

from fanin.contract import Capabilities, Description
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import RULES
from fanin_jax._draw import draw
from fanin_jax._native import engine

__all__ = ["JaxBackend", "check_sharding"]


class JaxBackend:
    """Draws plans as JAX arrays, with functions that XLA compiles once per structure.

    It keeps no state except the compiled functions, and does not change JAX's configuration, default device or default
    dtype. A float64 plan is drawn in float64 whether or not `jax_enable_x64` is set.

    Example:
        >>> import fanin
        >>> weight = fanin.init((256, 64), "he", layout="OI", name="fc.weight", backend="jax")
        >>> weight.shape, weight.dtype.name, float(weight[0, 0])
        ((256, 64), 'float32', -0.0567663311958313)
    """

    name = "jax"
    SPEC_VERSION = 1
    capabilities = Capabilities(
        dtypes=frozenset(DTYPES), devices=("cpu", "gpu", "tpu"), jit=True, level="exact", rules=RULES
    )

    @property
    def engine(self) -> str:
        """What draws on one CPU device and on all others, for people: "native (avx2), devices: XLA" or "XLA"."""
        return engine()

    def draw(self, plan: Plan, *, device: Any = None) -> jax.Array:
        """Return the array that `plan` describes. With a sharding, each device computes only its own part.

        Args:
            plan: The plan.
            device: A `jax.Device`, a `jax.sharding.Sharding`, or the name of a platform ("cpu", "gpu", "tpu") for its
                first device; None for JAX's default device.

        Raises:
            FaninValueError: The device is unknown or not available, or the sharding does not divide the shape.
            FaninTypeError: `device` is none of these.
        """
        sharding = None if device is None else _sharding(device, plan.shape)
        keys = np.array(plan.keys, np.uint32).reshape(-1, 2)
        return draw(plan, keys, sharding=sharding, merge=sharding is None or len(sharding.device_set) == 1)

    def tobytes(self, array: jax.Array) -> bytes:
        """Return the elements of a JAX array as little-endian bytes, in C order of its stored axes."""
        elements = np.asarray(array)
        return (elements if sys.byteorder == "little" else elements.byteswap()).tobytes()

    def describe(self, array: jax.Array) -> Description:
        """Return the shape and the name of the dtype of a JAX array."""
        return Description(tuple(array.shape), array.dtype.name)

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return the function compiled by `jax.jit`."""
        made: Callable[[], Any] = jax.jit(function)
        return made


def check_sharding(sharding: Sharding, shape: tuple[int, ...]) -> None:
    """Reject a sharding that does not fit the shape, with a `FaninValueError`."""
    try:
        if isinstance(sharding, NamedSharding) and len(sharding.spec) > len(shape):
            raise ValueError(f"it has {len(sharding.spec)} axes")
        sharding.shard_shape(shape)
    except ValueError as error:
        raise FaninValueError(
            f"the sharding does not divide shape {shape}: {error}. Received: {sharding}. Use one that has no more axes "
            f"than the shape and splits it into equal parts."
        ) from error


def _sharding(device: object, shape: tuple[int, ...]) -> Sharding:
    if isinstance(device, jax.Device):
        return SingleDeviceSharding(device)
    if isinstance(device, Sharding):
        check_sharding(device, shape)
        return device
    if isinstance(device, str):
        try:
            return SingleDeviceSharding(jax.devices(device)[0])
        except RuntimeError as error:
            here = ", ".join(sorted({found.platform for found in jax.devices()}))
            raise FaninValueError(
                f'unknown device {device!r}. Accepted: None, a jax.Device, a jax.sharding.Sharding, or "cpu", "gpu" or '
                f'"tpu" if JAX has one. Available here: {here}.'
            ) from error
    raise FaninTypeError(
        f"device must be None, a jax.Device, a jax.sharding.Sharding or a platform's name. Received: {device!r} of "
        f"type {type(device).__name__}. Pass, for example, jax.devices()[0]."
    )
