"""How often an audit finds fault with a right model: published architectures, each built with many seeds.

python tests/models/audit_calibration.py --seeds 50 --rates 1e-6 0.1    # 20 architectures: 1,000 models

Each model is built by its own code, by torch's generator, and audited with the scheme that was recorded of its first
build. The probability of a false finding of each audit is at most the rate. It prints the false findings and their
share. 1,000 models of which n have one say by Clopper and Pearson's interval what the probability is at most.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Final

import published_models
import torch
from published_models import Published
from scipy.stats import beta

import fanin
from fanin_torch import record

BOUND: Final = "the bound of trunc_normal_"
"""What is no false finding: timm's own `trunc_normal_` draws such weights."""

TIMM: Final = (
    "test_resnet test_efficientnet test_byobnet test_convnext test_vit test_mambaout resnet18 mobilenetv3_small_050 "
    "lcnet_050 vit_tiny_patch16_224"
)
TRANSFORMERS: Final = (
    ("bert", "BertForPreTraining"),
    ("gpt2", "GPT2LMHeadModel"),
    ("llama", "LlamaForCausalLM"),
    ("mistral", "MistralForCausalLM"),
    ("t5", "T5ForConditionalGeneration"),
    ("vit", "ViTModel"),
    ("qwen2", "Qwen2ForCausalLM"),
    ("wav2vec2", "Wav2Vec2ForPreTraining"),
)
TORCHVISION: Final = ("squeezenet1_1", "shufflenet_v2_x0_5")


def architectures() -> Iterator[Published]:
    """Yield the models."""
    yield from map(published_models.timm_model, TIMM.split())
    import torchvision  # timm's models have declared its operators

    for name in TORCHVISION:
        yield Published(f"torchvision:{name}", partial(torchvision.models.get_model, name, weights=None))
    for kind, name in TRANSFORMERS:
        model = published_models.transformers_model(kind, name)
        assert model is not None, name
        yield model


def at_most(failures: int, count: int, confidence: float = 0.99) -> float:
    """Return the upper end of Clopper and Pearson's interval for a probability."""
    return 1.0 if failures == count else float(beta.ppf(confidence, failures + 1, count - failures))


def main() -> None:
    """Run."""
    from rich.progress import Progress

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=50)
    arguments.add_argument("--rates", type=float, nargs="+", default=[1e-6, 0.1])
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    models = list(architectures())
    false, bounds = dict.fromkeys(sorted(chosen.rates, reverse=True), 0), 0
    tensors = weights = 0
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("auditing", total=len(models) * chosen.seeds)
        for model in models:
            torch.manual_seed(0)
            with record() as recording:
                scheme = recording.scheme(model.build())
            for seed in range(1000, 1000 + chosen.seeds):
                torch.manual_seed(seed)
                built = model.build()
                at_bound = False
                for rate in false:  # the largest first: what it does not find, a smaller one does not find either
                    report = fanin.audit(built, scheme, false_alarm_rate=rate)
                    found = [one for one in report.findings if one.severity != "note"]
                    wrong = [one for one in found if BOUND not in one.cause]
                    at_bound = at_bound or len(wrong) < len(found)
                    false[rate] += bool(wrong)
                    for one in wrong:
                        print(f"{model.name}, seed {seed}, rate {rate:g}: {one}", flush=True)
                    if not found:
                        break
                bounds += at_bound
                tensors, weights = tensors + len(report.entries), weights + report.elements
                progress.advance(task)
    count = len(models) * chosen.seeds
    print(f"{len(models)} architectures, {count:,} models, {tensors:,} tensors, {weights / 1e9:.2f} billion weights")
    print(f"{bounds} models have a weight at {BOUND}, where timm's function puts one of 2^24")
    for rate, failures in false.items():
        bound = at_most(failures, count)
        print(f"rate {rate:g}: {failures} of {count:,} models have a false finding; below {bound:.2g} with 99 %")


if __name__ == "__main__":
    main()
