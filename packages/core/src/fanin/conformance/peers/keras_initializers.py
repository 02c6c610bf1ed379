"""keras.initializers, each against its docstring, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from keras import initializers

from fanin.conformance.adapter import Adapter, NotClaimed
from fanin.initializers import (
    Constant,
    Identity,
    Initializer,
    MatrixInitializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = ["KerasInitializers"]

_DISTRIBUTIONS: Final = {
    "normal": "untruncated_normal",
    "truncated_normal": "truncated_normal",
    "uniform": "uniform",
}


class KerasInitializers(Adapter):
    """keras.initializers with an integer seed.

    Its fans are the products of `input_axes` and of `output_axes`, so that a kernel's axes belong to both. Of groups,
    strides and stacks the documentation says nothing, and streams by name are the caller's.
    """

    name = f"keras.initializers {keras.__version__} on {keras.backend.backend()}"
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
        if groups != 1 or transposed or "S" in (layout or ""):
            raise NotClaimed("keras.initializers documents fans for ordinary layers only")
        if dtype == "float64" and keras.backend.backend() == "jax":
            raise NotClaimed("float64 needs jax_enable_x64, which is off")
        matrix = isinstance(initializer, MatrixInitializer)
        try:
            made = (_matrix if matrix else _initializer)(initializer, layout or "", seed)
            tensor = made(shape, dtype=dtype)
        except OverflowError as error:
            raise NotClaimed(f"seed {seed:#x} is refused: {error}") from error
        except (NotImplementedError, TypeError) as error:
            raise NotClaimed(f"keras.initializers.Orthogonal is refused in {dtype} by the backend's QR") from error
        wide = keras.ops.cast(tensor, "float32") if dtype == "bfloat16" else tensor
        return np.asarray(keras.ops.convert_to_numpy(wide))


def _initializer(law: Initializer, layout: str, seed: int) -> Any:
    if isinstance(law, Constant):
        if law.value in (0.0, 1.0):
            return initializers.Ones() if law.value else initializers.Zeros()
        return initializers.Constant(law.value)
    if isinstance(law, Normal):
        return initializers.RandomNormal(law.mean, law.std, seed=seed)
    if isinstance(law, Uniform):
        return initializers.RandomUniform(law.low, law.high, seed=seed)
    if isinstance(law, TruncatedNormal):
        if (law.lower, law.upper) != (-2.0, 2.0):
            raise NotClaimed("keras.initializers.TruncatedNormal is documented for two standard deviations")
        return initializers.TruncatedNormal(law.mean, law.parent_std, seed=seed)
    assert isinstance(law, VarianceScaling)
    if law.mode == "fan_geo":
        raise NotClaimed("keras.initializers has no geometric mean of fans")
    axes = {channel: [k for k, letter in enumerate(layout) if letter in f"{channel}DHW"] for channel in "IO"}
    return initializers.VarianceScaling(
        law.scale,
        law.mode,
        _DISTRIBUTIONS[law.distribution],
        seed=seed,
        input_axes=axes["I"],
        output_axes=axes["O"],
    )


def _matrix(law: Initializer, layout: str, seed: int) -> Any:
    if isinstance(law, Identity):
        return initializers.Identity(law.gain)
    if not isinstance(law, Orthogonal):
        raise NotClaimed(f"keras.initializers has no {law.kind}")
    if not layout.endswith("O") and len(layout) != 2:
        raise NotClaimed("keras.initializers.Orthogonal is documented to flatten all dimensions but the last")
    return initializers.Orthogonal(law.gain, seed=seed)
