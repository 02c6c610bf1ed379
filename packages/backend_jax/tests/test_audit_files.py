"""An audit of trees of Flax and of folders of Orbax: a fault is found, named and alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jax
import numpy as np
import pytest
from flax import linen

import fanin
from fanin_jax import record

pytest.importorskip("orbax.checkpoint")


class Model(linen.Module):
    """Two layers and a norm."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        """Apply them."""
        x = linen.relu(linen.Dense(96, kernel_init=linen.initializers.normal(0.02))(x))
        return linen.LayerNorm()(linen.Dense(64)(x))


def made(key: Any) -> Any:
    return Model().init(key, jax.numpy.ones((1, 48)))


def in_memory(tree: Any, folder: Path) -> object:
    return jax.tree.map(jax.numpy.asarray, tree)


def orbax(tree: Any, folder: Path) -> object:
    import orbax.checkpoint as ocp

    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(folder / "step", tree)
    return folder / "step"


def nan(layers: Any) -> None:
    layers["Dense_1"]["kernel"][3, 4] = np.nan


def gain(layers: Any) -> None:
    layers["Dense_0"]["kernel"] *= 2**0.5


def copied(layers: Any) -> None:
    layers["Dense_1"]["kernel"][9] = layers["Dense_1"]["kernel"][4]


def scaled(layers: Any) -> None:
    layers["LayerNorm_0"]["scale"][...] = 0.5


FAULTS: Final[dict[str, tuple[Callable[[Any], None], list[tuple[str, str]]]]] = {
    "nothing": (lambda layers: None, []),
    "NaN": (nan, [("nan", "params.Dense_1.kernel")]),
    "a gain": (gain, [("std", "params.Dense_0.kernel")]),
    "equal rows": (copied, [("equal rows", "params.Dense_1.kernel")]),
    "a norm's scale": (scaled, [("constant", "params.LayerNorm_0.scale")]),
}


@pytest.mark.parametrize("where", [in_memory, orbax])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, where: Callable[[Any, Path], object], tmp_path: Path) -> None:
    plant, expected = FAULTS[fault]
    tree = jax.tree.map(np.array, made(jax.random.key(3)))
    plant(tree["params"])
    report = fanin.audit(where(tree, tmp_path), record(made))
    assert [(one.kind, one.parameters[0]) for one in report.findings] == expected, str(report)
