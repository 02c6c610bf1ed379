"""jax.nn.initializers, each against its docstring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import jax
import numpy as np
import numpy.typing as npt
from jax.nn import initializers

from fanin.conformance.adapter import Adapter, NotClaimed
from fanin.initializers import (
    Constant,
    DeltaOrthogonal,
    Initializer,
    MatrixInitializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = ["JaxInitializers"]

_MODES: Final = {"fan_in": "fan_in", "fan_out": "fan_out", "fan_avg": "fan_avg", "fan_geo": "fan_geo_avg"}


class JaxInitializers(Adapter):
    """jax.nn.initializers, with jax.random.key(seed).

    Its fans follow the axes that the caller names; of groups and strides the documentation says nothing, and streams
    by name are the caller's.
    """

    name = f"jax.nn.initializers {jax.__version__}"
    named = False

    def sample(
        self,
        initializer: Initializer,
        shape: tuple[int, ...],
        *,
        layout: str | None,
        seed: int,
        name: str | Sequence[str] | None = None,
        dtype: str = "float32",
        groups: int = 1,
        transposed: bool = False,
        stride: int | tuple[int, ...] | None = None,
    ) -> npt.NDArray[Any]:
        """Return what the initializer that is documented to give the law draws."""
        if groups != 1 or transposed:
            raise NotClaimed("jax.nn.initializers documents fans for ordinary layers only")
        if dtype == "float64" and not jax.config.read("jax_enable_x64"):  # type: ignore[no-untyped-call]
            raise NotClaimed("float64 needs jax_enable_x64, which is off")
        try:
            key = jax.random.key(seed)
        except OverflowError as error:
            raise NotClaimed(f"seed {seed:#x} is refused: {error}") from error
        if isinstance(initializer, MatrixInitializer):
            array = _matrix(initializer, layout or "", shape, dtype)(key, shape, dtype)
        else:
            array = _initializer(initializer, layout or "")(key, shape, dtype)
        return np.asarray(array.astype("float32") if dtype == "bfloat16" else array)


def _initializer(law: Initializer, layout: str) -> Callable[..., jax.Array]:
    if isinstance(law, Constant):
        if law.value in (0.0, 1.0):
            return initializers.ones if law.value else initializers.zeros
        return initializers.constant(law.value)
    if isinstance(law, Normal):
        if law.mean:
            raise NotClaimed("jax.nn.initializers.normal has mean 0")
        return initializers.normal(law.std)
    if isinstance(law, Uniform):
        if law.low:
            raise NotClaimed("jax.nn.initializers.uniform is documented for [0, scale)")
        return initializers.uniform(law.high)
    if isinstance(law, TruncatedNormal):
        if law.mean:
            raise NotClaimed("jax.nn.initializers.truncated_normal has mean 0")
        return initializers.truncated_normal(law.parent_std, lower=law.lower, upper=law.upper)
    assert isinstance(law, VarianceScaling)
    axes = {letter: tuple(k for k, other in enumerate(layout) if other == letter) for letter in "IOS"}
    scaled: Any = initializers.variance_scaling
    made: Callable[..., jax.Array] = scaled(
        law.scale, _MODES[law.mode], law.distribution, in_axis=axes["I"], out_axis=axes["O"], batch_axis=axes["S"]
    )
    return made


def _matrix(law: Initializer, layout: str, shape: tuple[int, ...], dtype: str) -> Callable[..., jax.Array]:
    if not isinstance(law, Orthogonal | DeltaOrthogonal):
        raise NotClaimed(f"jax.nn.initializers has no {law.kind}")
    if "S" in layout or layout.count("O") != 1:
        raise NotClaimed("jax.nn.initializers documents one axis of columns, and all others flattened")
    if dtype in ("float16", "bfloat16"):
        raise NotClaimed(f"jax has no QR decomposition in {dtype}")
    if isinstance(law, Orthogonal):
        made: Callable[..., jax.Array] = initializers.orthogonal(law.gain, column_axis=layout.index("O"))
        return made
    if not layout.endswith("IO"):
        raise NotClaimed("jax.nn.initializers.delta_orthogonal is for kernels (*kernel, in, out)")
    if any(size % 2 == 0 for size in shape[:-2]):
        raise NotClaimed("jax.nn.initializers does not document which tap of an even kernel is its centre")
    delta: Callable[..., jax.Array] = initializers.delta_orthogonal(law.gain)
    return delta
