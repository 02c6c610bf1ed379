"""The same network in torch and in JAX: equal bits, outputs equal to rounding, and mistakes of a port that show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flax")

import pair_gpt
import pair_resnet
import pair_vit
from pairs import SEED, Pair, distance, jax_arrays, stirred, torch_arrays

import fanin
import fanin_jax
import fanin_torch
from fanin import Scheme

PAGE = Path(__file__).parents[2] / "docs" / "same-network.md"
ROUNDING = {"resnet": 4e-6, "vit": 2e-6, "gpt": 1e-6}
"""What is rounding, as a fraction of the largest output: some six times what was measured, for other processors."""

PAIRS = {"resnet": pair_resnet.resnet(), "vit": pair_vit.vit(), "gpt": pair_gpt.gpt()}
MISTAKES = [
    *(("resnet", mistake) for mistake in pair_resnet.MISTAKES),
    *(("vit", mistake) for mistake in pair_vit.MISTAKES),
    *(("gpt", mistake) for mistake in pair_gpt.MISTAKES),
]


@pytest.fixture(scope="module")
def probes() -> dict[str, tuple[Scheme, np.ndarray]]:
    """Return a scheme without two equal constants, and torch's output, of each pair."""
    made = {}
    for name, pair in PAIRS.items():
        scheme = stirred(pair.recorded[1])
        made[name] = scheme, pair.expected(scheme)
    return made


@pytest.mark.parametrize("name", PAIRS)
def test_every_parameter_has_the_same_bits(name: str) -> None:
    pair = PAIRS[name]
    module, scheme = pair.recorded
    theirs = torch_arrays(fanin_torch.init_module_(module, scheme, seed=SEED), scheme)
    port = pair.port("")
    built = fanin_jax.build(port.function, *port.args, seed=SEED, scheme=pair.ported)
    ours = jax_arrays(built, pair.ported)
    assert ours.keys() == pair.ported.keys()
    for own, array in ours.items():
        wanted = pair.names.get(own, own)
        several = [wanted] if isinstance(wanted, str) else wanted
        expected = np.concatenate([theirs[one] for one in several])
        assert (array.dtype, array.tobytes()) == (expected.dtype, expected.tobytes()), own


@pytest.mark.parametrize("name", PAIRS)
def test_the_laws_are_torchs(name: str) -> None:
    """And are not the port's own: without `like` the weights are others."""
    pair = PAIRS[name]
    names = {ours: str(theirs) for ours, theirs in pair.names.items() if theirs in pair.recorded[1]}
    port = pair.port("")
    before = fanin.diff(fanin_jax.record(port.function, *port.args), pair.recorded[1], names)
    after = fanin.diff(pair.ported, pair.recorded[1], names)
    assert "law" in {one.what for one in before}
    assert {one.what for one in after} <= {"shape", "layout", "missing"}


@pytest.mark.parametrize("name", PAIRS)
def test_the_outputs_agree(name: str) -> None:
    pair = PAIRS[name]
    expected = pair.expected(pair.recorded[1])
    assert distance(pair.found(pair.recorded[1]), expected) < ROUNDING[name]


@pytest.mark.parametrize("name", PAIRS)
def test_the_outputs_agree_with_random_constants(name: str, probes: dict[str, tuple[Scheme, np.ndarray]]) -> None:
    scheme, expected = probes[name]
    assert distance(PAIRS[name].found(scheme), expected) < ROUNDING[name]


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_a_mistake_shows(name: str, mistake: str, probes: dict[str, tuple[Scheme, np.ndarray]]) -> None:
    scheme, expected = probes[name]
    assert distance(PAIRS[name].found(scheme, mistake), expected) > 2 * ROUNDING[name]


def test_two_names_for_each_other_show(probes: dict[str, tuple[Scheme, np.ndarray]]) -> None:
    """Two biases have equal shapes, and start with equal zeros: only the random constants tell."""
    name = "resnet"
    pair = PAIRS[name]
    names = {**pair.names, "bn1.bias": "bn1.running_mean", "bn1.mean": "bn1.bias"}
    wrong = Pair(pair.build, pair.port, names, pair.input, pair.run)
    own = pair.recorded[1]
    assert distance(wrong.found(own), pair.expected(own)) < ROUNDING[name]
    scheme, expected = probes[name]
    assert distance(wrong.found(scheme), expected) > 2 * ROUNDING[name]


def test_the_page_says_what_is_measured(probes: dict[str, tuple[Scheme, np.ndarray]]) -> None:
    """Each mistake to a factor of 2, which other processors do not reach."""
    rows = re.findall(r"^\|.*\| (\w+) \| (\de-\d\d) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [mistake for mistake, _ in rows] == [mistake for _, mistake in MISTAKES]
    for (name, mistake), (_, written) in zip(MISTAKES, rows, strict=True):
        scheme, expected = probes[name]
        assert 0.5 < distance(PAIRS[name].found(scheme, mistake), expected) / float(written) < 2, mistake
