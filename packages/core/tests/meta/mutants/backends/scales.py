"""Wrong scales: the plan's factor is changed before it is drawn."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fanin_toy import Array, ToyBackend

from fanin.initializers import VarianceScaling
from fanin.plans import Plan
from fanin.plans.rules import Draw

from .record import Mutant


def _scaled(factor: Callable[[Plan], float]) -> Callable[[], ToyBackend]:
    """Return a backend whose variance-scaled weights are too wide by a factor."""

    class Scaled(ToyBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            if isinstance(plan.rule, Draw) and isinstance(plan.initializer, VarianceScaling) and plan.size:
                wrong = np.array(plan.rule.factor * factor(plan), plan.compute)
                plan = dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, factor=float(wrong)))
            return super().draw(plan, device=device)

    return Scaled


def _count(plan: Plan, letters: str) -> int:
    sizes = zip(plan.geometry.shape, plan.geometry.layout or "", strict=True)
    return math.prod(size for size, letter in sizes if letter in letters)


def _kernel(plan: Plan) -> int:
    return _count(plan, "DHW")


def _mode(plan: Plan) -> str:
    assert isinstance(plan.initializer, VarianceScaling)
    return plan.initializer.mode


def _gain(plan: Plan) -> float:
    assert isinstance(plan.initializer, VarianceScaling)
    return plan.initializer.scale


def _distribution(plan: Plan) -> str:
    assert isinstance(plan.initializer, VarianceScaling)
    return plan.initializer.distribution


def _fans_swapped(plan: Plan) -> float:
    fans, mode = plan.geometry.fans(), _mode(plan)
    return {"fan_in": math.sqrt(fans.fan_in / fans.fan_out), "fan_out": math.sqrt(fans.fan_out / fans.fan_in)}.get(
        mode, 1
    )


def _fan_out_without_kernel(plan: Plan) -> float:
    fans, mode = plan.geometry.fans(), _mode(plan)
    if mode == "fan_avg":
        return math.sqrt((fans.fan_in + fans.fan_out) / (fans.fan_in + fans.fan_out / _kernel(plan)))
    return math.sqrt(_kernel(plan)) if mode == "fan_out" else 1.0


def _transposed_as_stored(plan: Plan) -> float:
    """The fan-in of a transposed convolution as out * kernel, the product of all axes but the first."""
    if not plan.geometry.transposed or _mode(plan) != "fan_in":
        return 1.0
    return math.sqrt(plan.geometry.fans().fan_in / (_count(plan, "O") * _kernel(plan)))


def _stride_ignored(plan: Plan) -> float:
    return 1 / math.sqrt(math.prod(plan.geometry.stride) or 1)


def _groups_ignored(plan: Plan) -> float:
    grouped_out = _mode(plan) == "fan_out" and not plan.geometry.transposed
    return 1 / math.sqrt(plan.geometry.groups) if grouped_out else 1.0


def _depthwise_as_dense(plan: Plan) -> float:
    """A grouped convolution's fan-in as that of an ordinary one: too narrow by the root of the groups."""
    return 1 / math.sqrt(plan.geometry.groups) if _mode(plan) == "fan_in" else 1.0


def _one_head(plan: Plan) -> float:
    """Of several in- or out-axes only the last counts."""
    layout, shape = plan.geometry.layout or "", plan.geometry.shape
    sizes = {letter: [n for n, other in zip(shape, layout, strict=True) if other == letter] for letter in "IO"}
    fans, last = plan.geometry.fans(), {letter: (found or [1])[-1] for letter, found in sizes.items()}
    fan_in = fans.fan_in / math.prod(sizes["I"]) * last["I"]
    fan_out = fans.fan_out / math.prod(sizes["O"]) * last["O"]
    used = {"fan_in": (fans.fan_in, fan_in), "fan_out": (fans.fan_out, fan_out)}
    right, wrong = used.get(_mode(plan), (fans.fan_in + fans.fan_out, fan_in + fan_out))
    return math.sqrt(right / wrong)


def _stack_counted(plan: Plan) -> float:
    axis = plan.geometry.stack_axis
    return 1.0 if axis is None else 1 / math.sqrt(plan.geometry.shape[axis])


def _shard_fans(plan: Plan) -> float:
    """The fans of the part that is drawn, not of the whole tensor."""
    if plan.shape == plan.geometry.shape or plan.size == 0:
        return 1.0
    part = dataclasses.replace(plan.geometry, shape=plan.shape).fans().fan_in
    return math.sqrt(plan.geometry.fans().fan_in / part) if part else 1.0


def _std(plan: Plan) -> float:
    law: Any = plan.initializer.law(plan.geometry.fans())
    return (law.high - law.low) / math.sqrt(12) if not hasattr(law, "std") else float(law.std)


def _uniform_scaled(factor: float) -> Callable[[Plan], float]:
    return lambda plan: factor if _distribution(plan) == "uniform" else 1.0


def _truncated_scaled(factor: float) -> Callable[[Plan], float]:
    return lambda plan: factor if _distribution(plan) == "truncated_normal" else 1.0


SCALES: Final = (
    Mutant("fans swapped", "fan-out is used for fan-in", _scaled(_fans_swapped)),
    Mutant("receptive field forgotten", "the fans leave out the kernel", _scaled(lambda p: math.sqrt(_kernel(p)))),
    Mutant("fan-out without kernel", "only the fan-in counts the kernel", _scaled(_fan_out_without_kernel)),
    Mutant(
        "transposed fans as stored", "a transposed convolution's fan-in is out * kernel", _scaled(_transposed_as_stored)
    ),
    Mutant("stride ignored", "a transposed convolution's stride does not count", _scaled(_stride_ignored)),
    Mutant("groups ignored in fan-out", "fan-out counts the outputs of all groups", _scaled(_groups_ignored)),
    Mutant("depthwise as dense", "a grouped convolution's fan-in counts all inputs", _scaled(_depthwise_as_dense)),
    Mutant("one head counted", "of several in- or out-axes only the last counts", _scaled(_one_head)),
    Mutant("stack counted", "the stack axis counts in the fans", _scaled(_stack_counted)),
    Mutant("shard's fans", "fans of the shard, not of the whole", _scaled(_shard_fans)),
    Mutant("root missing", "the variance is used as the standard deviation", _scaled(_std)),
    Mutant("root twice", "the standard deviation is taken for a variance", _scaled(lambda p: 1 / math.sqrt(_std(p)))),
    Mutant("gain missing", "he without the factor 2", _scaled(lambda p: 1 / math.sqrt(_gain(p)))),
    Mutant("gain twice", "the gain is multiplied by itself", _scaled(lambda p: math.sqrt(_gain(p)))),
    Mutant("1 % too wide", "a scale that is off by one per cent", _scaled(lambda p: 1.01)),
    Mutant("truncation uncorrected", "std is the parent's", _scaled(_truncated_scaled(0.8796256610342398))),
    Mutant(
        "truncation corrected twice",
        "std is divided by .8796 twice",
        _scaled(_truncated_scaled(1 / 0.8796256610342398)),
    ),
    Mutant(
        "half-width is std",
        "a uniform on plus or minus the standard deviation",
        _scaled(_uniform_scaled(1 / math.sqrt(3))),
    ),
)
