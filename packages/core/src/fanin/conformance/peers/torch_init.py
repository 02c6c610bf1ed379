"""torch.nn.init, each function against the formula of its docstring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import init

from fanin.conformance.adapter import Adapter, NotClaimed
from fanin.initializers import (
    Constant,
    Dirac,
    Identity,
    Initializer,
    MatrixInitializer,
    Normal,
    Orthogonal,
    Sparse,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = ["TorchInit"]

_SEEDS: Final = 1 << 64
_KAIMING: Final = {2.0: ("relu", 0.0), 1.0: ("linear", 0.0), 1.6: ("leaky_relu", 0.5)}
"""Gains squared, and the nonlinearity and slope that `calculate_gain` documents for them."""


class TorchInit(Adapter):
    """torch.nn.init on the CPU, with a torch.Generator.

    Its fans are documented for a weight (out, in, *kernel); of groups, strides and transposed convolutions, and of
    streams by name, the documentation says nothing.
    """

    name = f"torch.nn.init {torch.__version__}"
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
        """Return what the function that is documented to give the law fills a tensor with."""
        if transposed or (groups != 1 and not isinstance(initializer, Dirac)):
            raise NotClaimed("torch.nn.init documents fans for ordinary layers only")
        if initializer.needs_fans and (layout is None or not layout.startswith("OI") or "O" in layout[1:]):
            raise NotClaimed("torch.nn.init documents fans for the layout (out, in, *kernel) only")
        tensor = torch.empty(shape, dtype=getattr(torch, dtype))
        generator = torch.Generator().manual_seed(seed % _SEEDS)
        if isinstance(initializer, MatrixInitializer):
            _fill_matrix(tensor, initializer, layout or "", groups, generator)
        else:
            _fill(tensor, initializer, generator)
        wide = tensor.float() if dtype == "bfloat16" else tensor
        return np.asarray(wide.numpy())


def _fill(tensor: torch.Tensor, law: Initializer, generator: torch.Generator) -> None:
    if isinstance(law, Constant):
        if law.value in (0.0, 1.0):
            (init.ones_ if law.value else init.zeros_)(tensor)
        else:
            init.constant_(tensor, law.value)
    elif isinstance(law, Normal):
        init.normal_(tensor, law.mean, law.std, generator=generator)
    elif isinstance(law, Uniform):
        init.uniform_(tensor, law.low, law.high, generator=generator)
    elif isinstance(law, TruncatedNormal):
        std = law.parent_std
        low, high = law.mean + law.lower * std, law.mean + law.upper * std
        init.trunc_normal_(tensor, law.mean, std, low, high, generator=generator)
    else:
        assert isinstance(law, VarianceScaling)
        _fill_scaled(tensor, law, generator)


def _fill_scaled(tensor: torch.Tensor, law: VarianceScaling, generator: torch.Generator) -> None:
    if law.distribution == "truncated_normal":
        raise NotClaimed("torch.nn.init has no truncated variance scaling")
    normal = law.distribution == "normal"
    if law.mode == "fan_avg":
        fill = init.xavier_normal_ if normal else init.xavier_uniform_
        fill(tensor, gain=math.sqrt(law.scale), generator=generator)
        return
    if law.mode == "fan_geo":
        raise NotClaimed("torch.nn.init has no geometric mean of fans")
    if law.scale not in _KAIMING:
        raise NotClaimed(f"torch.nn.init has no gain √{law.scale:g}")
    nonlinearity, slope = _KAIMING[law.scale]
    kaiming: Any = init.kaiming_normal_ if normal else init.kaiming_uniform_
    kaiming(tensor, a=slope, mode=law.mode, nonlinearity=nonlinearity, generator=generator)


def _fill_matrix(tensor: torch.Tensor, law: Initializer, layout: str, groups: int, generator: torch.Generator) -> None:
    if "S" in layout:
        raise NotClaimed("torch.nn.init documents no stacks")
    if isinstance(law, Orthogonal):
        if not layout.startswith("O") and layout != "IO":
            raise NotClaimed("torch.nn.init.orthogonal_ is documented to flatten the trailing dimensions")
        if tensor.dtype in (torch.float16, torch.bfloat16):
            raise NotClaimed(f"torch has no QR decomposition in {tensor.dtype} on the CPU")
        init.orthogonal_(tensor, law.gain, generator=generator)
        return
    if layout != "OI" and not (isinstance(law, Dirac) and layout.startswith("OI") and "O" not in layout[1:]):
        raise NotClaimed(f"torch.nn.init documents {law.kind} for (out, in, *kernel) only")
    if isinstance(law, Sparse):
        init.sparse_(tensor, law.sparsity, law.std, generator=generator)
        return
    if not isinstance(law, Identity | Dirac) or law.gain != 1:
        raise NotClaimed("torch.nn.init has no delta_orthogonal, and no gain of eye_ and dirac_")
    if isinstance(law, Identity):
        init.eye_(tensor)
    elif any(size % 2 == 0 for size in tensor.shape[2:]):
        raise NotClaimed("torch.nn.init.dirac_ does not document which tap of an even kernel is its centre")
    else:
        init.dirac_(tensor, groups)
