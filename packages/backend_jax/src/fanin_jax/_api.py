"""The functions for JAX users: `initializer` for the layers of a model, and `init` for one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.layout import check_shape
from fanin.numbered_axes import Axes
from fanin.plans import Name, Plan, Slices
from fanin.stream.keys import seed_words
from fanin_jax._axes import NumberedAxes, counted_by
from fanin_jax._backend import JaxBackend, check_sharding
from fanin_jax._draw import draw
from fanin_jax._elements import Words
from fanin_jax._x64 import has_float64

__all__ = ["KeyedInitializer", "init", "initializer"]

_BACKEND: Final = JaxBackend()

_DEFAULT_LAYOUTS: Final = {2: "IO", 3: "WIO", 4: "HWIO", 5: "DHWIO"}
"""How JAX's libraries store dense and convolution kernels, by number of axes."""


def init(
    shape: Sequence[int] | int,
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name = None,
    dtype: object = "float32",
    device: object = None,
    slices: Slices = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> jax.Array:
    """Return a new JAX array of initial weights: `fanin.init` with this backend and JAX's layouts.

    Args:
        shape: Shape of the whole tensor as it is stored.
        initialization: A name or a `fanin.Initializer`.
        layout: One letter per axis. None for JAX's usual layout: IO, WIO, HWIO or DHWIO for 2 to 5 axes; with other
            numbers of axes there is no usual layout.
        seed: An integer in [0, 2^64).
        name: The parameter's name; with an S in the layout, a list of names.
        dtype: "float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", or a JAX dtype. float64
            needs no configuration.
        device: A `jax.Device`, a `jax.sharding.Sharding`, or "cpu", "gpu" or "tpu"; None for JAX's default.
        slices: Draw only this part.
        groups: Number of groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Stride of the transposed convolution.

    Returns:
        A `jax.Array` of that shape (that of the part, if there is one) and dtype.

    Raises:
        FaninValueError: As `fanin.init`.
        FaninTypeError: As `fanin.init`.

    Example:
        >>> kernel = init((64, 256), "he", seed=0, name="fc.weight")
        >>> kernel.shape, float(kernel[0, 0])
        ((64, 256), -0.0567663311958313)
    """
    return fanin.init(  # type: ignore[no-any-return]
        shape,
        initialization,
        layout=_layout(layout, shape),
        seed=seed,
        name=name,
        dtype=dtype,
        backend=_BACKEND,
        device=device,
        slices=slices,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )


def initializer(
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int | None = None,
    name: Name = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes | None = None,
) -> KeyedInitializer:
    """Return an initializer like those of `jax.nn.initializers`, a function of (key, shape, dtype).

    The two words of the key are the key of the stream, so `initializer("he")(jax.random.key(s), shape)` equals
    `fanin_jax.init(shape, "he", seed=s)` for a seed s below 2^32. With a name, the key and the name select the stream
    in the same way as there. The bits are the same eagerly, under `jit`, under `vmap` over keys, and with any sharding.

    With a seed, the key is not looked at: the weights are those of `fanin_jax.init` with this seed and name, whatever
    key the library makes for the layer. A library makes it from the layer's place in the model or from the order of
    calls, so that it changes when a layer is added.

    Orthogonal matrices come from a QR decomposition in float64, whatever the configuration. On a TPU it is in
    float32, with the wider of the specification's two tolerances.

    Args:
        initialization: A name or a `fanin.Initializer`.
        layout: One letter per axis; None for IO, WIO, HWIO or DHWIO, depending on the number of axes.
        seed: An integer in [0, 2^64) to use instead of the key; None to use the key.
        name: The parameter's name, if one key or one seed is used for several parameters; with an S in the layout, a
            list of names. With a seed and random weights it must be given.
        groups: Number of groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Stride of the transposed convolution.
        in_axis: One in-axis or several, instead of a layout, as in `jax.nn.initializers.variance_scaling`; -2 if it is
            None and one of the next two is given. Axes not named by any of the three are spatial; at most three may be.
            (JAX's profiles also count fans by these axes; other frameworks' profiles use the layout that they imply.)
        out_axis: One out-axis or several, likewise; -1 by default.
        batch_axis: Axes that are in no fan, likewise; none by default. Their positions are the slices of a stack: the
            slice at flat position k (C order) has the weights that the key and the name "0", "1", ..., str(k) give
            without batch axes; with a list of names, those of the k-th name. (JAX draws the whole array from one
            stream, so its slices have no such meaning.)

    Returns:
        A callable that takes (key, shape, dtype=float32, out_sharding=None). Equal settings give equal callables.

    Raises:
        FaninValueError: The initialization is unknown, both a layout and axes are given, or a seed is out of range or
            comes without a name. (Axes that overlap or that the shape does not have are rejected when the shape is
            known.)
        FaninTypeError: It is neither a name nor an initializer, or an axis is not a whole number.

    Example:
        >>> kernel_init = initializer("he_uniform")
        >>> jax.jit(kernel_init, static_argnums=1)(jax.random.key(0), (3, 3, 16, 32)).shape
        (3, 3, 16, 32)
        >>> kernel_init = initializer("he", seed=0, name="fc.kernel")
        >>> bool((kernel_init(jax.random.key(7), (64, 32)) == init((64, 32), "he", seed=0, name="fc.kernel")).all())
        True
        >>> experts = initializer("he", in_axis=1, out_axis=2, batch_axis=0)(jax.random.key(0), (8, 64, 256))
        >>> bool((experts[3] == initializer("he", name="3")(jax.random.key(0), (64, 256))).all())
        True
    """
    chosen = fanin.get_initializer(initialization)
    if seed is not None:
        seed_words(seed)
        if name is None and chosen.is_random:
            raise FaninValueError(
                f"with seed=, each parameter needs a name, since equal names give equal weights. Received: "
                f'seed={seed} and name=None. Pass, for example, name="fc.kernel", or leave the seed to the key.'
            )
    return KeyedInitializer(
        chosen,
        layout,
        tuple(name) if isinstance(name, Sequence) and not isinstance(name, str) else name,
        groups,
        transposed,
        tuple(stride) if isinstance(stride, Sequence) else stride,
        NumberedAxes.of(layout, in_axis, out_axis, batch_axis),
        None if seed is None else int(seed),
    )


@dataclass(frozen=True)
class KeyedInitializer:
    """An initializer with all settings except the key, the shape and the dtype; see `initializer`."""

    initialization: Initializer
    layout: str | None = None
    name: str | tuple[str, ...] | None = None
    groups: int = 1
    transposed: bool = False
    stride: int | tuple[int, ...] | None = None
    axes: NumberedAxes | None = None
    seed: int | None = None

    def __call__(self, key: Any, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        """Return the weights of one parameter.

        Args:
            key: One threefry key, from `jax.random.key` or `jax.random.PRNGKey`. With a seed, anything.
            shape: Shape of the parameter.
            dtype: Its dtype; None for float32.
            out_sharding: How to shard it: a `jax.sharding.Sharding`, or a `PartitionSpec` under a mesh.

        Raises:
            FaninValueError: The key is not a single threefry key, float64 is not enabled under a trace, or
                `fanin.plan` rejects an argument.
            FaninTypeError: An argument has the wrong type.
        """
        if self.seed is None:
            _check_key(key)
        if self.axes is not None:
            return self._with_axes(self.axes, key, check_shape(shape), dtype, out_sharding)
        plan = fanin.plan(
            shape,
            self.initialization,
            layout=_layout(self.layout, shape),
            name=self.name,
            dtype=jnp.float32 if dtype is None else dtype,
            groups=self.groups,
            transposed=self.transposed,
            stride=self.stride,
        )
        if plan.dtype == "float64" and isinstance(key, jax.core.Tracer) and not has_float64():
            raise FaninValueError(
                'float64 under jit or vmap needs 64-bit types in the whole program. Received: dtype "float64" with '
                'jax_enable_x64 off. Call jax.config.update("jax_enable_x64", True), or draw outside of jit and vmap.'
            )
        if isinstance(out_sharding, Sharding):
            check_sharding(out_sharding, plan.shape)
        words = key if self.seed is None else np.array(seed_words(self.seed), np.uint32)
        return _resharded(draw(plan, words, _counters(plan), sharding=out_sharding, merge=False), out_sharding)

    def _with_axes(
        self, axes: NumberedAxes, key: Any, shape: tuple[int, ...], dtype: Any, out_sharding: Any
    ) -> jax.Array:
        layout = axes.layout(len(shape))
        name = self.name
        if "S" in layout and name is None:
            name = tuple(map(str, range(axes.count(shape))))
        joined_shape, joined_layout = axes.joined(shape) if layout.count("S") > 1 else (shape, layout)
        counted = counted_by(joined_layout, self.initialization)
        one = replace(self, initialization=counted, layout=joined_layout, name=name, axes=None)
        if joined_layout == layout:
            return one(key, shape, dtype, out_sharding)
        weights = axes.split(one(key, joined_shape, dtype), shape)
        if out_sharding is not None:
            weights = jax.jit(lambda array: array, out_shardings=out_sharding)(weights)
        return _resharded(weights, out_sharding)


def _resharded(weights: jax.Array, sharding: Any) -> jax.Array:
    """Return weights that have the sharding in their type as well, where the type includes it."""
    if sharding is not None and isinstance(weights, jax.core.Tracer) and _mesh_is_explicit():
        return jax.sharding.reshard(weights, sharding)  # type: ignore[no-any-return, no-untyped-call]
    return weights


def _mesh_is_explicit() -> bool:
    """Return whether the type of a traced array includes its sharding here, so that the compiler cannot choose it."""
    return bool(jax.sharding.get_abstract_mesh().explicit_axes)


def _layout(layout: str | None, shape: Sequence[int] | int) -> str | None:
    return _DEFAULT_LAYOUTS.get(len(check_shape(shape))) if layout is None else layout


def _counters(plan: Plan) -> Words | None:
    return None if plan.counters is None else np.array(plan.counters, np.uint32).reshape(-1, 2)


def _check_key(key: Any) -> None:
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    if dtype is None or shape is None:
        raise FaninTypeError(
            f"key must be a JAX key. Received: {key!r} of type {type(key).__name__}. Use jax.random.key(seed)."
        )
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        kind, batch = str(jax.random.key_impl(key)), tuple(shape)
    else:
        raw = dtype == np.uint32 and tuple(shape[-1:]) == (2,)
        kind, batch = "threefry2x32" if raw else f"{dtype}{list(shape)}", tuple(shape[:-1])
    if kind != "threefry2x32":
        raise FaninValueError(
            f"key must be a threefry2x32 key, since its two uint32 words are the key of the specification's stream. "
            f'Received: {kind}. Use jax.random.key(seed, impl="threefry2x32").'
        )
    if batch:
        raise FaninValueError(
            f"key must be a single key. Received: keys of shape {batch}. Use jax.vmap, or one call per key."
        )
