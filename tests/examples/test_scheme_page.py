"""The page of published schemes: its tables are the kept files, its diffs are fanin's, and its figures are theirs."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import pytest

import fanin
from fanin import Scheme
from fanin.initializers import Initializer

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS / "schemes"
FILES = sorted(path.name for path in KEPT.glob("*.json"))

PAGE = (DOCS / "published-schemes.md").read_text(encoding="utf-8")
RESULTS = [
    (shlex.split(command), result)
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for command, result in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
"""The words of each command of the page, and what it prints."""


def kept(name: str) -> Scheme:
    return Scheme.from_json((KEPT / name).read_text(encoding="utf-8"))


def words(command: str) -> list[tuple[list[str], str]]:
    return [(found, result) for found, result in RESULTS if found[:2] == ["fanin", command]]


@pytest.mark.parametrize("name", FILES)
def test_a_kept_scheme_is_read_and_would_be_written_as_it_is(name: str) -> None:
    assert kept(name).to_json() == (KEPT / name).read_text(encoding="utf-8")


def test_the_page_has_a_command_for_every_file() -> None:
    assert sorted(command[4] for command, _ in words("scheme")) == FILES
    assert len(words("scheme")) + len(words("diff")) == len(RESULTS)
    for command, _ in words("scheme"):
        assert command[3] == "--json"


@pytest.mark.parametrize(("command", "result"), words("scheme"), ids=[one[4] for one, _ in words("scheme")])
def test_the_tables(command: list[str], result: str) -> None:
    assert result == ("" if command[5:] == [">", "/dev/null"] else f"{kept(command[4])}\n")


@pytest.mark.parametrize(("command", "result"), words("diff"), ids=[one[2] for one, _ in words("diff")])
def test_the_diffs(command: list[str], result: str) -> None:
    names = json.loads((KEPT / command[5]).read_text(encoding="utf-8")) if command[4:] else None
    differences = fanin.diff(kept(command[2]), kept(command[3]), names)
    assert result == f"{differences}\n"
    assert differences


def cut(std: float, ends: float) -> Initializer:
    return fanin.profile("torch:trunc_normal", std=std, a=-ends * std, b=ends * std)


def normal(std: float) -> Initializer:
    return fanin.normal(std=std)


def glorot(*fans: int) -> Initializer:
    bound = math.sqrt(6 / sum(fans))
    return fanin.uniform(-bound, bound)


ZEROS = fanin.zeros()
FACTS: list[tuple[str, str, Initializer]] = [
    ("gpt2.json", "transformer.h.7.mlp.c_fc.weight", normal(0.02)),
    ("gpt2.json", "transformer.h.7.mlp.c_proj.weight", normal(0.02 / math.sqrt(2 * 12))),
    ("gpt2.json", "transformer.h.0.attn.c_proj.weight", normal(0.02 / math.sqrt(2 * 12))),
    ("gpt2.json", "transformer.wpe.weight", normal(0.02)),
    ("llama-3.2-1b-transformers.json", "model.layers.15.mlp.down_proj.weight", normal(0.02)),
    ("llama-3.2-1b-torchtitan.json", "layers.0.attention.wo.weight", normal(0.02 / math.sqrt(2))),
    ("llama-3.2-1b-torchtitan.json", "layers.15.feed_forward.w3.weight", normal(0.02 / math.sqrt(32))),
    ("llama-3.2-1b-torchtitan.json", "layers.15.feed_forward.w2.weight", normal(0.02 / math.sqrt(32))),
    ("llama-3.2-1b-torchtitan.json", "layers.15.feed_forward.w1.weight", normal(0.02)),
    ("llama-3.2-1b-torchtitan.json", "tok_embeddings.weight", cut(2048**-0.5, 3)),
    ("vit-b16-torchvision.json", "conv_proj.weight", normal(768**-0.5)),
    (
        "vit-b16-torchvision.json",
        "encoder.layers.encoder_layer_3.self_attention.in_proj_weight",
        glorot(768, 3 * 768),
    ),
    ("vit-b16-torchvision.json", "encoder.layers.encoder_layer_3.mlp.0.weight", glorot(768, 3072)),
    ("vit-b16-torchvision.json", "encoder.layers.encoder_layer_3.mlp.3.bias", normal(1e-6)),
    ("vit-b16-torchvision.json", "heads.head.weight", ZEROS),
    ("vit-b16-timm.json", "head.weight", normal(0.02)),
    ("vit-b16-timm.json", "cls_token", normal(1e-6)),
    ("vit-b16-timm.json", "patch_embed.proj.bias", fanin.uniform(-(768**-0.5), 768**-0.5)),
    ("vit-b16-transformers.json", "vit.embeddings.patch_embeddings.projection.weight", normal(0.02)),
    ("convnext-t-timm.json", "stages.0.blocks.0.conv_dw.weight", normal(0.02)),
    ("convnext-t-timm.json", "stages.3.blocks.2.mlp.fc1.weight", normal(0.02)),
    ("convnext-t-torchvision.json", "features.1.0.layer_scale", fanin.constant(1e-6)),
    ("resnet50-torchvision.json", "conv1.weight", normal(math.sqrt(2 / (64 * 7 * 7)))),
    ("resnet50-timm.json", "layer2.0.conv3.weight", normal(math.sqrt(2 / 512))),
    ("resnet50-timm.json", "layer2.0.bn3.weight", ZEROS),
    ("resnet50-timm.json", "layer2.0.downsample.1.weight", fanin.ones()),
    ("resnet50-torchvision.json", "layer2.0.bn3.weight", fanin.ones()),
    ("resnet50-torchvision.json", "fc.bias", fanin.uniform(-(2048**-0.5), 2048**-0.5)),
    ("bert-base.json", "bert.encoder.layer.11.output.dense.weight", normal(0.02)),
    ("bert-base.json", "cls.predictions.bias", ZEROS),
    ("t5-small.json", "shared.weight", normal(1.0)),
    ("t5-small.json", "decoder.block.5.layer.1.EncDecAttention.q.weight", normal((512 * 64) ** -0.5)),
    ("t5-small.json", "decoder.block.5.layer.1.EncDecAttention.k.weight", normal(512**-0.5)),
    ("t5-small.json", "encoder.block.5.layer.1.DenseReluDense.wo.weight", normal(2048**-0.5)),
]
"""What the page says in words."""


@pytest.mark.parametrize(
    ("name", "parameter", "law"), FACTS, ids=[f"{name}: {parameter}" for name, parameter, _ in FACTS]
)
def test_what_the_page_says_of_a_law(name: str, parameter: str, law: Initializer) -> None:
    found = kept(name)[parameter].initializer
    assert found is not None
    settings, expected = found.to_dict(), law.to_dict()
    assert settings.keys() == expected.keys()
    for key, value in expected.items():
        assert settings[key] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)


def test_the_padding_token_of_bert_starts_at_zero() -> None:
    (row,) = kept("bert-base.json")["bert.embeddings.word_embeddings.weight"].parts
    assert (row.region, row.parameter.initializer) == (((0, 1), (0, 768)), ZEROS)
