"""What the numbers of a probe mean: causes with their evidence, and the line to write."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.gains import gain
from fanin.signal.layer import Attention, Layer, Sum

Severity: TypeAlias = Literal["severe", "mild"]

__all__ = ["Finding", "factor", "findings_of", "lost_from", "sentence_of", "tables_of", "wanted_std", "written"]

HEALTHY: Final = (0.1, 10.0)
"""Where the signal of most models that train begins and ends."""

_STEADY: Final = 1.25
"""A change by less than this factor a layer is no finding,"""

_TOTAL: Final = 30.0
"""nor is one by less than this in all,"""

_HOPELESS: Final = 1e4
"""unless it is one by this in all: it is severe, in however many layers."""

_HOPELESS_BACK: Final = 1e8
"""Gradients of normalised networks change by 3e6 in the 115 layers of timm's RDNet, which trains."""

_MISFIT: Final = 30.0
"""One layer is to blame whose weights are this many times as wide as it needs, or as narrow, and its outputs too."""

_DEAD: Final = 0.8
"""Half of the units are 0 for every sample by chance where the samples are nearly alike: behind a pooling, say."""

_ALL_DEAD: Final = 0.9
_SATURATED: Final = 0.3
_LOGITS: Final = 4.0
_ENTROPY: Final = 0.35
_DROWNED: Final = 30.0
"""A table of vectors that is this many times the branches that are added to it hides them."""

_ODD: Final = 3.0
"""A layer among fitting ones stands out from here on: a head without an activation needs 0.7 of what relu does."""

_OFF: Final = 1.2
"""A weight's standard deviation that is off by less is none of a cause."""

_TORCH: Final = math.sqrt(1 / 3)
"""torch's default: a standard deviation of 1/sqrt(3 fan_in)."""


_LAYERS: Final = {
    "torch": "fanin_torch.init_module_(model, {0}, seed=0)",
    "jax": "kernel_init=fanin_jax.initializer({0})",
}
_EMBEDDINGS: Final = {
    "torch": 'fanin_torch.init_(model.get_parameter("{1}.weight"), {0}, name="{1}.weight", seed=0)',
    "jax": "embedding_init=fanin_jax.initializer({0})",
}
"""What one writes in each framework: {0} is the initialization, {1} the layer."""

_ARGUMENTS: Final = ", seed=0"
"""Behind which other arguments of `init_module_` go."""


@dataclass(frozen=True)
class Finding:
    """Something that keeps a model from learning at the start.

    Attributes:
        kind: What it is, in a word or two: "signal", "gradient", "dead", "saturated", "symmetry", "attention",
            "residual", "embedding", "not finite", "loss".
        layer: The layer where it shows first.
        text: What was found, with its numbers.
        cause: Its likely cause, or what to look at.
        line: What to write, where one line mends it.
        severity: "severe" where next to nothing can be learnt like this, "mild" where it costs time or range.
        constants: Whether the cause is a constant, such as a bias, which a line must overwrite.
    """

    kind: str
    layer: str
    text: str
    cause: str
    line: str | None = None
    severity: Severity = "severe"
    constants: bool = False

    def __str__(self) -> str:
        return f"In {self.layer}, {self.text}. {self.cause}" + (f" Try: {self.line}" if self.line else "")


def wanted_std(layer: Layer, activation: str | None) -> float | None:
    """Return the standard deviation that a layer's weight needs to keep the signal through an activation.

    gain(activation) / sqrt(fan_in): the second moment of the pre-activations stays 1 (He et al. 2015, equation 10).
    """
    if layer.weight_fan_in is None or not layer.weight_fan_in:
        return None
    return _gain(activation) / math.sqrt(layer.weight_fan_in)


def factor(values: Sequence[float]) -> float:
    """Return the geometric mean of the ratios of neighbours; 1 where there are none, 0 where the last is 0."""
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2 or known[0] <= 0:
        return 1.0
    return (known[-1] / known[0]) ** (1 / (len(known) - 1)) if known[-1] > 0 else 0.0


def findings_of(
    layers: Sequence[Layer], sums: Sequence[Sum], attentions: Sequence[Attention], normalised: bool = False
) -> list[Finding]:
    """Return what is wrong, the likeliest cause first."""
    found = list(_not_finite(layers))
    if found:
        return found
    found += _symmetric(layers)
    if found:  # and the rest comes of it
        return found
    found += _attention(attentions)
    found += _saturated(layers)
    course = list(_course(layers, sums, normalised or any(layer.is_norm for layer in layers)))
    dead = list(_dead(layers))
    all_dead = bool(dead) and any(layer.nonpositive > _ALL_DEAD for layer in layers if layer.name == dead[0].layer)
    course = course or list(_out_of_scale(layers, normalised or any(layer.is_norm for layer in layers)))
    found += [*dead, *course] if all_dead else [*course, *dead][:1]  # half dead units come of what the signal does
    found += _embedding(layers, sums)
    return found


def sentence_of(found: Sequence[Finding], layers: Sequence[Layer]) -> str:
    """Return the verdict in a sentence."""
    if found and found[0].kind == "loss":
        return f"No, it looks like the loss. {found[0]}"
    if found:
        return f"Yes, it looks like the initialization. {found[0]}"
    signal = [layer.std for layer in layers if not layer.is_norm]
    if not signal:
        return "It cannot be told: no layer could be measured."
    gradients = [layer.gradient for layer in layers if layer.gradient]
    spread = f"{min(signal):.2g} to {max(signal):.2g}"
    spans = max(gradients) / min(gradients) if gradients else 1.0
    back = (
        f", its gradients are within a factor of {f'{spans:.2g}' if spans < 100 else f'{spans:.0f}'}"
        if gradients
        else ""
    )
    if waiting := [layer.name for layer in layers if layer.gradient == 0.0]:
        back += f" (but none arrives yet at {len(waiting)} of them, from {waiting[-1]} on backwards)"
    many = f"{len(signal)} layer{'' if len(signal) == 1 else 's'}"
    return (
        f"No: the signal is fine. What tells samples apart is {spread} in {many}{back}. Look elsewhere: "
        f"the data, the labels, the learning rate. This looks at the start of training only, and promises nothing more."
    )


def common_activation(layers: Sequence[Layer]) -> str | None:
    """Return the activation that most layers have, or None."""
    named = [layer.activation for layer in layers if layer.activation is not None]
    return statistics.mode(named) if named else None


def _not_finite(layers: Sequence[Layer]) -> Iterator[Finding]:
    for layer in layers:
        if not (math.isfinite(layer.std) and math.isfinite(layer.rms)):
            yield Finding(
                "not finite",
                layer.name,
                "its outputs are not finite",
                "Look at its input and its weights: a NaN among them, uninitialised memory, or an overflow.",
            )
            return
    for layer in reversed(layers):  # the way back begins at the end
        if layer.gradient is not None and not math.isfinite(layer.gradient):
            yield Finding(
                "loss",
                layer.name,
                "the loss's derivative by its outputs is not finite",
                "The outputs are: look at the loss, for a logarithm or a root of 0, a division by 0, or an overflow.",
            )
            return


def _symmetric(layers: Sequence[Layer]) -> Iterator[Finding]:
    """Yield the layer whose units are all the same; zeros may be meant: the signal's course judges them."""
    for layer in layers:
        several = layer.weight_fan_in is not None and layer.weight_std is not None
        if several and not layer.weight_std and layer.weight_rms and not (layer.is_norm or layer.is_embedding):
            yield Finding(
                "symmetry",
                layer.name,
                f"its weights are all the same number (of size {layer.weight_rms:.3g}), so that all of its units are "
                f"the same",
                "Units that start alike, and get like gradients, stay alike: draw the weights at random.",
                _line(_initialization(common_activation(layers))),
            )
            return


def _attention(attentions: Sequence[Attention]) -> Iterator[Finding]:
    worst = max(attentions, key=lambda one: one.logits, default=None)
    if worst is not None and worst.logits > _LOGITS and worst.entropy < _ENTROPY:
        yield Finding(
            "attention",
            worst.name,
            f"the attention's logits have a standard deviation of {worst.logits:.3g}, so that its softmax attends to "
            f"few keys (entropy {worst.entropy:.0%} of that of equal weights) and passes on little gradient",
            "Queries and keys are too large: scale the logits by 1/sqrt(head size), or the two projections down.",
            _line("lecun_normal"),
            "mild",
        )


def _saturated(layers: Sequence[Layer]) -> Iterator[Finding]:
    worst = max((layer for layer in layers if layer.saturated), key=lambda one: one.saturated or 0.0, default=None)
    if worst is not None and (worst.saturated or 0.0) > _SATURATED:
        wide = _ratio(worst, worst.activation)
        because = f"Its weights are {wide:.2g} times as wide as {worst.activation} needs." if wide > _OFF else ""
        yield Finding(
            "saturated",
            worst.name,
            f"{worst.saturated:.0%} of its outputs lie where {worst.activation} is flat",
            because or "Its inputs are too large: normalise the data.",
            _line(f"he(activation='{worst.activation}')"),
            "severe" if (worst.saturated or 0.0) > _ALL_DEAD else "mild",
        )


def _dead(layers: Sequence[Layer]) -> Iterator[Finding]:
    alive = [layer for layer in layers if layer.activation == "relu" and layer.std > 0.0]  # those behind look dead too
    worst = max(alive, key=lambda one: one.nonpositive, default=None)
    if worst is not None and worst.nonpositive > _DEAD:
        yield Finding(
            "dead",
            worst.name,
            f"{worst.nonpositive:.0%} of its units are 0 or below for every sample, so that relu passes on neither "
            f"signal nor gradient there",
            "Its biases or its inputs are shifted far below 0: start biases at 0, and centre the data.",
            _line("he"),
            "severe" if worst.nonpositive > _ALL_DEAD else "mild",
            constants=True,
        )


def lost_from(inner: Sequence[Layer]) -> Layer | None:
    """Return the layer from which on all outputs are the same for every sample, down to the last; None without one.

    Layers that start at 0 are no loss if the last one gets a gradient: the first step moves it.
    """
    at_end = list(itertools.takewhile(lambda layer: layer.std == 0.0, reversed(inner)))
    if not at_end or (all(layer.weight_rms == 0.0 for layer in at_end) and at_end[0].weight_gradient):
        return None
    return at_end[-1]


def _course(layers: Sequence[Layer], sums: Sequence[Sum], normalised: bool) -> Iterator[Finding]:
    """Yield what becomes of the signal and of the gradient from layer to layer."""
    inner = [layer for layer in layers if not layer.is_norm and not layer.is_embedding]
    lost = lost_from(inner)
    if lost is not None:
        yield Finding(
            "signal",
            lost.name,
            "its outputs are the same for every sample",
            "Its weights are zeros or constants, or what it is given is the same for every sample.",
            _line("he"),
        )
        return
    trunk = [(one.name, one.std) for one in sums] if len(sums) > 1 else [(one.name, one.std) for one in inner[:-1]]
    change = factor([size for _, size in trunk])
    if _is_far([size for _, size in trunk]) and not normalised:
        worst = next((name for name, size in trunk if not HEALTHY[0] <= size <= HEALTHY[1]), trunk[-1][0])
        course = "shrinks" if change < 1 else "grows"
        each = "residual sum" if len(sums) > 1 else "layer"
        text = f"what tells one sample from another {course} {_times(change)} a {each}, to {trunk[-1][1]:.1e}"
        if (limit := _left(trunk[-1][1])) is not None:
            text += f", {limit}"
        if len(sums) > 1 and change > 1:
            scale = f"1/sqrt({len(sums)})"
            yield Finding(
                "residual",
                worst,
                text,
                f"Each of {len(sums)} branches adds its variance: multiply the last weight of each branch by {scale}, "
                f"or start it at 0 (fanin.recipes has both).",
                severity=_how_bad([size for _, size in trunk]),
            )
            return
        cause, line = _cause(inner)
        yield Finding("signal", worst, text, cause, line, _how_bad([size for _, size in trunk]))
        return
    # None arrives in a branch that ends in zeros, and a small one in a branch that is scaled down: like with like.
    once = _last_uses(inner)
    compared = _largest_group(once) if len(sums) > 1 else once[:-1]
    gradients = [layer.gradient for layer in compared if layer.gradient]
    # In a normalised network the positions and widths of its stages change the gradient too, by less than this.
    is_far = len(gradients) > 1 and _is_far(gradients, _HOPELESS_BACK if normalised else _HOPELESS)
    if is_far and (not normalised or _how_bad(gradients) == "severe"):
        back = factor(gradients[::-1])
        course = "shrinks" if back < 1 else "grows"
        cause, line = _cause(inner)
        text = f"the gradient {course} {_times(back)} a {'block' if len(sums) > 1 else 'layer'} on its way back"
        yield Finding("gradient", compared[0].name, text, cause, line, _how_bad(gradients))


def _out_of_scale(layers: Sequence[Layer], normalised: bool) -> Iterator[Finding]:
    """Yield the layer whose weights alone put the scale of all that follows, or of the outputs, far off."""
    inner = [layer for layer in layers if not layer.is_norm and not layer.is_embedding]
    activation = common_activation(inner)
    for layer in inner:
        is_last = layer is inner[-1]
        wide, size = _ratio(layer, activation), layer.std
        too_large = wide > _MISFIT and size > _MISFIT
        too_small = 0 < wide < 1 / _MISFIT and size < 1 / _MISFIT and not is_last  # a last layer may start small
        if (too_large or too_small) and (is_last or not normalised):
            what = "the model's outputs" if is_last else "its outputs, and what follows"
            yield Finding(
                "signal",
                layer.name,
                f"{what} have a size of {size:.1e}",
                f"Its weights are {wide:.2g} times as wide as {activation or 'no activation'} needs.",
                _line(_initialization(activation)),
            )
            return


def _last_uses(layers: Sequence[Layer]) -> list[Layer]:
    """Return the last use of each layer: over the steps of a loop a gradient may fade, as in recurrent networks."""
    last = {layer.name.partition(" (use ")[0]: layer for layer in layers}
    return [layer for layer in layers if last[layer.name.partition(" (use ")[0]] is layer]


def _largest_group(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that do the same in each block: those whose names differ by a number only, the most of them."""
    groups: dict[str, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(re.sub(r"\d+", "*", layer.name), []).append(layer)
    return max(groups.values(), key=len, default=[])


def _embedding(layers: Sequence[Layer], sums: Sequence[Sum]) -> Iterator[Finding]:
    tables = [layer for layer in layers if layer.is_embedding]
    branches = [one.branch for one in sums if one.branch > 0]
    if not tables or len(branches) < 2:
        return
    widest = max(tables, key=lambda one: one.rms)
    ratio = widest.rms / statistics.median(branches)
    if ratio > _DROWNED:
        yield Finding(
            "embedding",
            widest.name,
            f"its vectors are {ratio:.0f} times as large as what the branches add to them, so that the layers hardly "
            f"count at first",
            f"Its standard deviation is {widest.weight_std or widest.rms:.3g}: language models take 0.02.",
            "fanin.normal(std=0.02)",
            "mild",
        )


def _cause(inner: Sequence[Layer]) -> tuple[str, str | None]:
    """Return the likely cause of a signal that shrinks or grows, and the line that mends it."""
    activation = common_activation(inner)
    ratios = [_ratio(layer, activation) for layer in inner[:-1] or inner if layer.weight_fan_in]
    ratios = [ratio for ratio in ratios if ratio > 0]
    name = activation or "no activation"
    if not ratios:
        return "No layer's fan-in is known: compare the weights with gain/sqrt(fan_in) by hand.", None
    ratio = statistics.median(ratios)
    line = _line(_initialization(activation))
    if 1 / _OFF < ratio < _OFF:
        odd = max((layer for layer in inner if _ratio(layer, activation) > 0), key=partial(_misfit, activation))
        if _misfit(activation, odd) > math.log(_ODD):
            times = _ratio(odd, activation)
            return f"The weights of {odd.name} are {times:.2g} times as wide as {name} needs, and the others fit.", line
        return f"The weights are as wide as {name} needs, so look at what lies between the layers.", None
    is_torchs = abs(ratio / (_TORCH / _gain(activation)) - 1) < 0.1
    whose = "torch's default, U(±1/sqrt(fan_in)), makes" if is_torchs else "the initialization makes"
    return f"{whose[0].upper()}{whose[1:]} the weights {ratio:.2f} times as wide as {name} needs.", line


def _misfit(activation: str | None, layer: Layer) -> float:
    """Return how far a layer's width is from what it needs, on a logarithmic scale."""
    ratio = _ratio(layer, activation)
    return abs(math.log(ratio)) if ratio > 0 else 0.0


def _initialization(activation: str | None) -> str:
    """Return the initialization that keeps the signal through an activation."""
    return "he" if activation == "relu" else f"he(activation='{activation}')" if activation else "lecun_normal"


def _how_bad(values: Sequence[float]) -> Severity:
    """Return how bad a course is: mild where a learning rate may make up for it."""
    return "mild" if 1 / _HOPELESS < _total(values) < _HOPELESS else "severe"


def _gain(activation: str | None) -> float:
    """Return an activation's gain; 1 for none, and for one that is not known by name."""
    try:
        return 1.0 if activation is None else gain(activation)
    except FaninError:
        return 1.0


def _ratio(layer: Layer, activation: str | None) -> float:
    wanted = wanted_std(layer, activation)
    return 0.0 if wanted is None or layer.weight_std is None else layer.weight_std / wanted


def _is_far(values: Sequence[float], hopeless: float = _HOPELESS) -> bool:
    """Return whether a course changes by much in all, and by much in each step; or by `hopeless` in however many."""
    change = factor(values)
    if change == 0.0:
        return True
    total = max(_total(values), 1 / _total(values))
    return total > hopeless or (max(change, 1 / change) > _STEADY and total > _TOTAL)


def _total(values: Sequence[float]) -> float:
    """Return by what factor a course changes in all; infinity where it ends at 0."""
    change = factor(values)
    return change ** (len(values) - 1) if change else math.inf


def _left(size: float) -> str | None:
    """Return which format has no number for a size."""
    for name in ("float32", "bfloat16", "float16"):
        number = DTYPES[name]
        smallest = math.ldexp(number.smallest_normal, -number.mantissa)
        if size > number.largest:
            return f"beyond {name}'s largest number ({number.largest:.1e})"
        if size < smallest:
            return f"below {name}'s smallest number ({smallest:.1e})"
    return None


def _times(change: float) -> str:
    if change == 0.0:
        return "to 0 within"
    return f"{max(change, 1 / change):.3g}×"


def _line(initialization: str) -> str:
    called = initialization.replace("he(", "fanin.he_normal(")
    return called if "(" in initialization else f'"{initialization}"'


def tables_of(layers: Sequence[Layer]) -> list[str]:
    """Return what torch calls the weights of the tables of vectors."""
    names = (layer.name.partition(" (use ")[0] for layer in layers if layer.is_embedding)
    return [f"{name}.weight" for name in dict.fromkeys(names)]


def written(finding: Finding, framework: str, layers: Sequence[Layer] = ()) -> Finding:
    """Return a finding whose line is what one writes in a framework, and not only the initialization.

    Args:
        finding: The finding.
        framework: "torch" or "jax".
        layers: The layers, of which torch's line leaves the tables of vectors as they are.
    """
    if finding.line is None:
        return finding
    if finding.kind == "embedding":
        return dataclasses.replace(finding, line=_EMBEDDINGS[framework].format(finding.line, finding.layer))
    line = _LAYERS[framework].format(finding.line)
    if framework == "torch":
        kept = ", ".join(f'"{name}": None' for name in tables_of(layers))
        more = (f", overrides={{{kept}}}" if kept else "") + (', constants="overwrite"' if finding.constants else "")
        line = line.replace(_ARGUMENTS, _ARGUMENTS + more)
    return dataclasses.replace(finding, line=line)
