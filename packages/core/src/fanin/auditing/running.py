"""One audit: every tensor is read once, judged and forgotten; what is between tensors is judged at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from numpy.typing import NDArray

from fanin.auditing.against_law import against_law
from fanin.auditing.context import Context
from fanin.auditing.findings import Finding, joined, names_text
from fanin.auditing.fingerprints import Fingerprint, fingerprint
from fanin.auditing.fitting import fit
from fanin.auditing.garbage import garbage, is_spoiled
from fanin.auditing.matrices import against_matrix
from fanin.auditing.mismatch import match
from fanin.auditing.norms import constants
from fanin.auditing.outliers import outliers
from fanin.auditing.pairs import aliases, equal_groups, pairs
from fanin.auditing.reading import Reading, read
from fanin.auditing.reading_ahead import Advance, compiled_pass, readings
from fanin.auditing.repeats import repeated
from fanin.auditing.replicas import replicas
from fanin.auditing.report import Audit, Entry
from fanin.auditing.rounding import rounded
from fanin.auditing.seeds import (
    Close,
    against_seed,
    changed,
    moved_slices,
    not_trained,
    other_seed,
    rounded_elsewhere,
    small_seed,
    trained,
)
from fanin.auditing.siblings import Sibling, siblings
from fanin.auditing.slices import odd_slices, stack_axis, wrong_slices
from fanin.auditing.transposed import order_of, transposed
from fanin.auditing.units import Unit, units_of
from fanin.dtypes import DTYPES
from fanin.models import Parameter, Scheme
from fanin.models.parameter import Region
from fanin.weights import Tensor, Weights

__all__ = ["run"]

_SMALL: Final = 1024
"""Weights of which a correlation below 1/4 may be chance: whether they came from the draw, others of the model tell."""

_COPIED: Final = ("rounded", "equal rows", "equal blocks")
"""Kinds of findings that tell where weights came from, and that no training did it."""

_UNTOLD: Final = "Statistics cannot tell a fresh layer from a trained one: bits can, with a scheme and a seed."

_TRAINED: Final = (
    "If the weights were trained, they are no longer those of their laws: audit them before, or with a seed."
)


def run(
    copies: Sequence[Weights],
    scheme: Scheme | None,
    seed: int | None,
    rate: float,
    progress: Callable[[str, int, int], None] | None,
    ignored: Sequence[str] = (),
    states: Sequence[str] = (),
) -> Audit:
    """Audit the first of some replicas, and hold the others against it.

    Args:
        copies: The replicas.
        scheme: What is right, or None.
        seed: The seed, or None.
        rate: The probability that a right model has a finding.
        progress: Is told the name of a tensor, how many elements were read, and of how many.
        ignored: Names that were left out.
        states: Names of keys and counters of generators, which were left out too.
    """
    one = _Run(copies[0], scheme, seed, rate)
    total = sum(tensor.size for tensor in copies[0].values()) * len(copies)
    done = 0

    def advance(name: str, count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(name, done, total)

    for name, reading in readings(one.weights, one.read, advance, ahead=one.scan is not None):
        one.take(name, reading)
    found = [*one.all_findings(), *replicas(copies, advance)]
    left_out = [f"Left out: {names_text(ignored)}."] if ignored else []
    if states:
        left_out.append(f"Keys and counters of random numbers, and no weights: {names_text(states)}.")
    return Audit(
        tuple(joined(found)),
        tuple(one.entries),
        copies[0].source,
        one.elements,
        scheme is not None,
        seed,
        rate,
        (*one.notes, *left_out),
    )


@dataclass
class _Run:
    """The state of one audit."""

    weights: Weights
    scheme: Scheme | None
    seed: int | None
    rate: float
    findings: list[Finding] = field(default_factory=list)
    deferred: list[Finding] = field(default_factory=list)
    close: dict[str, Close] = field(default_factory=dict)
    partly: list[Finding] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    layers: list[Sibling] = field(default_factory=list)
    moved: dict[str, float] = field(default_factory=dict)
    small: list[str] = field(default_factory=list)
    others: dict[str, int | None] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    elements: int = 0
    partial: int = 0

    def __post_init__(self) -> None:
        """Match names, and count the tests."""
        self.parameters: dict[str, tuple[str, Parameter]] = {}
        self.extra: dict[str, Finding] = {}
        if self.scheme is not None:
            matched = match(self.scheme, self.weights)
            self.parameters, self.findings, self.tied = matched.parameters, matched.findings, matched.tied
            self.extra = matched.extra
        else:
            self.tied = _tied(self.weights)
        units = sum(
            len(units_of(name, own, self.weights[name].shape, "float32", parameter, seeded=False))
            for name, (own, parameter) in self.parameters.items()
        )
        count = len(self.weights)
        known = {name: parameter for name, (_, parameter) in self.parameters.items()}
        stacks = sum(stack_axis(tensor.shape, known.get(name)) is not None for name, tensor in self.weights.items())
        self.context = Context(self.rate, max(units, count) + stacks, count, self.scheme is not None, self.seed)
        # With a seed the draw has threads of its own, and a pass over its bits is NumPy's.
        self.scan = compiled_pass(self.weights) if self.seed is None else None
        self.backend: Any = None
        if self.seed is not None:
            from fanin.registry import backend

            self.backend = backend("numpy")
            if self.scheme is not None:
                for name, (own, parameter, shape) in matched.reordered.items():
                    turned = self._transposed(self.weights[name], own, parameter)
                    self.findings = [turned if one is shape and turned is not None else one for one in self.findings]

    @property
    def notes(self) -> list[str]:
        """What there is to say beside the findings."""
        notes = []
        if self.partial:
            notes.append(f"Of {self.partial} tensors this process holds a part, and read that.")
        if self.same:
            named = names_text(self.same)
            notes.append(f"Not in the scheme, but the same as what is in it, bit for bit: {named}.")
        if self.seed is None:
            notes.append(_UNTOLD)
            if any(one.kind == "constant" and "not constant" in one.cause for one in self.findings):
                notes.append(_TRAINED)
        return notes

    def read(self, name: str, advance: Advance) -> Reading | None:
        """Read a tensor; None where it is tied to an earlier one. Nothing else is changed: threads may do it."""
        tensor = self.weights[name]
        if name in self.tied:
            advance(name, tensor.size)
            return None
        own, parameter = self.parameters.get(name, (name, None))
        return read(tensor, own, parameter, self._drawer(), advance, self.scan)

    def take(self, name: str, found: Reading | None) -> None:
        """Judge a tensor, and keep little of it.

        Args:
            name: Its name.
            found: What `read` returned.
        """
        tensor = self.weights[name]
        if found is None:
            first = self.tied[name]
            numbers = math.nan, math.nan
            self.entries.append(Entry(name, "", tensor.shape, tensor.dtype, *numbers, f"tied with {first}", first))
            return
        self.elements += sum(math.prod(b - a for a, b in held) for held in tensor.held)
        self.partial += not tensor.is_whole
        if not found.is_number or not tensor.size:
            verdict = "no elements" if not tensor.size else f"{tensor.dtype}: not judged"
            self.entries.append(Entry(name, "", tensor.shape, tensor.dtype, math.nan, math.nan, verdict))
            return
        verdicts, looks_random = self._judge(found)
        for unit, verdict in zip(found.units, verdicts, strict=True):
            summary = unit.summary
            shape = tuple(stop - start for start, stop in unit.region)
            self.entries.append(Entry(name, unit.place, shape, tensor.dtype, summary.mean, summary.std, verdict))
        if not is_spoiled(found):
            one = fingerprint(found, looks_random=looks_random, context=self.context)
            if one is not None:
                self.prints.append(one)

    def _drawer(self) -> Callable[[Parameter, str, str, Region], NDArray[Any]] | None:
        if self.seed is None:
            return None
        from fanin.locking.comparison import drawn

        seed, backend = self.seed, self.backend
        return lambda parameter, own, dtype, region: drawn(parameter, own, seed, dtype, region, backend)

    def _judge(self, found: Reading) -> tuple[list[str], bool]:
        """Return a verdict for each unit, and whether the weights look independent and random."""
        faults = list(garbage(found, self.context))
        self.findings += faults
        if faults and is_spoiled(found):
            return [faults[0].kind] * len(found.units), False
        same, repeats = repeated(found, self.context)
        self.findings += same
        faults += same
        if not same:
            narrow = list(rounded(found, self.context))
            self.findings += narrow
            faults += narrow
        if found.parameter is None:
            return self._without_scheme(found, faults)
        verdicts = self._with_scheme(found, faults, repeats)
        return verdicts, found.is_random

    def _without_scheme(self, found: Reading, faults: list[Finding]) -> tuple[list[str], bool]:
        unit = found.units[0]
        zeros = unit.summary.zeros if unit.dead else 0
        if not faults and self.scheme is None:  # a wide slice has weights that are far from those of the others
            odd = odd_slices(found, self.context)
            far = outliers(found, self.context) if not odd else None
            faults = odd if far is None else [far]
            self.findings += faults
        result = fit(found, zeros, self.context)
        summary = unit.summary
        if found.tensor.dtype in DTYPES and not faults and self.scheme is None:
            std = 0.0 if summary.is_constant else summary.std
            line = self.context.line(unit)
            self.layers.append(
                Sibling(found.name, found.shape, summary.count, summary.mean, std, line, found.tensor.role)
            )
        verdict = f"{faults[0].kind}; {result.verdict}" if faults else result.verdict
        return [verdict], result.looks_random and not summary.is_constant

    def _with_scheme(self, found: Reading, faults: list[Finding], repeats: float) -> list[str]:
        text, against, relative = against_seed(found)
        moved = against == "moved"
        if against in ("moved", "other") and not faults and found.parameter is not None and found.parameter.is_random:
            turned = self._transposed(found.tensor, found.own, found.parameter)
            if turned is not None:
                self.findings.append(turned)
                return [f"fanin's bits, seed {self.seed}, transposed"] * len(found.units)
        if against == "close" and (one_close := Close.of(found)) is not None:
            self.close[found.name] = one_close
        single = moved_slices(found, self.context) if against in ("moved", "changed") else None
        in_part = single is not None and single.kind == "seed"  # no training moves a few slices alone
        is_small = against == "other" and found.tensor.size <= _SMALL
        verdicts, wrong, by_hand = [], False, False
        for unit in found.units:
            random = unit.parameter is not None and unit.parameter.is_random
            if against in ("equal", "close") and random:
                verdicts.append(f"{text}, seed {self.seed}")
                continue
            verdict, own = self._of_unit(found, unit, repeats)
            wrong = wrong or bool(own)
            if unit.summary.huge and own and own[0].kind == "outlier":  # a second name for garbage
                verdict, own = faults[0].kind, []
            why = not_trained(found, unit) if moved and random and own else ""
            zeroed = bool(faults) and unit.departure is not None and unit.departure.values == {0.0}
            by_hand = by_hand or bool(why) or (moved and random and zeroed)
            if why:
                self.findings += [replace(one, cause=f"{one.cause}; {why}") for one in own]
            elif moved and not (in_part and own):
                verdict = text if not in_part else f"{text}, in a part"
            elif against == "constant" or is_small:
                self.deferred += own
            else:
                self.findings += own
            if against == "other" and random and not own:
                verdict += f", another draw than seed {self.seed}"
            verdicts.append(verdict)
        if single is not None and not wrong and not faults:
            self.partly.append(single)
        if moved and not by_hand and not in_part and not any(one.kind in _COPIED for one in faults):
            self.moved[found.name] = relative
        if against == "changed" and single is None and not wrong and not faults:
            self.findings.append(changed(found, self.context))
        if against == "other" and not wrong and not faults:
            self.others[found.name] = self._small_seed(found)
            if is_small and self.others[found.name] is None:
                self.small.append(found.name)
            self.lines[found.name] = self.context.line(found.units[0])
        if faults and not wrong:
            verdicts = [f"{faults[0].kind}; {verdict}" for verdict in verdicts]
        return verdicts

    def _transposed(self, tensor: Tensor, own: str, parameter: Parameter) -> Finding | None:
        """Return the finding that a tensor is the draw in another order of the axes; None where it is not."""
        drawer = self._drawer()
        assert drawer is not None
        order = order_of(tensor, parameter, lambda dtype, region: drawer(parameter, own, dtype, region))
        return None if order is None else transposed(tensor, parameter, order, self.context)

    def _small_seed(self, found: Reading) -> int | None:
        from fanin.locking.comparison import drawn

        own, parameter = self.parameters[found.name]

        def draw(seed: int, dtype: str, region: Region) -> NDArray[Any]:
            return drawn(parameter, own, seed, dtype, region, self.backend)

        return small_seed(found, draw)

    def _of_unit(self, found: Reading, unit: Unit, repeats: float) -> tuple[str, list[Finding]]:
        if not unit.summary.count:
            return "no elements", []
        if unit.law is None:
            note = unit.parameter.note if unit.parameter is not None else None
            return f"no law: {note or 'the scheme says none'}", []
        if found.tensor.dtype not in DTYPES and unit.is_random:
            return f"{found.tensor.dtype}: not judged", []
        verdict, own = against_law(unit, repeats, self.context)
        if not verdict:
            return against_matrix(found, unit, self.context)
        if single := wrong_slices(found, unit, own, self.context):
            return f"{verdict if not own else 'the law'}, but for {single[0].evidence['which']}", single
        return verdict, own

    def _explain_aliases(self) -> None:
        """Take tensors that the scheme does not have, and that are the same as one that it has, for tied ones."""
        self.same = aliases(self.prints, set(self.extra), self.context)
        self.extra = {name: one for name, one in self.extra.items() if name not in self.same}
        self.prints = [one for one in self.prints if one.name not in self.same]
        self.entries = [
            replace(one, verdict=f"the same as {self.same[one.name]}", same_as=self.same[one.name])
            if one.name in self.same
            else one
            for one in self.entries
        ]

    def _other_draws(self) -> dict[str, int | None]:
        """Return what was drawn with another seed, but for copies, whose fault is that they are copies."""
        others = {name: seed for name, seed in self.others.items() if not self.moved or name not in self.small}
        for group in equal_groups(self.prints, self.context):
            drawn = [one.name for one in group if one.name in others]
            for name in drawn if len(drawn) < len(group) else ():
                del others[name]
        return others

    def all_findings(self) -> Iterator[Finding]:
        """Yield all findings, those between tensors included."""
        self._explain_aliases()
        yield from self.extra.values()
        yield from self.findings
        others = self._other_draws()
        if others:
            yield other_seed(others, self.lines[next(iter(others))], self.context)
        if self.close:
            yield rounded_elsewhere(self.close, self.context)
        for one in self.partly:  # experts that came to be used, where other weights were trained
            is_note = self.moved and one.evidence["may be trained"]
            yield replace(one, severity="note") if is_note else one
        if self.moved:
            names = [name for one in self.deferred for name in one.parameters] + self.small
            yield trained(self.moved, names, self.context)
        else:
            yield from self.deferred
        yield from pairs(self.prints, self.moved, self.context)
        if self.scheme is None:
            unlike = list(siblings(self.layers, self.context))
            yield from unlike
            known = {name for one in unlike for name in one.parameters}
            yield from constants((one for one in self.layers if one.name not in known), self.context)


def _tied(weights: Weights) -> dict[str, str]:
    """Return the tensors that are in the memory of an earlier one, and its name."""
    first: dict[Hashable, str] = {}
    tied = {}
    for name, tensor in weights.items():
        if tensor.memory is not None and first.setdefault(tensor.memory, name) != name:
            tied[name] = first[tensor.memory]
    return tied
