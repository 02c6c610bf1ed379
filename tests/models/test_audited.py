"""What docs/audited.md says of models by name is what an audit finds, and trained weights are no faults."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from published_models import declare_torchvision, timm_model, transformers_model
from torch import nn

import fanin
from fanin.auditing import Audit

PAGE: Final = (Path(__file__).parents[2] / "docs" / "audited.md").read_text(encoding="utf-8")


def audited(build: Callable[[], Any], seed: int = 0) -> Audit:
    torch.manual_seed(seed)
    return fanin.audit(build())


def kinds(report: Audit) -> set[tuple[str, str]]:
    return {(one.severity, one.kind) for one in report.findings}


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


def decoder() -> nn.Module:
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(64, 4, 128), 3)


@pytest.mark.parametrize("build", [encoder, decoder])
def test_cloned_layers_are_equal(build: Callable[[], nn.Module]) -> None:
    report = audited(build)
    assert kinds(report) == {("error", "equal parameters")}
    named = {name for one in report.findings for name in one.parameters}
    assert {f"layers.{k}.linear1.weight" for k in range(3)} <= named


def test_a_whole_transformer_shares_biases_alone() -> None:
    named = {
        name
        for one in audited(lambda: nn.Transformer(64, 4, 3, 3, 128, batch_first=True)).findings
        for name in one.parameters
    }
    assert named
    assert all(name.endswith("bias") for name in named)


def test_timms_truncated_normal_has_weights_at_its_bound() -> None:
    """Of 2^26 weights four on average; none with a probability of 2 %, which this seed does not have."""
    declare_torchvision()
    from timm.layers import trunc_normal_

    torch.manual_seed(0)
    weight = trunc_normal_(torch.empty(1 << 13, 1 << 13), std=0.02)
    (found,) = fanin.audit({"fc.weight": weight}).findings
    assert found.kind == "outlier"
    assert found.evidence["lowest"] == -2
    assert "the bound of trunc_normal_" in str(found)


def test_torchs_own_has_none() -> None:
    torch.manual_seed(0)
    weight = nn.init.trunc_normal_(torch.empty(1 << 13, 1 << 13), std=0.02)
    assert fanin.audit({"fc.weight": weight}).findings == ()


def torchvision(name: str) -> nn.Module:
    declare_torchvision()
    import torchvision

    found: nn.Module = torchvision.models.get_model(name, weights=None)
    return found


DEFAULTS: Final[dict[str, Callable[[], nn.Module]]] = {
    "shufflenet_v2_x0_5": partial(torchvision, "shufflenet_v2_x0_5"),
    "s3d": partial(torchvision, "s3d"),
    "convmixer_768_32": lambda: timm_model("convmixer_768_32").build(),
    "dpn68": lambda: timm_model("dpn68").build(),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DEFAULTS)
def test_layers_that_keep_torchs_default(name: str) -> None:
    kernels = [
        one for one in audited(DEFAULTS[name]).entries if sum(size > 1 for size in one.shape) > 1 and one.std > 0
    ]
    left = [one for one in kernels if "torch's default" in one.verdict]
    assert len(left) >= 0.9 * len(kernels)


@pytest.mark.filterwarnings("ignore")
def test_latents_that_are_all_ones() -> None:
    from transformers import Idefics2Config
    from transformers.models.idefics2.modeling_idefics2 import Idefics2PerceiverResampler

    config = Idefics2Config(text_config={"model_type": "mistral", "hidden_size": 32, "intermediate_size": 48})
    report = audited(lambda: Idefics2PerceiverResampler(config.perceiver_config))
    latents = next(one for one in report.entries if one.name == "latents")
    assert latents.verdict == "every weight is 1"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "name"),
    [("mobilevitv2", "MobileViTV2Model"), ("mobilevit", "MobileViTModel"), ("rt_detr", "RTDetrModel")],
)
def test_norms_that_start_with_random_scales(kind: str, name: str) -> None:
    declare_torchvision()
    model = transformers_model(kind, name)
    assert model is not None
    scales_are_random(model.build)


@pytest.mark.filterwarnings("ignore")
def test_so_do_efficientnets() -> None:
    from transformers import EfficientNetConfig, EfficientNetModel

    scales_are_random(lambda: EfficientNetModel(EfficientNetConfig(width_coefficient=1.0, depth_coefficient=1.0)))


def scales_are_random(build: Callable[[], Any]) -> None:
    (found,) = (one for one in audited(build).findings if one.kind == "norm" and one.severity == "warning")
    assert len(found.parameters) > 10
    assert abs(found.evidence["mean"]) < found.evidence["std"] < 0.05


@pytest.mark.parametrize(
    ("file", "line", "text"),
    [
        ("transformers/models/efficientnet/modeling_efficientnet.py", 441, "nn.BatchNorm2d"),
        ("transformers/models/mobilevit/modeling_mobilevit.py", 601, "nn.BatchNorm2d"),
        ("transformers/models/rt_detr/modeling_rt_detr.py", 1050, "nn.BatchNorm2d"),
        ("torch/nn/modules/transformer.py", 1195, "def _get_clones"),
        ("torch/nn/modules/transformer.py", 311, "def _reset_parameters"),
        ("timm/layers/weight_init.py", 19, "def _trunc_normal_"),
        ("transformers/models/idefics2/modeling_idefics2.py", 387, "init.ones_(module.latents)"),
        ("transformers/models/blip_2/modeling_blip_2.py", 440, "init.zeros_(module.query_tokens)"),
        ("transformers/models/instructblip/modeling_instructblip.py", 353, "init.zeros_(module.query_tokens)"),
    ],
)
def test_the_lines_that_the_page_names(file: str, line: int, text: str) -> None:
    where = importlib.metadata.distribution(file.partition("/")[0]).locate_file(file)
    assert text in Path(str(where)).read_text(encoding="utf-8").splitlines()[line - 1]
    assert file.rpartition("/")[2] in PAGE
    assert re.search(rf"\bline {line}\b", PAGE)


@pytest.mark.parametrize("name", re.findall(r"\w+", PAGE.partition("have such a line: ")[2].partition(" |")[0]))
def test_the_files_that_have_such_a_line(name: str) -> None:
    where = importlib.metadata.distribution("transformers").locate_file(
        f"transformers/models/{name}/modeling_{name}.py"
    )
    text = Path(str(where)).read_text(encoding="utf-8")
    assert re.search(r"nn.BatchNorm2d\)+:\n +init.normal_\(module.weight", text)


TRAINED: Final = {
    "silero-vad": "silero_vad/data/silero_vad_16k.safetensors",
    "lpips": "lpips/weights/v0.1/vgg.pth",
}


@pytest.mark.parametrize("package", TRAINED)
def test_trained_weights_have_no_findings_and_no_law(package: str) -> None:
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    report = fanin.audit(Path(str(found.locate_file(TRAINED[package]))))
    assert report.findings == ()
    large = [one for one in report.entries if one.name.startswith(("conv", "lstm", "lin")) and "weight" in one.name]
    assert large
    trained = [one for one in large if "trained" in one.verdict]
    assert len(trained) == len(large), str(report)
