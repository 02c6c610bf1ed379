"""torchtitan's models: the laws are their own, and their weights are the same on every mesh."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from model_checks import FALSE_ALARM, compare, kind_of, same_bits, tensors
from scipy import stats
from titan_jobs import cases, run
from titan_models import MODELS, Mesh, logits
from titan_process import digests, whole

import fanin
import fanin_torch

pytestmark = pytest.mark.filterwarnings("ignore")

LAWS = {
    ("llama3", "tok_embeddings.weight"): fanin.normal(std=1.0),
    ("llama3", "layers.0.attention.wo.weight"): fanin.normal(std=0.02 / 2**0.5),
    ("llama3", "layers.1.feed_forward.w2.weight"): fanin.normal(std=0.02 / 4**0.5),
    ("llama3", "layers.1.ffn_norm.weight"): fanin.ones(),
    ("qwen3", "tok_embeddings.weight"): fanin.normal(std=0.02),
    ("deepseek_v3", "layers.1.moe.router.gate.weight"): fanin.normal(std=0.02 / 4**0.5),
    ("deepseek_v3", "layers.1.moe.expert_bias_E"): fanin.zeros(),
}
"""What torchtitan's configurations say: a std of 0.02 / sqrt(2 (layer + 1)). Their cuts at 2 cut nothing off."""

DISTINCT = {"llama3": 5, "qwen3": 1, "deepseek_v3": 5}
"""How many random laws each model has."""

NEAR = 1e-4
"""Far above what the order of a sum changes, in bfloat16 where DeepSeek's experts are, and far below any logit."""


@cache
def recorded(name: str) -> tuple[Any, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return a model's scheme, its own numbers, and fanin's."""
    torch.manual_seed(5)
    own = tensors(MODELS[name].build())
    with fanin_torch.record(draw=False) as recording:
        model = MODELS[name].build()
    scheme = recording.scheme(model)
    return scheme, own, tensors(fanin_torch.init_module_(model, scheme, seed=1))


@cache
def expected(name: str) -> dict[str, str]:
    """The digests of one process."""
    return digests(whole(MODELS[name], Mesh()))


@cache
def found(processes: int) -> dict[tuple[str, Mesh], list[dict[str, Any]]]:
    return run(processes)


def reports(name: str, mesh: Mesh) -> list[dict[str, Any]]:
    """Return what each process found of one model on one mesh."""
    each = found(mesh.processes)[name, mesh]
    assert [one["error"] for one in each if "error" in one] == []
    return each


EVERYWHERE = pytest.mark.parametrize(
    ("name", "mesh"), [pytest.param(*case, id=" ".join(map(str, case))) for n in (1, 2, 4) for case in cases(n)]
)


@pytest.mark.parametrize(("name", "tensor"), LAWS)
def test_a_law_is_what_the_configuration_says(name: str, tensor: str) -> None:
    assert recorded(name)[0][tensor].initializer == LAWS[name, tensor]


def test_the_output_is_cut_at_three_standard_deviations() -> None:
    law = recorded("llama3")[0]["lm_head.weight"].initializer
    assert (law.lower, law.upper) == (-3, 3)
    assert law.std == pytest.approx(256**-0.5 * stats.truncnorm.std(-3, 3), rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_laws_are_those_of_the_model_s_own_numbers(name: str) -> None:
    scheme, own, drawn = recorded(name)
    assert compare(scheme, own, drawn) == (DISTINCT[name], [])


@pytest.mark.parametrize("name", MODELS)
def test_what_follows_no_law_is_computed_alike(name: str) -> None:
    scheme, own, drawn = recorded(name)
    others = {key: kind_of(parameter) for key, parameter in scheme.items() if not parameter.follows_laws}
    assert set(others.values()) <= {"computed", "replayed"}
    assert sum(kind == "computed" for kind in others.values()) == 2  # the rotary table of each layer
    assert sum(kind == "replayed" for kind in others.values()) == (2 if name == "llama3" else 0)  # fused q, k, v
    for key, kind in others.items():
        if kind == "computed":
            assert same_bits(own[key], drawn[key]), key
        else:
            two = [one[key].flatten().numpy() for one in (own, drawn)]
            assert stats.ks_2samp(*two).pvalue > FALSE_ALARM, key


def test_fused_projections_are_three_draws_in_turn() -> None:
    """Each of torchtitan's heads has rows of the query, the key and the value; no two of them are copies."""
    weight = recorded("llama3")[2]["layers.0.attention.qkv_linear.wqkv.weight"]
    rows = weight.view(16, 3, 16, 256)
    assert len(torch.unique(rows[:, :, 0, 0])) == 48


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_passes(name: str) -> None:
    out, _ = logits(whole(MODELS[name], Mesh()), Mesh())
    assert torch.isfinite(out).all()
    assert out.std() > 0.1


@EVERYWHERE
def test_every_tensor_is_that_of_one_process(name: str, mesh: Mesh) -> None:
    for one in reports(name, mesh):
        assert one["digests"] == expected(name)


@EVERYWHERE
def test_each_process_draws_what_it_holds_and_asks_no_other(name: str, mesh: Mesh) -> None:
    for one in reports(name, mesh):
        assert one["on meta"]
        assert one["communication"] == 0
        assert one["drawn"] == one["held"]
        assert bool(one["replayed"]) == (name == "llama3")  # what follows no law is computed whole, and cut


@EVERYWHERE
def test_a_distributed_forward_pass_is_near_that_of_one_process(name: str, mesh: Mesh) -> None:
    for one in reports(name, mesh):
        assert one["finite"]
        assert one["shape"][0] == one["shape"][1]
        assert one["spread"] > 0.1
        assert one["difference"] < NEAR
