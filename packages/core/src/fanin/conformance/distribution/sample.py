"""A sample of an implementation on trial, with what several checks need of it computed once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from fanin.conformance.adapter import Adapter, BackendAdapter, NotClaimed
from fanin.conformance.calls import DECLARE, NOT_CLAIMED, asking
from fanin.conformance.case import Case
from fanin.conformance.check import Result, raised
from fanin.conformance.claims import Claims
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.statistics import ALPHA
from fanin.initializers import Initializer, Law
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry
from fanin.stream.keys import seed_words

__all__ = ["Sample", "SampleTrial"]

Floats = npt.NDArray[np.float64]
Drawn = TypeVar("Drawn")
_SEEDS: Final = 1 << 64


@dataclass(frozen=True)
class Sample:
    """Weights that were drawn, and the law that they should follow."""

    case: Case
    call: str
    law: ExpectedLaw
    values: npt.NDArray[Any]

    @property
    def n(self) -> int:
        """Number of weights."""
        return self.values.size

    @cached_property
    def standard(self) -> Floats:
        """The weights less their mean, over their standard deviation, flat in stored order."""
        return (self.values.astype(np.float64).ravel() - self.law.mean) / self.law.std

    @cached_property
    def scores(self) -> Floats:
        """The weights' ranks in (0, 1): the law's distribution function of each, flat in stored order."""
        return self.law.cdf(self.values.ravel())

    @cached_property
    def uniform(self) -> npt.NDArray[np.float32]:
        """The ranks shifted and stretched to mean 0 and variance 1: their products have short tails."""
        return ((self.scores - 0.5) * math.sqrt(12)).astype(np.float32)


@dataclass(frozen=True)
class SampleTrial:
    """An implementation on trial, and the seed from which all others are counted.

    Attributes:
        adapter: The implementation.
        seed: Added to the seed of every case.
        alpha: The false-alarm probability of one test.
        claims: What it was asked for, and what of that it offers.

    Raises:
        FaninError: The seed is no integer in [0, 2^64).
    """

    adapter: Adapter
    seed: int = 0
    alpha: float = ALPHA
    claims: Claims = field(default_factory=Claims, compare=False)
    _samples: dict[Case, Sample] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        seed_words(self.seed)  # which refuses what is no seed

    def seed_of(self, case: Case) -> int:
        """Return the seed that a case is drawn with."""
        return (self.seed + case.seed) % _SEEDS

    def call(self, case: Case) -> str:
        """Return the call as text: of `fanin.init`, or what the adapter was asked for."""
        seeded = dataclasses.replace(case, seed=self.seed_of(case))
        if isinstance(self.adapter, BackendAdapter):
            return seeded.call(self.adapter.name)
        return f"{self.adapter.name}: {seeded.arguments()}"

    def weights(self, case: Case) -> npt.NDArray[Any]:
        """Return freshly drawn weights, after a look at their shape, dtype and finiteness.

        Raises:
            NotClaimed: The implementation does not offer the case.
            CallError: The implementation raised something else.
            AssertionError: The shape or dtype is another one, or there are infinities or NaNs.
        """
        with asking(lambda: self.call(case), DECLARE if isinstance(self.adapter, BackendAdapter) else NOT_CLAIMED):
            values = self._ask(case)
        wanted = "float32" if case.dtype == "bfloat16" else case.dtype
        if values.shape != case.shape or values.dtype.name != wanted:
            raise AssertionError(
                f"{self.call(case)} gave shape {values.shape} of {values.dtype}, expected {case.shape} of {wanted}"
            )
        if not np.isfinite(values).all():
            raise AssertionError(f"{self.call(case)} gave {int((~np.isfinite(values)).sum())} infinities or NaNs")
        return values

    def _ask(self, case: Case) -> npt.NDArray[Any]:
        try:
            values = self.adapter.sample(
                initializer_of(case),
                case.shape,
                layout=case.layout,
                seed=self.seed_of(case),
                name=case.name,
                dtype=case.dtype,
                groups=case.groups,
                transposed=case.transposed,
                stride=case.stride,
            )
        except NotClaimed:
            self.claims.refuse(case.plan())
            raise
        self.claims.draw(case.plan(), named=self.adapter.named)
        return values

    def sample(self, case: Case, law: Law | None = None) -> Sample:
        """Return the case's sample, drawn once and kept; `law` where the law is not the one that the core computes."""
        if case not in self._samples:
            expected = law or initializer_of(case).law(geometry_of(case).fans() if case.layout else None)
            self._samples[case] = Sample(case, self.call(case), ExpectedLaw.of(expected), self.weights(case))
        return self._samples[case]

    def samples(self, cases: tuple[Case, ...], law: Law | None = None) -> Iterator[Sample | Result]:
        """Yield the sample of each case, or the result that says why there is none."""
        for case in cases:
            yield self.guarded(case, lambda case=case: self.sample(case, law))  # type: ignore[misc]

    def drawn(self, case: Case) -> npt.NDArray[Any] | Result:
        """Return freshly drawn weights, or the result that says why there are none."""
        return self.guarded(case, lambda: self.weights(case))

    def guarded(self, case: Case, draw: Callable[[], Drawn]) -> Drawn | Result:
        """Return what is drawn, or the result that says why nothing is: not claimed, or an exception."""
        try:
            return draw()
        except NotClaimed as reason:
            return Result(on=self.call(case), verdict="skipped", note=str(reason))
        except AssertionError as error:
            return Result(
                on=self.call(case),
                verdict="failed",
                call=self.call(case),
                expected="finite weights of the shape and dtype asked for",
                got=str(error),
            )
        except Exception as error:
            return raised(self.call(case), error)


def initializer_of(case: Case) -> Initializer:
    """Return the case's initializer as a value."""
    return get_initializer(case.initialization)


def geometry_of(case: Case) -> Geometry:
    """Return the case's tensor."""
    return Geometry.of(case.shape, case.layout, case.groups, case.transposed, case.stride)
