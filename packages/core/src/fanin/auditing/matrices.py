"""Weights against laws of whole matrices: orthogonal, sparse, identity."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fanin.auditing.context import Context
from fanin.auditing.findings import Finding
from fanin.auditing.reading import Reading
from fanin.auditing.units import Unit
from fanin.exceptions import FaninError
from fanin.initializers import MatrixInitializer
from fanin.models.table import law_text
from fanin.testing import assert_follows
from fanin.weights import float32_of

__all__ = ["against_matrix"]

_LARGEST: Final = 1 << 24
"""Elements of a matrix that is decomposed: 4096 x 4096."""


def against_matrix(found: Reading, unit: Unit, context: Context) -> tuple[str, list[Finding]]:
    """Return the verdict of a unit whose law makes matrices, and its faults.

    Args:
        found: The tensor.
        unit: The unit.
        context: The audit.
    """
    parameter = unit.parameter
    assert parameter is not None
    assert isinstance(unit.law, MatrixInitializer)
    shown = law_text(parameter)
    if unit.summary.is_constant:
        evidence = {"value": unit.summary.low, "law": shown}
        cause = f"is {unit.summary.low:.6g} everywhere, where the law is {shown}"
        return f"constant {unit.summary.low:.6g}", [
            Finding("error", "constant", (found.name,), cause, evidence, context.line(unit))
        ]
    if parameter.size > _LARGEST or not found.tensor.is_whole:
        return f"not judged, too large for {shown}", []
    array = float32_of(found.tensor.read(unit.region), found.tensor.dtype).reshape(parameter.shape)
    if parameter.geometry.stack_axis is not None or (parameter.groups > 1 and unit.law.is_random):
        return f"not judged: {shown}", []
    settings: dict[str, Any] = {"groups": parameter.groups, "transposed": parameter.transposed}
    if parameter.transposed:
        settings["stride"] = parameter.stride
    try:
        assert_follows(_of_dtype(array, found.tensor.dtype), unit.law, parameter.layout, context.alpha, **settings)
    except FaninError:
        return f"not judged: {shown}", []
    except AssertionError as error:
        why = str(error).partition(": ")[2].rstrip(".")
        std = float(np.std(array))
        cause = f"is not {shown}: {why}"
        numbers = {"law": shown, "std": std}
        return f"not {shown}", [Finding("error", "matrix", (found.name,), cause, numbers, context.line(unit))]
    return f"follows {shown}", []


def _of_dtype(array: Any, dtype: str) -> Any:
    """Return numbers in the dtype that they were stored in, where NumPy has it."""
    return array.astype(dtype) if dtype in ("float16", "float64") else array
