"""Inside of nn.RNN, nn.LSTM and nn.GRU: their cells run once more, step by step, outside of the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn

from fanin.signal import Recurrence
from fanin_torch._probe.activations import FLAT

__all__ = ["kept_for", "recurrences_of"]

_MOST_STEPS: Final = 256

State: TypeAlias = tuple[Tensor, Tensor]
Gates: TypeAlias = list[tuple[str, Tensor]]
Step: TypeAlias = Callable[[Tensor, Tensor, State], tuple[State, Gates]]


def kept_for(module: nn.Module, given: tuple[Any, ...]) -> tuple[Tensor, Any] | None:
    """Return what a recurrent layer was called with, as it is now; None of other layers, and of packed sequences."""
    if not isinstance(module, nn.RNNBase) or not given or not isinstance(given[0], Tensor) or given[0].ndim != 3:
        return None
    return given[0].detach().clone(), given[1] if len(given) > 1 else None


def recurrences_of(name: str, module: nn.Module, given: tuple[Tensor, Any], samples: int) -> list[Recurrence]:
    """Return what the states and gates of a recurrent layer do, one for each of its layers and directions.

    Args:
        name: Its path.
        module: It.
        given: What it was called with, from `kept_for`.
        samples: How many samples the batch has.
    """
    assert isinstance(module, nn.RNNBase)
    inputs, start = given
    hidden = inputs.float().transpose(0, 1) if module.batch_first else inputs.float()
    if hidden.shape[1] != samples or module.proj_size or not len(hidden):
        return []
    found = []
    directions = 2 if module.bidirectional else 1
    for layer in range(module.num_layers):
        outputs = []
        for backwards in range(directions):
            number = layer * directions + backwards
            parts = [f"layer {layer + 1}"] * (module.num_layers > 1) + ["backwards"] * backwards
            own = name + (f" ({', '.join(parts)})" if parts else "")
            end, before = f"_l{layer}" + "_reverse" * backwards, _start(start, number, hidden, module)
            made, states = _run(own, module, hidden[:_MOST_STEPS], end, before)
            outputs.append(states)
            found.append(made)
        hidden = torch.cat(outputs, -1)
    return found


def _start(start: Any, number: int, inputs: Tensor, module: nn.RNNBase) -> State:
    zeros = inputs.new_zeros(inputs.shape[1], module.hidden_size)
    given = start if isinstance(start, (tuple, list)) else (start, None)
    first, second = (one.detach()[number].float() if isinstance(one, Tensor) else zeros for one in given)
    return first, second


def _run(name: str, module: nn.RNNBase, inputs: Tensor, end: str, state: State) -> tuple[Recurrence, Tensor]:
    """Return what one layer and direction does, and its states.

    Args:
        name: What to call it.
        module: The module that it is of.
        inputs: What it is given, the steps along the first axis.
        end: How the names of its weights end.
        state: Its state before.
    """
    backwards = end.endswith("_reverse")
    into, within = (getattr(module, f"weight_{kind}{end}").float() for kind in ("ih", "hh"))
    step: Step = {"LSTM": _lstm, "GRU": _gru}.get(module.mode) or partial(_plain, module.mode)
    bias = [getattr(module, f"bias_{kind}{end}").float() if module.bias else 0.0 for kind in ("ih", "hh")]
    states, flat, count = [], 0, 0
    for row in inputs.flip(0) if backwards else inputs:
        state, gates = step(row @ into.T + bias[0], state[0] @ within.T + bias[1], state)
        states.append(state[0])
        flat += sum(int((gate.abs() > FLAT[name]).sum()) for name, gate in gates)
        count += sum(gate.numel() for _, gate in gates)
    first, last = (float(one.var(dim=0).mean().sqrt()) for one in (states[0], states[-1]))
    width = float(within.std()) * math.sqrt(module.hidden_size)
    made = Recurrence(name, len(states), first, last, flat / count if count else 0.0, width)
    return made, torch.stack(states[::-1] if backwards else states)


def _lstm(given: Tensor, before: Tensor, state: State) -> tuple[State, Gates]:
    entry, keep, new, out = (given + before).chunk(4, -1)
    cell = keep.sigmoid() * state[1] + entry.sigmoid() * new.tanh()
    gates = [("sigmoid", entry), ("sigmoid", keep), ("tanh", new), ("sigmoid", out)]
    return (out.sigmoid() * cell.tanh(), cell), gates


def _gru(given: Tensor, before: Tensor, state: State) -> tuple[State, Gates]:
    reset, keep, new = given.chunk(3, -1)
    own_reset, own_keep, own_new = before.chunk(3, -1)
    share = (keep + own_keep).sigmoid()
    inner = new + (reset + own_reset).sigmoid() * own_new
    gates = [("sigmoid", reset + own_reset), ("sigmoid", keep + own_keep), ("tanh", inner)]
    return ((1 - share) * inner.tanh() + share * state[0], state[1]), gates


def _plain(mode: str, given: Tensor, before: Tensor, state: State) -> tuple[State, Gates]:
    total = given + before
    if mode == "RNN_RELU":
        return (total.relu(), state[1]), []
    return (total.tanh(), state[1]), [("tanh", total)]
