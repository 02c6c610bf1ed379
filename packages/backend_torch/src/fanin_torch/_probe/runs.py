"""What runs in a module, in order: hooks that measure each layer's outputs as it returns them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from fanin.models.names import plain_name
from fanin.signal.samples import Arrangement, arrangements, best
from fanin_torch._names import parallel_paths
from fanin_torch._probe.activations import FLAT, arranged, between, version_of
from fanin_torch._probe.outputs import outputs_of
from fanin_torch._probe.recurrent import kept_for

__all__ = ["Measured", "Run", "Runs", "hooks"]

_CHANNELS_FIRST: Final = (_ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)

SMALLEST: Final = 2.0**-25
"""Numbers up to this one float16 rounds to 0."""


@dataclass(frozen=True)
class Measured:
    """What is measured of a tensor, its samples arranged in one way.

    Attributes:
        std: What tells one sample from another.
        nonpositive: Share of units that are 0 or below for every sample.
    """

    std: float
    nonpositive: float


@dataclass
class Run:
    """One use of a layer.

    Attributes:
        name: Its path, and which use of it this is.
        module: It.
        outputs: What it returned, which an operation in place may have changed since.
        version: Which tensor that was, and in which state.
        given: The same of what it was called with.
        kept: What a recurrent layer was called with.
        node: Where its outputs stand in the graph for the derivatives.
        behind: The same of all that it was called with.
        rms: Root mean square of its outputs.
        flat: Share of its outputs where an activation would be flat.
        measured: What is measured, by the ways in which its outputs may hold the samples.
        copy: Its outputs, where that has to be found out.
        gradient: Root mean square of the loss's derivative by its outputs.
        underflow: Share of that, zeros aside, that float16 rounds to 0.
    """

    name: str
    module: nn.Module
    outputs: Tensor
    version: tuple[int, int]
    rms: float
    flat: dict[str, float]
    measured: dict[Arrangement, Measured]
    copy: Tensor | None = None
    gradient: float | None = None
    underflow: float | None = None
    given: tuple[int, int] | None = None
    kept: tuple[Tensor, Any] | None = None
    node: Any = None
    behind: Sequence[Any] = ()


@dataclass
class Runs:
    """What has run, in order, and the path of the module that is running now.

    Attributes:
        samples: How many samples the batch has.
        frozen: The ids of the parameters that do not learn.
        found: The runs.
        where: The paths of the modules that are running, the innermost last.
        begun: How many layers had run when each of them began.
        entered: The modules that have run, layers or not.
        recurrent: How many recurrent layers are running: what they add up is no residual sum.
        again: The outputs of the same runs for the batch in another order, where they are wanted.
        stage: What the hooks do: "measure", "compare" or "rest".
        chosen: The arrangement of each run's samples that the order of the samples confirmed.
    """

    samples: int
    frozen: frozenset[int] = frozenset()
    found: list[Run] = field(default_factory=list)
    where: list[str] = field(default_factory=lambda: ["the model"])
    begun: list[int] = field(default_factory=list)
    entered: set[nn.Module] = field(default_factory=set)
    recurrent: int = 0
    again: list[Tensor | None] = field(default_factory=list)
    stage: str = "measure"
    chosen: list[Arrangement | None] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many layers have run, this time."""
        return len(self.again if self.stage == "compare" else self.found)

    @property
    def unsure(self) -> bool:
        """Whether the batch has to run in another order too."""
        return any(run.copy is not None for run in self.found)

    def choose(self) -> None:
        """Find the samples in each run's outputs."""
        others = [*self.again, *[None] * len(self.found)]
        self.chosen = [_choose(run, other) for run, other in zip(self.found, others, strict=False)]
        for run in self.found:
            run.copy = None
        self.again.clear()


def _choose(run: Run, other: Tensor | None) -> Arrangement | None:
    def mismatch(arrangement: Arrangement) -> float:
        assert run.copy is not None
        if other is None or other.shape != run.copy.shape:
            return 1.0
        expected = arranged(run.copy, arrangement).roll(1, 0)
        spread = float((run.copy - run.copy.mean()).square().mean())
        return float((arranged(other, arrangement) - expected).square().mean()) / spread if spread else 0.0

    return best(list(run.measured), mismatch)


@contextlib.contextmanager
def hooks(model: nn.Module, runs: Runs) -> Iterator[None]:
    """Measure the outputs of every layer with weights, in order; what computes a weight, as `weight_norm`, is none."""
    parallel = parallel_paths(model)
    computing = {part for one in model.modules() if isinstance(one, ParametrizationList) for part in one.modules()}
    handles = []
    for path, module in model.named_modules():
        if module in computing:
            continue
        name = plain_name(path, parallel)
        handles.append(module.register_forward_pre_hook(partial(_enter, runs, name)))
        handles.append(module.register_forward_hook(partial(_leave, runs, name), with_kwargs=True, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _enter(runs: Runs, name: str, module: nn.Module, given: Any) -> None:
    runs.where.append(name or "the model")
    runs.entered.add(module)
    runs.begun.append(runs.count)
    runs.recurrent += isinstance(module, (nn.RNNBase, nn.RNNCellBase))


def _leave(runs: Runs, name: str, module: nn.Module, given: Any, named: dict[str, Any], returned: Any) -> None:
    runs.where.pop()
    runs.recurrent -= isinstance(module, (nn.RNNBase, nn.RNNCellBase))
    outputs = returned[0] if isinstance(returned, (tuple, list)) and returned else returned
    is_whole = runs.begun.pop() == runs.count  # what holds other layers is none, even if it has a parameter too
    own = is_whole and (any(one is not None for one in module._parameters.values()) or is_parametrized(module))
    if runs.stage == "rest" or not (own and isinstance(outputs, Tensor) and outputs.is_floating_point()):
        return
    if runs.stage == "compare":
        k = len(runs.again)
        wanted = k < len(runs.found) and runs.found[k].module is module and runs.found[k].copy is not None
        runs.again.append(outputs.detach().float().clone() if wanted else None)
        return
    use = 1 + sum(run.module is module for run in runs.found)
    with torch.no_grad():
        run = _measure(module, name or "the model", outputs, runs.samples)
    run.given = version_of(given[0]) if given and isinstance(given[0], Tensor) else None
    run.kept = kept_for(module, given)
    run.node = outputs.grad_fn
    run.behind = [one.grad_fn for one in outputs_of((given, named)).values() if one.grad_fn is not None]
    run.name += f" (use {use})" if use > 1 else ""
    runs.found.append(run)
    if outputs.requires_grad:
        outputs.register_hook(partial(_note, run))  # type: ignore[no-untyped-call]


def _measure(module: nn.Module, name: str, outputs: Tensor, samples: int) -> Run:
    values = outputs.detach().float()
    found = arrangements(values.shape, samples)
    units = 1 if isinstance(module, _CHANNELS_FIRST) and values.ndim > 1 else values.ndim - 1
    size = values.abs()
    return Run(
        name,
        module,
        outputs,
        version_of(outputs),
        rms=float(values.square().mean().sqrt()),
        flat={activation: float((size > end).float().mean()) for activation, end in FLAT.items()},
        measured={one: Measured(between(values, one), _nonpositive(values, one, units)) for one in found},
        copy=None if len(found) == 1 and found[0].axis == 0 else values.clone() if found else None,
    )


def _nonpositive(values: Tensor, arrangement: Arrangement, units: int) -> float:
    """Return the share of units, along an axis, that are 0 or below for every sample and position."""
    place = arrangement.place(units)
    seen = arranged(values, arrangement)
    seen = seen.movedim(seen.ndim - 1 if place is None else place, -1)
    return float((seen.reshape(-1, seen.shape[-1]) <= 0).all(dim=0).float().mean())


def _note(run: Run, gradient: Tensor) -> None:
    size = gradient.detach().float().abs()
    run.gradient = float(size.square().mean().sqrt())
    known = int((size > 0).sum())
    run.underflow = float(((size > 0) & (size <= SMALLEST)).sum()) / known if known else None
