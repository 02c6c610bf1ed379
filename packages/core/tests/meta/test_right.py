"""The suite passes what is right: what mutants are made from, and an implementation that is no backend.

The plain toy backend passes both levels in `tests/thirdparty`.
"""

from __future__ import annotations

import pytest

from fanin.conformance import run
from fanin.initializers import Normal

from .honest import HonestAdapter, Specialist
from .mutants.backends.jit import CompilingToy
from .mutants.backends.matrix_toy import MatrixBackend


def test_the_toy_with_matrices_passes_what_is_said_of_them() -> None:
    """From it the mutants of matrices are made: what it gets wrong would be called caught in all of them."""
    report = run(MatrixBackend(), only=["behaviour.*", "bits.*", "close.*", "matrices.*"])
    assert report.passed, "\n".join(result.text() for result in report.failures)


def test_a_compiler_that_changes_nothing_passes() -> None:
    report = run(CompilingToy(), ["exact"], only=["behaviour.signatures", "behaviour.jit"])
    assert report.passed, "\n".join(result.text() for result in report.failures)
    assert sum(result.check == "behaviour.jit" for result in report.results) == 48


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 11])
def test_an_implementation_that_shares_nothing_passes(seed: int) -> None:
    report = run(HonestAdapter(), seed=seed)
    assert report.passed, "\n".join(result.text() for result in report.failures)
    skipped = {result.note for result in report.results if result.verdict == "skipped"}
    assert skipped == {"NumPy has no bfloat16"}


def test_of_one_tensor_the_dispersion_tells_a_normalisation_alone() -> None:
    report = run(Specialist(lambda law: law == Normal(0.0, 0.01)), only=["moments.dispersion"])
    assert report.passed
    assert [result.detects for result in report.results] == [
        "means that do not vary at all",
        "variances that do not vary at all",
    ]
