"""The cases of each law: every initializer, by name and by value, with means, and in every dtype."""

from __future__ import annotations

from typing import Final, get_args

from fanin.conformance.case import Case
from fanin.initializers import ElementLaw, VarianceScaling
from fanin.initializers.names import get_initializer, initializer_names
from fanin.initializers.presets import (
    constant,
    he_normal,
    he_truncated_normal,
    he_uniform,
    normal,
    truncated_normal,
    uniform,
    variance_scaling,
)

__all__ = ["DTYPES", "LAWS", "MEANS"]

_SCALINGS: Final = (
    variance_scaling(2.0, "fan_in", "normal"),
    variance_scaling(1.0, "fan_out", "uniform"),
    variance_scaling(0.5, "fan_avg", "truncated_normal"),
    variance_scaling(3.0, "fan_geo", "normal"),
    variance_scaling(1.7, "fan_geo", "uniform"),
    variance_scaling(0.9, "fan_out", "truncated_normal"),
)


def _is_drawn(name: str) -> bool:
    return isinstance(get_initializer(name), (*get_args(ElementLaw), VarianceScaling))


LAWS: Final = (
    *(Case((7, 11), name, "OI", name="laws.weight") for name in initializer_names() if _is_drawn(name)),
    *(Case((3, 5, 2, 4), scaling, "OIHW", seed=11, name="scaling.weight") for scaling in _SCALINGS),
    Case((4, 3), constant(-0.1), name="bias"),
    Case((13,), uniform(-0.25, 0.25), seed=1),
    Case((13,), normal(std=1.5), seed=2),
    Case((13,), normal(std=1e-9), seed=2),
    Case((13, 3), truncated_normal(std=0.3), seed=3),
    Case((29, 3), truncated_normal(std=0.3, lower=-0.4, upper=1.3), seed=4),
    Case((29, 3), truncated_normal(std=2.0, lower=-9.0, upper=-1.0), seed=5),
    Case((29, 3), truncated_normal(std=1.0, lower=0.0, upper=float("inf")), seed=6),
    Case((29, 3), truncated_normal(std=1.0, lower=2.5, upper=3.0), seed=7),
)

MEANS: Final = (
    Case((31,), uniform(0.0, 1.0), seed=1, name="half-open?"),
    Case((31,), uniform(-0.1, 0.3), seed=2, name="bias"),
    Case((31,), uniform(1000.0, 1000.5), seed=3),
    Case((31,), normal(mean=0.7, std=0.1), seed=4, name="gain"),
    Case((31,), normal(mean=-3.0, std=1e-3), seed=5),
    Case((31,), normal(mean=1.0, std=1e-12), seed=6),
    Case((31, 2), truncated_normal(mean=0.5, std=0.1), seed=7),
    Case((31, 2), truncated_normal(mean=-20.0, std=0.7, lower=-1.0, upper=3.0), seed=8),
    Case((31, 2), normal(mean=0.7, std=0.1), seed=9, dtype="float64"),
    Case((31, 2), uniform(0.2, 0.9), seed=10, dtype="float64"),
    Case((31, 2), normal(mean=1e6, std=1e-9), seed=11, dtype="float64"),
)

DTYPES: Final = tuple(
    Case(shape, initializer, "OI", seed=21, name=f"{dtype}.weight", dtype=dtype)
    for dtype in ("float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
    for shape, initializer in (
        ((17, 9), he_normal()),
        ((17, 9), he_uniform()),
        ((17, 9), he_truncated_normal()),
        ((17, 9), normal(mean=0.3, std=0.05)),
        ((17, 9), normal(mean=0.0, std=2e-5)),
        ((2, 3), constant(0.1)),
    )
)
