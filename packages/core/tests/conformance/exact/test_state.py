"""Each piece of a process's state is looked at: a backend that sets it, to the same value at every draw, is caught."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest
from fanin_toy import Array, ToyBackend

from fanin.conformance import run
from fanin.conformance.exact import behaviour
from fanin.conformance.exact.state import PROBES, Probe, read_state, sentinels
from fanin.plans import Plan

OTHERS = {
    "torch's default device": "cpu",
    "torch's deterministic mode": (False, False),
    "the processor's flushing of subnormals": True,
    "jax's configuration jax_debug_nans": True,
    "jax's configuration jax_numpy_dtype_promotion": "strict",
}
"""What to set where there is one sentinel only."""


@pytest.mark.parametrize("probe", PROBES, ids=[probe.what for probe in PROBES])
def test_what_is_set_once_is_seen(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip(probe.module)
    monkeypatch.setattr(behaviour, "CASES", behaviour.CASES[:1])
    value = OTHERS[probe.what] if probe.what in OTHERS else probe.values(module)[0]

    class Setting(ToyBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            probe.write(module, value)
            return super().draw(plan, device=device)

    before = probe.read(module)
    try:
        (failure,) = run(Setting(), ["exact"], only=["behaviour.global_state"]).failures
    finally:
        probe.write(module, before)
    assert failure.got == f"changed: {probe.what}"


def test_the_state_is_as_it_was_afterwards() -> None:
    before = read_state()
    for which in range(2):
        with sentinels(which):
            during = read_state()
        assert read_state() == before
        assert {what for what in before if during[what] == before[what]} <= set(OTHERS) | {
            what for what in before if what.startswith(("jax", "torch's gradient"))
        }


def test_what_a_draw_has_put_into_the_environment_is_taken_away_before_the_next() -> None:
    os.environ["FANIN_TEST_ONLY"] = "1"
    try:
        with sentinels(0):
            assert "FANIN_TEST_ONLY" not in os.environ
        assert os.environ["FANIN_TEST_ONLY"] == "1"
    finally:
        del os.environ["FANIN_TEST_ONLY"]


def test_a_backend_may_silence_a_warning_of_its_own() -> None:
    class Quiet(ToyBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return super().draw(plan, device=device)

    assert run(Quiet(), ["exact"], only=["behaviour.global_state"]).passed
