"""What the numbers of a probe mean: whether it is the initialization, with the causes and their evidence."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from fanin.signal.course import course_of
from fanin.signal.finding import Finding
from fanin.signal.layer import Attention, Dropout, Layer, Recurrence, Sum
from fanin.signal.width import OFF, common_activation, initialization_for, width_of

__all__ = ["answer_of", "findings_of", "sentence_of"]

_INITIALIZATION: Final = "the initialization"

_DEAD: Final = 0.8
"""Half of the units are 0 for every sample by chance where the samples are nearly alike: behind a pooling, say."""

_ALL_DEAD: Final = 0.9
_SATURATED: Final = 0.3
_LOGITS: Final = 4.0
_ENTROPY: Final = 0.35
_DROWNED: Final = 30.0
"""A table of vectors that is this many times the branches that are added to it hides them,"""

_LARGE: Final = 0.1
"""if it is larger than this: at 0.02, as published, it is the branches that start small."""

_WIDE: Final = 2.0
_EXPLODED: Final = 1e3
_EQUAL: Final = 0.5
_FAINT: Final = 0.1
_DROPPED: Final = 0.85


def findings_of(
    layers: Sequence[Layer],
    sums: Sequence[Sum],
    attentions: Sequence[Attention],
    normalised: bool = False,
    *,
    dropouts: Sequence[Dropout] = (),
    recurrences: Sequence[Recurrence] = (),
    is_plain: bool = False,
) -> list[Finding]:
    """Return what is wrong, the likeliest cause first.

    Args:
        layers: The layers, in the order in which they ran.
        sums: The residual sums.
        attentions: The attentions.
        normalised: Whether anything is normalised without a layer.
        dropouts: The dropouts that are at work.
        recurrences: The recurrent layers over their steps.
        is_plain: Whether no layer's output skips another.
    """
    found = list(_not_finite(layers))
    if found:
        return found
    found += _symmetric(layers)
    if found:  # and the rest comes of it
        return found
    found += _softmax(layers)
    found += _dropped(dropouts)
    found += _attention(attentions, layers)
    found += _saturated(layers)
    found += _recurrent(recurrences)
    course = course_of(layers, sums, normalised or any(layer.is_norm for layer in layers), is_plain=is_plain)
    dead = list(_dead(layers))
    all_dead = bool(dead) and any(layer.nonpositive > _ALL_DEAD for layer in layers if layer.name == dead[0].layer)
    causes = [one for one in found if one.kind == "softmax"] + (dead if all_dead else [])
    by_course = [course] if course is not None and not _comes_of(course, causes, layers) else []
    found += [*dead, *by_course] if all_dead else [*by_course, *dead][:1]  # half dead units come of the signal's course
    found += _embedding(layers, sums)
    return found


def sentence_of(found: Sequence[Finding], layers: Sequence[Layer]) -> str:
    """Return the verdict in a sentence, the likeliest cause and its severity with it."""
    answer = answer_of(found, layers)
    return f"{answer} {found[0].severity.capitalize()}: {found[0]}" if found else answer


def answer_of(found: Sequence[Finding], layers: Sequence[Layer]) -> str:
    """Return the verdict without its cause: whether it is the initialization."""
    if found:
        worst = found[0]
        if worst.kind in ("signal", "gradient") and worst.severity == "warning":  # a course of a few short layers
            return f"Perhaps: it may be {worst.blamed}, which training may also make up for."
        return f"{'Yes' if worst.blamed == _INITIALIZATION else 'No'}, it looks like {worst.blamed}."
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


def _comes_of(course: Finding, causes: Sequence[Finding], layers: Sequence[Layer]) -> bool:
    """Return whether a signal is lost only behind a layer of which something else lets through next to nothing."""
    names = [layer.name for layer in layers]
    place = names.index(course.layer) if course.kind == "signal" and course.layer in names else -1
    return any(names.index(one.layer) < place for one in causes)


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
                blamed="the loss",
            )
            return


def _symmetric(layers: Sequence[Layer]) -> Iterator[Finding]:
    """Yield the layer whose units are all the same; zeros may be meant: the signal's course judges them."""
    law = initialization_for(common_activation(layers))
    alike = "Units that start alike, and get like gradients, stay alike: draw the weights at random."
    for layer in layers:
        if layer.equal is not None and layer.equal >= _EQUAL and layer.weight_std:
            share = "all" if layer.equal == 1.0 else f"{layer.equal:.0%}"
            text = f"{share} of its units have the weights of another one, so that they are the same"
            yield Finding("symmetry", layer.name, text, alike, law)
            return
        several = layer.weight_fan_in is not None and layer.weight_std is not None
        if several and not layer.weight_std and layer.weight_rms and not (layer.is_norm or layer.is_embedding):
            yield Finding(
                "symmetry",
                layer.name,
                f"its weights are all the same number (of size {layer.weight_rms:.3g}), so that all of its units are "
                f"the same",
                alike,
                law,
            )
            return


def _softmax(layers: Sequence[Layer]) -> Iterator[Finding]:
    for layer, behind in itertools.pairwise(layers):
        if layer.activation == "softmax":
            yield Finding(
                "softmax",
                layer.name,
                f"the outputs go through a softmax into another layer: from a std of {layer.std:.2g} here to one of "
                f"{behind.std:.2g} in {behind.name}",
                "A softmax's outputs sum to 1, so that little of what tells samples apart is left, and little of the "
                "gradient comes back: take it away, or relu in its place. A loss such as cross-entropy has its own.",
                severity="error" if behind.std < _FAINT * layer.std else "warning",
                blamed="a softmax between layers",
            )
            return


def _dropped(dropouts: Sequence[Dropout]) -> Iterator[Finding]:
    worst = max(dropouts, key=lambda one: one.rate, default=None)
    if worst is not None and worst.rate > _DROPPED:
        keeps = 1 - worst.rate
        yield Finding(
            "dropout",
            worst.name,
            f"dropout sets {worst.rate:.0%} of the units to 0 and makes the others {1 / keeps:.0f} times as large, so "
            f"that noise is {math.sqrt(worst.rate / keeps):.2g} times what is passed on",
            f"Its rate may be what was meant to be kept: {keeps:.2g}, or at most 0.5, is usual.",
            severity="warning",
            blamed="dropout",
        )


def _attention(attentions: Sequence[Attention], layers: Sequence[Layer]) -> Iterator[Finding]:
    worst = max(attentions, key=lambda one: one.logits, default=None)
    if worst is not None and worst.logits > _LOGITS and worst.entropy < _ENTROPY:
        own = [layer for layer in layers if layer.name == worst.name or layer.name.startswith(f"{worst.name}.")]
        widths = [width for layer in own or layers if not layer.is_embedding and (width := width_of(layer, None))]
        is_wide = not widths or worst.logits <= _LOGITS * max(widths) ** 2  # queries and keys have a width each
        yield Finding(
            "attention",
            worst.name,
            f"the attention's logits have a standard deviation of {worst.logits:.3g}, so that its softmax attends to "
            f"few keys (entropy {worst.entropy:.0%} of that of equal weights) and passes on little gradient",
            "Queries and keys are too large: scale the logits by 1/sqrt(head size), or the two projections down."
            if is_wide
            else "Its weights do not explain that: scale the logits by 1/sqrt(head size), and look at its inputs.",
            "lecun_normal" if is_wide else None,
            "warning",
            blamed=_INITIALIZATION if is_wide else "the scale of the attention's logits",
        )


def _saturated(layers: Sequence[Layer]) -> Iterator[Finding]:
    worst = max((layer for layer in layers if layer.saturated), key=lambda one: one.saturated or 0.0, default=None)
    if worst is not None and (worst.saturated or 0.0) > _SATURATED:
        wide = width_of(worst, worst.activation)
        upto = layers[: layers.index(worst) + 1]
        fits = wide > 0 and all(width_of(layer, worst.activation) <= OFF for layer in upto if not layer.is_norm)
        because = f"Its weights are {wide:.2g} times as wide as {worst.activation} needs." if wide > OFF else ""
        yield Finding(
            "saturated",
            worst.name,
            f"{worst.saturated:.0%} of its outputs lie where {worst.activation} is flat",
            because or "Its inputs are too large: normalise the data.",
            None if fits else initialization_for(worst.activation),
            "error" if (worst.saturated or 0.0) > _ALL_DEAD else "warning",
            blamed="the size of the data" if fits else _INITIALIZATION,
        )


def _recurrent(recurrences: Sequence[Recurrence]) -> Iterator[Finding]:
    """Yield the recurrent layer most of whose gates are flat, or whose state grows from step to step."""
    worst = max(recurrences, key=lambda one: one.saturated, default=None)
    if worst is not None and worst.saturated > _SATURATED:
        wide = worst.width > _WIDE
        yield Finding(
            "saturated",
            worst.name,
            f"{worst.saturated:.0%} of its gates lie where sigmoid or tanh is flat, over {worst.steps} steps",
            f"Its recurrent weights are {worst.width:.2g} times as wide as 1/sqrt(units)."
            if wide
            else "Its recurrent weights are not too wide: look at those that take its inputs, and at the inputs' size.",
            "lecun_normal",
            "error" if worst.saturated > _ALL_DEAD else "warning",
        )
        return
    for one in recurrences:
        if one.last > _EXPLODED * one.first > 0 or not math.isfinite(one.last):
            yield Finding(
                "recurrent",
                one.name,
                f"its state grows from {one.first:.2g} to {one.last:.2g} in {one.steps} steps",
                f"Its recurrent weights are {one.width:.2g} times as wide as 1/sqrt(units).",
                "lecun_normal",
            )
            return


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
            "he",
            "error" if worst.nonpositive > _ALL_DEAD else "warning",
            constants=True,
        )


def _embedding(layers: Sequence[Layer], sums: Sequence[Sum]) -> Iterator[Finding]:
    tables = [layer for layer in layers if layer.is_embedding]
    branches = [one.branch for one in sums if one.branch > 0]
    if not tables or len(branches) < 2:
        return
    widest = max(tables, key=lambda one: one.rms)
    ratio = widest.rms / statistics.median(branches)
    if ratio > _DROWNED and widest.rms > _LARGE:
        yield Finding(
            "embedding",
            widest.name,
            f"its vectors are {ratio:.0f} times as large as what the branches add to them, so that the layers hardly "
            f"count at first",
            f"Its standard deviation is {widest.weight_std or widest.rms:.3g}: language models take 0.02.",
            "normal(std=0.02)",
            "warning",
        )
