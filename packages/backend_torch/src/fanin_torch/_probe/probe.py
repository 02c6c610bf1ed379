"""Probing a module: one batch forward and back, with hooks, and everything left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.presets import normal
from fanin.models.names import plain_name
from fanin.signal import Attention, Layer, ModelProbe, Sum
from fanin_torch._api import init
from fanin_torch._layers import NORMS, geometry_of
from fanin_torch._names import parallel_paths
from fanin_torch._probe.activations import FLAT, Watch

__all__ = ["probe"]

_EMBEDDINGS: Final = (nn.Embedding, nn.EmbeddingBag)


@dataclass
class _Run:
    """A layer that has run.

    Attributes:
        name: Its path.
        module: It.
        outputs: What it returned.
    """

    name: str
    module: nn.Module
    outputs: Tensor


@dataclass
class _Runs:
    """What has run, in order, and the path of the module that is running now."""

    found: list[_Run] = field(default_factory=list)
    where: list[str] = field(default_factory=lambda: ["the model"])


def probe(model: nn.Module, batch: Any, loss: Callable[[Any], Tensor] | None = None) -> ModelProbe:
    """Return what a module's signal and gradient do before training, layer by layer, with a verdict.

    The batch runs forward and back once, in the mode that the module is in. Afterwards everything is as it was:
    weights, buffers, modes, gradients, hooks and torch's generators.

    Args:
        model: The module, with its initial weights.
        batch: What it is called with: a tensor, a tuple of arguments, or a mapping of arguments by name. The first axis
            counts the samples, of which there must be two or more, and different ones.
        loss: A function of what the module returns, which returns a scalar: `lambda out: F.cross_entropy(out, labels)`.
            None for a fixed random direction of the outputs, which weighs all of them alike.

    Raises:
        FaninTypeError: It is no module, or the loss is no scalar tensor.
        FaninValueError: A parameter is on the meta device, the batch has one sample only, or no layer has weights.

    Example:
        >>> model = nn.Sequential(*(layer for _ in range(20) for layer in (nn.Linear(64, 64), nn.ReLU())))
        >>> found = probe(model, torch.randn(32, 64, generator=torch.Generator().manual_seed(0)))
        >>> print(found.findings[0].line)
        fanin_torch.init_module_(model, "he", seed=0)
    """
    if not isinstance(model, nn.Module):
        raise FaninTypeError(f"probe runs a torch.nn.Module. Received: {type(model).__name__}.")
    if any(one.is_meta for one in model.parameters()):
        raise FaninValueError("a parameter is on the meta device, without values. Initialize the model first.")
    samples = len(_samples(batch))
    runs = _Runs()
    with _as_it_was(model), _hooks(model, runs), torch.enable_grad():
        watch = Watch(runs.where)
        with watch:
            returned = _call(model, batch)
        if not runs.found:
            raise FaninValueError(
                f"no layer with weights ran. Received: {type(model).__name__}, which has "
                f"{len(list(model.parameters()))} parameters. Pass the model itself and a batch of its inputs."
            )
        value = _scalar(returned, loss)
        gradients = _gradients(value, runs)
        return _result(runs, watch, gradients, samples)


def _call(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)


def _samples(batch: Any) -> Tensor:
    """Return the first tensor of a batch, whose first axis counts the samples.

    Raises:
        FaninValueError: There is none, or one sample only.
    """
    given = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (tuple, list)) else [batch]
    first = next((one for one in given if isinstance(one, Tensor) and one.ndim), None)
    if first is None or len(first) < 2:
        shape = None if first is None else tuple(first.shape)
        raise FaninValueError(
            f"a probe needs two or more samples, to see what tells one from another. Received: "
            f"{'no tensor' if shape is None else f'a batch of shape {shape}'}. The first axis counts the samples."
        )
    if all(torch.equal(one, first[0]) for one in first[1:]):
        raise FaninValueError(
            f"the samples of the batch are all the same, so that nothing tells one from another. Received: a batch of "
            f"shape {tuple(first.shape)}. Pass different ones."
        )
    return first


@contextlib.contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Restore the module's buffers and gradients, and torch's generators."""
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    frozen = [one for one in model.parameters() if not one.requires_grad and one.is_floating_point()]
    devices = sorted({one.device.index for one in model.parameters() if one.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        try:
            for one in frozen:
                one.requires_grad_(True)
            yield
        finally:
            for one in frozen:
                one.requires_grad_(False)
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


@contextlib.contextmanager
def _hooks(model: nn.Module, runs: _Runs) -> Iterator[None]:
    """Note the outputs of every layer with weights, in order."""
    parallel = parallel_paths(model)
    handles = []
    for path, module in model.named_modules():
        name = plain_name(path, parallel)
        handles.append(module.register_forward_pre_hook(partial(_enter, runs, name)))
        handles.append(module.register_forward_hook(partial(_leave, runs, name), always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _enter(runs: _Runs, name: str, module: nn.Module, given: Any) -> None:
    runs.where.append(name or "the model")


def _leave(runs: _Runs, name: str, module: nn.Module, given: Any, returned: Any) -> None:
    runs.where.pop()
    outputs = returned[0] if isinstance(returned, (tuple, list)) and returned else returned
    own = any(one is not None for one in module._parameters.values())
    if not (own and isinstance(outputs, Tensor) and outputs.is_floating_point()):
        return
    if not any(run.module is module for run in runs.found):  # a layer that runs again is shown as it ran first
        runs.found.append(_Run(name, module, outputs))


def _scalar(returned: Any, loss: Callable[[Any], Tensor] | None) -> Tensor:
    """Return what is differentiated.

    Raises:
        FaninTypeError: The loss is no scalar tensor, or there is no tensor to make one of.
    """
    if loss is not None:
        value: Any = loss(returned)
        if not isinstance(value, Tensor) or value.numel() != 1:
            shown = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise FaninTypeError(f"a loss returns a tensor of one number. Received: {shown}.")
        scalar: Tensor = value.reshape(())
        return scalar
    own = returned.get("loss") if isinstance(returned, Mapping) else None
    if isinstance(own, Tensor):
        return own.reshape(())
    found = list(returned.values()) if isinstance(returned, Mapping) else returned
    outputs = (
        next((one for one in found if isinstance(one, Tensor)), None) if isinstance(found, (tuple, list)) else found
    )
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
        raise FaninTypeError(
            f"nothing can be differentiated: the model returns {type(returned).__name__}. Pass loss=, a function of it."
        )
    direction = init(tuple(outputs.shape), normal(std=1.0), name="fanin.probe.direction").to(outputs)
    weighed: Tensor = (outputs * direction).sum() / outputs.numel() ** 0.5
    return weighed


def _gradients(value: Tensor, runs: _Runs) -> dict[int, Tensor]:
    """Return the derivatives of the loss by the outputs and the weights of the layers, by id."""
    weights = [weight for run in runs.found if (weight := _weight(run.module)) is not None]
    wanted = [one for one in (*(run.outputs for run in runs.found), *weights) if one.requires_grad]
    if not value.requires_grad:
        return {}
    found: tuple[Tensor | None, ...] = torch.autograd.grad(value, wanted, allow_unused=True)
    return {id(one): gradient for one, gradient in zip(wanted, found, strict=True) if gradient is not None}


def _weight(module: nn.Module) -> Tensor | None:
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor):
        return weight
    return next((one for one in module.parameters(recurse=False) if one.ndim > 1), None)


@torch.no_grad()
def _result(runs: _Runs, watch: Watch, gradients: Mapping[int, Tensor], samples: int) -> ModelProbe:
    layers = []
    notes = []
    for k, run in enumerate(runs.found):
        if samples not in run.outputs.shape:
            notes.append(f"{run.name} was left out: none of its axes {tuple(run.outputs.shape)} counts the samples.")
            continue
        behind = runs.found[k + 1] if k + 1 < len(runs.found) and isinstance(runs.found[k + 1].module, NORMS) else None
        layers.append(_layer(run, behind, watch, gradients, samples))
    sums = [
        Sum(where, _between(out, samples), min(_between(a, samples), _between(b, samples)))
        for a, b, out, where in watch.sums
        if out.is_floating_point() and samples in out.shape
    ]
    attentions = [Attention(*one) for one in watch.attentions]
    return ModelProbe(tuple(layers), tuple(sums), tuple(attentions), tuple(notes))


def _layer(run: _Run, behind: _Run | None, watch: Watch, gradients: Mapping[int, Tensor], samples: int) -> Layer:
    outputs, module = run.outputs.detach().float(), run.module
    activation = watch.activations.get(id(run.outputs))
    before = outputs
    if activation is None and behind is not None and not isinstance(module, NORMS):
        activation, before = watch.activations.get(id(behind.outputs)), behind.outputs.detach().float()
    gradient, weight = gradients.get(id(run.outputs)), _weight(module)
    by_weight = None if weight is None else gradients.get(id(weight))
    geometry = geometry_of(module, "weight", weight) if weight is not None else None
    return Layer(
        name=run.name or "the model",
        kind=type(module).__name__,
        std=_between(outputs, samples),
        rms=_rms(outputs),
        gradient=None if gradient is None else _rms(gradient),
        nonpositive=_nonpositive(before, samples),
        activation=activation,
        saturated=None if activation not in FLAT else float((before.abs() > FLAT[activation]).float().mean()),
        weight_std=None if weight is None or weight.numel() < 2 else float(weight.float().std()),
        weight_fan_in=None if geometry is None else geometry.fans().fan_in,
        update=None if by_weight is None or weight is None or not _rms(weight) else _rms(by_weight) / _rms(weight),
        is_norm=isinstance(module, NORMS) or "norm" in type(module).__name__.lower(),
        is_embedding=isinstance(module, _EMBEDDINGS),
    )


def _rms(tensor: Tensor) -> float:
    return float(tensor.float().square().mean().sqrt())


def _between(outputs: Tensor, samples: int) -> float:
    """Return the root of the mean variance over the samples."""
    axis = list(outputs.shape).index(samples)
    return float(outputs.float().var(dim=axis, unbiased=True).mean().sqrt())


def _nonpositive(outputs: Tensor, samples: int) -> float:
    """Return the share of units that are 0 or below for every sample; channels are the units of a convolution."""
    axis = list(outputs.shape).index(samples)
    units = outputs.movedim(axis, 0)
    if units.ndim > 3:  # (samples, channels, *positions)
        return float((units.flatten(2) <= 0).all(dim=2).all(dim=0).float().mean())
    return float((units.reshape(-1, units.shape[-1]) <= 0).all(dim=0).float().mean())
