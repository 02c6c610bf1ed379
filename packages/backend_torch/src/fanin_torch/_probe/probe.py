"""Probing a module: one batch forward and back, with hooks, and everything left as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import is_lazy

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.presets import normal
from fanin.layout import Geometry
from fanin.models.names import plain_name
from fanin.signal import Attention, Dropout, Layer, ModelProbe, Sum, combined
from fanin.signal.samples import INFINITE, NAN, Arrangement, left_out, some_of
from fanin.signal.seeds import count
from fanin_torch._api import init
from fanin_torch._as_it_was import as_it_was, seeded
from fanin_torch._layers import NORMS, geometry_of
from fanin_torch._names import parallel_paths
from fanin_torch._probe.activations import FLAT, Watch
from fanin_torch._probe.heads import heads_of
from fanin_torch._probe.outputs import outputs_of, which
from fanin_torch._probe.recurrent import recurrences_of
from fanin_torch._probe.runs import Run, Runs, hooks
from fanin_torch._probe.training import short_run

__all__ = ["probe"]

_EMBEDDINGS: Final = (nn.Embedding, nn.EmbeddingBag)


def probe(
    model: nn.Module | Callable[[], nn.Module],
    batch: Any,
    loss: Callable[[Any], Tensor] | None = None,
    seeds: int | None = None,
    train: int = 0,
) -> ModelProbe:
    """Return what a module's signal and gradient do before training, layer by layer, with a verdict.

    The batch runs forward and back once, in the mode that the module is in; forward once more, in another order, where
    an axis of a layer's outputs that is no sample is as long as the batch. Afterwards everything is as it was: weights,
    buffers, modes, gradients, hooks and torch's generators.

    Args:
        model: The module, with its initial weights. With `seeds`, a function that builds it.
        batch: What it is called with: a tensor, a tuple of arguments, or a mapping of arguments by name. The first axis
            counts the samples, of which there must be two or more, and different ones.
        loss: A function of what the module returns, which returns a scalar: `lambda out: F.cross_entropy(out, labels)`.
            None for a fixed random direction of the outputs, which weighs all of them alike.
        seeds: How many times to build and probe the model, with torch's generator at 0, 1, ...: geometric means are
            shown, and each layer's worst.
        train: How many steps of Adam, learning rate 0.001, a copy of the model is trained for on this batch; it needs
            a loss. What comes of it is shown beside the rest, and has no part in the verdict.

    Raises:
        FaninTypeError: It is no module, or one of TorchScript, or the loss is no function that returns a scalar tensor.
        FaninValueError: A parameter has no values yet, the batch has one sample only, no layer has weights, no
            gradient comes from the loss, or a short run has nothing to train.

    Example:
        >>> model = nn.Sequential(*(layer for _ in range(20) for layer in (nn.Linear(64, 64), nn.ReLU())))
        >>> found = probe(model, torch.randn(32, 64, generator=torch.Generator().manual_seed(0)))
        >>> print(found.findings[0].line)
        fanin_torch.init_module_(model, "he", seed=0)
    """
    if loss is not None and not callable(loss):
        raise FaninTypeError(
            f"loss is a function of what the model returns. Received: {loss!r}. Pass, for example, "
            f"loss=lambda out: torch.nn.functional.cross_entropy(out, labels)."
        )
    steps = count(train, "train", 0)
    if steps and loss is None:
        raise FaninValueError("a short run needs a loss to train for. Received: train without loss. Pass loss=.")
    if seeds is None:
        return _probe(model, batch, loss, steps)
    if isinstance(model, nn.Module) or not callable(model):
        raise FaninTypeError(
            f"with seeds, probe takes a function that builds the model. Received: {type(model).__name__}. Pass, for "
            f"example, lambda: Net(), or leave seeds out."
        )
    found = []
    for seed in range(count(seeds, "seeds", 1)):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            built = model()
        found.append(_probe(built, batch, loss, steps))
    return combined(found)


def _probe(model: Any, batch: Any, loss: Callable[[Any], Tensor] | None, steps: int) -> ModelProbe:
    if not isinstance(model, nn.Module):
        raise FaninTypeError(f"probe runs a torch.nn.Module. Received: {type(model).__name__}.")
    if any(isinstance(one, torch.jit.ScriptModule) for one in model.modules()):
        raise FaninTypeError(
            "TorchScript runs its layers without hooks, so that none is seen. Received: a scripted or traced module. "
            "Pass the module that it was made from."
        )
    if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        raise FaninValueError(
            "the model has lazy layers, which a probe would make real by running them. Run the model on one batch "
            "first, and initialize it then."
        )
    if any(one.is_meta for one in model.parameters()):
        raise FaninValueError("a parameter is on the meta device, without values. Initialize the model first.")
    samples = len(_samples(batch))
    runs = Runs(samples, frozenset(id(one) for one in model.parameters() if not one.requires_grad))
    with as_it_was(model), hooks(model, runs), torch.enable_grad():
        watch = Watch(runs)
        with seeded(model, 0), watch:
            returned = _call(model, batch)
        runs.stage = "rest"  # checkpointed layers run again on the way back
        if not runs.found:
            raise FaninValueError(
                f"no layer with weights ran: a layer is a module that is called, and has parameters of its own. "
                f"Received: {type(model).__name__}, which has {len(list(model.parameters()))} parameters. Pass the "
                f"model itself and a batch of its inputs; weights that other code uses, such as torch.nn.functional, "
                f"are not seen."
            )
        gradients, notes = _gradients(_scalar(returned, loss), model, runs, given=loss is not None)
        if loss is None:
            notes = [*notes, *which(returned)]
        if runs.unsure:
            runs.stage = "compare"
            with seeded(model, 0), torch.no_grad():
                _call(model, _in_another_order(batch, samples))
        runs.choose()
        found = _result(model, runs, watch, gradients, notes, has_loss=loss is not None)
    if loss is None or not steps:
        return found
    with seeded(model, 0), torch.enable_grad():
        losses = short_run(model, lambda own: _call(own, batch), loss, steps)
    return dataclasses.replace(found, training=tuple(losses))


def _call(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)


def _in_another_order(batch: Any, samples: int) -> Any:
    if isinstance(batch, Tensor):
        return batch.roll(1, 0) if batch.ndim and len(batch) == samples else batch
    if isinstance(batch, Mapping):
        return {key: _in_another_order(one, samples) for key, one in batch.items()}
    return [_in_another_order(one, samples) for one in batch] if isinstance(batch, (tuple, list)) else batch


def _samples(batch: Any) -> Tensor:
    """Return the first tensor of a batch, whose first axis counts the samples.

    Raises:
        FaninValueError: There is none, or one sample only, a NaN is among them, or an infinity in that tensor.
    """
    given = list(
        batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (tuple, list)) else [batch]
    )
    if any(isinstance(one, Tensor) and one.is_floating_point() and bool(one.isnan().any()) for one in given):
        raise FaninValueError(NAN)
    first = next((one for one in given if isinstance(one, Tensor) and one.ndim), None)
    if first is None or len(first) < 2:
        received = (
            f"no tensor, but {type(batch).__name__}" if first is None else f"a batch of shape {tuple(first.shape)}"
        )
        raise FaninValueError(
            f"a probe needs two or more samples, to see what tells one from another. Received: {received}. Pass torch "
            f"tensors, whose first axis counts the samples."
        )
    if first.is_floating_point() and bool(first.isinf().any()):
        raise FaninValueError(INFINITE)
    if all(torch.equal(one, first[0]) for one in first[1:]):
        raise FaninValueError(
            f"the samples of the batch are all the same, so that nothing tells one from another. Received: a batch of "
            f"shape {tuple(first.shape)}. Pass different ones."
        )
    return first


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
    outputs = outputs_of(returned)
    if not outputs:
        raise FaninTypeError(
            f"nothing can be differentiated: the model returns {type(returned).__name__}. Pass loss=, a function of it."
        )
    total, *others = (_weighed(one, k) for k, one in enumerate(outputs.values()))
    for one in others:
        total = total + one.to(total.device)
    return total


def _weighed(outputs: Tensor, number: int) -> Tensor:
    """Return the part of some outputs that lies in a fixed random direction, each output its own."""
    name = "fanin.probe.direction" + (f".{number}" if number else "")
    direction = init(tuple(outputs.shape), normal(std=1.0), name=name).to(outputs)
    weighed: Tensor = (outputs * direction).sum().float() / outputs.numel() ** 0.5
    return weighed


def _gradients(value: Tensor, model: nn.Module, runs: Runs, *, given: bool) -> tuple[dict[int, Tensor], list[str]]:
    """Return the derivatives of the loss by the weights of the layers, by id, and what to say of those that lack.

    Raises:
        FaninValueError: A loss that was given is cut off from the model.
    """
    if not value.requires_grad:
        cut = "it was detached, or computed without gradients or from something else than the outputs"
        if given:
            raise FaninValueError(
                f"no gradient comes from the loss: {cut}. Received: a loss of {float(value):.3g} that needs none. "
                f"Return a tensor computed from what the model returns."
            )
        return {}, ["There are no gradients: the model runs without them (torch.no_grad), or detaches what it returns."]
    weights = {id(one): one for run in runs.found for one in run.module.parameters()}
    uncalled = _uncalled(model, runs)
    others = [one for module in uncalled.values() for one in module.parameters(recurse=False)]
    wanted = [one for one in (*weights.values(), *others) if one.requires_grad]
    grads: tuple[Tensor | None, ...] = torch.autograd.grad(value, wanted, allow_unused=True)
    found = {id(one): grad for one, grad in zip(wanted, grads, strict=True) if grad is not None}
    notes = []
    if cut_off := [run.name for run in runs.found if run.gradient is None]:
        notes.append(
            f"No gradient arrives at {some_of(cut_off)}: the loss does not use what they return, or it is detached on "
            f"the way."
        )
    if unseen := [
        name for name, module in uncalled.items() if any(id(one) in found for one in module.parameters(recurse=False))
    ]:
        notes.append(f"{some_of(unseen)} not seen: the model uses the weights without calling the module.")
    return found, notes


def _uncalled(model: nn.Module, runs: Runs) -> dict[str, nn.Module]:
    """Return the modules with parameters that did not run, and are no part of a layer that did, by their paths."""
    seen = {part for run in runs.found for part in run.module.modules()} | runs.entered
    parallel = parallel_paths(model)
    return {
        plain_name(path, parallel): module
        for path, module in model.named_modules()
        if module not in seen and any(one is not None for one in module._parameters.values())
    }


def _weight(module: nn.Module) -> Tensor | None:
    weight = getattr(module, "weight", None)
    if isinstance(weight, Tensor):
        return weight
    return next((one for one in module.parameters(recurse=False) if one.ndim > 1), None)


@torch.no_grad()
def _result(
    model: nn.Module, runs: Runs, watch: Watch, gradients: Mapping[int, Tensor], notes: Sequence[str], *, has_loss: bool
) -> ModelProbe:
    layers = []
    nowhere = {}
    watch.feed(runs)
    heads = heads_of(runs.found)
    for k, (run, chosen) in enumerate(zip(runs.found, runs.chosen, strict=True)):
        if chosen is None:
            nowhere[run.name] = tuple(run.outputs.shape)
            continue
        behind = k + 1 if k + 1 < len(runs.found) and isinstance(runs.found[k + 1].module, NORMS) else None
        layer = _layer(runs, k, behind, watch, gradients, chosen)
        layers.append(dataclasses.replace(layer, is_head=heads[k]))
    known = {tuple(run.outputs.shape): chosen for run, chosen in zip(runs.found, runs.chosen, strict=True) if chosen}
    sums = [
        Sum(one.name, one.stds[chosen], one.branches[chosen], tuple(run.name for run in runs.found[slice(*one.layers)]))
        for one in watch.sums
        if (chosen := known.get(one.shape) or next(iter(one.stds), None)) is not None and chosen in one.stds
    ]
    said = [*notes, *left_out(nowhere)]
    idle = any(isinstance(one, _NormBase) and not one.training and one.track_running_stats for one in model.modules())
    if idle:
        said.append("Batch normalizations are in the mode for evaluation, where fresh ones do nothing: try train().")
    attentions = [Attention(*one) for one in watch.attentions]
    parallel = parallel_paths(model)
    tables = [path for path, one in model.named_modules() if isinstance(one, _EMBEDDINGS)]
    return ModelProbe(
        tuple(layers),
        tuple(sums),
        tuple(attentions),
        tuple(said),
        normalised=watch.normalised,
        concatenated=watch.concatenated,
        recurrences=tuple(
            one
            for run in runs.found
            if run.kept is not None
            for one in recurrences_of(run.name, run.module, run.kept, runs.samples)
        ),
        dropouts=tuple(Dropout(*one) for one in watch.dropouts),
        has_loss=has_loss,
        kept=tuple(f"{plain_name(path, parallel)}.weight".removeprefix(".") for path in tables),
    )


def _layer(
    runs: Runs, k: int, behind: int | None, watch: Watch, gradients: Mapping[int, Tensor], chosen: Arrangement
) -> Layer:
    run, module = runs.found[k], runs.found[k].module
    activation = "softmax" if run.version in watch.fed else watch.activations.get(run.version)
    before: tuple[Run, Arrangement] = run, chosen
    if activation is None and behind is not None and not isinstance(module, NORMS):
        seen, place = runs.found[behind], runs.chosen[behind]
        activation = watch.activations.get(seen.version)
        before = (seen, place) if place is not None else before
    weight = _weight(module)
    by_weight = None if weight is None else gradients.get(id(weight))
    geometry = geometry_of(module, "weight", weight) if weight is not None else None
    size = None if weight is None else _rms(weight)
    moved = None if by_weight is None else _rms(by_weight)
    return Layer(
        name=run.name,
        kind=type(module).__name__,
        std=run.measured[chosen].std,
        rms=run.rms,
        gradient=run.gradient,
        nonpositive=before[0].measured[before[1]].nonpositive,
        activation=activation,
        saturated=before[0].flat[activation] if activation in FLAT else None,
        weight_std=None if weight is None or weight.numel() < 2 else _std(weight.float()),
        weight_rms=size,
        weight_gradient=moved,
        weight_fan_in=None if geometry is None else geometry.fans().fan_in,
        update=moved / size if moved is not None and size else None,
        underflow=run.underflow,
        equal=None if geometry is None or weight is None else _equal(weight, by_weight, geometry),
        is_norm=isinstance(module, NORMS) or "norm" in type(module).__name__.lower(),
        is_embedding=isinstance(module, _EMBEDDINGS),
    )


def _equal(weight: Tensor, gradient: Tensor | None, geometry: Geometry) -> float | None:
    """Return the share of units that are like another in weight and gradient, and 1 where all have one weight.

    Units of one group alone have the same inputs; those of zeros are meant.
    """
    if geometry.groups > 1 or geometry.layout is None or weight.ndim < 2:
        return None
    axis = geometry.layout.index("O")
    rows = weight.detach().movedim(axis, 0).flatten(1).float()
    if len(rows) < 2 or not bool(rows.isfinite().all()):
        return None
    order = (rows @ rows.new_ones(rows.shape[1]).cumsum(0).sqrt()).argsort()
    rows = rows[order]
    is_known = (rows != 0).any(1)
    alike = (rows[1:] == rows[:-1]).all(1) & is_known[1:]
    if bool(alike.all()):
        return 1.0
    if gradient is None or not bool(alike.any()):
        return 0.0
    moved = gradient.detach().movedim(axis, 0).flatten(1).float()[order]
    alike &= (moved[1:] - moved[:-1]).abs().amax(1) <= 1e-4 * moved.abs().amax(1)[1:]
    like_another = torch.cat([alike, alike.new_zeros(1)]) | torch.cat([alike.new_zeros(1), alike])
    return float(like_another.float().mean())


def _std(weight: Tensor) -> float:
    """Return the standard deviation: 0 of equal numbers, whose mean may be rounded."""
    return 0.0 if bool(weight.max() == weight.min()) else float(weight.std())


def _rms(tensor: Tensor) -> float:
    return float(tensor.float().square().mean().sqrt())
