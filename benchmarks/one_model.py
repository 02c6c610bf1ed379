"""One model, built in one way in a process of its own: `python benchmarks/one_model.py MODEL WAY THREADS`.

Prints JSON: the seconds of the first and of the second time in the process, those of build's stages, and the peak of
memory, beyond what the imports took.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

import fanin_numpy
import fanin_torch
from fanin import Scheme

sys.path.append(str(Path(__file__).parents[1] / "tests" / "models"))
from published_models import declare_torchvision

__all__ = ["MODELS", "WAYS"]


def resnet50() -> Callable[[], nn.Module]:
    """Return what builds ResNet-50 of torchvision."""
    from torchvision.models import resnet50

    return partial(resnet50, weights=None)


def efficientnet() -> Callable[[], nn.Module]:
    """Return what builds EfficientNetV2-L of torchvision, which has some 1,500 parameters and buffers."""
    from torchvision.models import efficientnet_v2_l

    return partial(efficientnet_v2_l, weights=None)


def vit() -> Callable[[], nn.Module]:
    """Return what builds ViT-B/16 of timm."""
    import timm

    return partial(timm.create_model, "vit_base_patch16_224")


def gpt2() -> Callable[[], nn.Module]:
    """Return what builds GPT-2 small of transformers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return partial(GPT2LMHeadModel, GPT2Config())


def llama() -> Callable[[], nn.Module]:
    """Return what builds a Llama of transformers with 435 million parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes: dict[str, Any] = {"vocab_size": 32000, "hidden_size": 1024, "intermediate_size": 4096}
    return partial(LlamaForCausalLM, LlamaConfig(**sizes, num_hidden_layers=22, num_attention_heads=16))


def small() -> Callable[[], nn.Module]:
    """Return what builds 500 layers of 64 x 64, a weight and a bias each."""
    return lambda: nn.Sequential(*(nn.Linear(64, 64) for _ in range(500)))


MODELS: Final = {
    "torchvision resnet50": resnet50,
    "torchvision efficientnet_v2_l": efficientnet,
    "timm vit_base_patch16_224": vit,
    "transformers GPT-2 small": gpt2,
    "transformers Llama, 435 M": llama,
    "500 × nn.Linear(64, 64)": small,
}

WAYS: Final = ("constructor", "build", "kept scheme on meta")


def rss(peak: bool = False) -> float:
    """Return the process's memory in MiB, now or at its peak."""
    field = "VmHWM" if peak else "VmRSS"
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def staged(make: Callable[[], nn.Module]) -> list[float]:
    """Return the seconds of each stage of `fanin_torch.build`."""
    times = [time.perf_counter()]
    with fanin_torch.record(draw=False) as recording:
        model = make()
    times.append(time.perf_counter())
    scheme = recording.scheme(model)
    times.append(time.perf_counter())
    fanin_torch.init_module_(model, scheme, prefix="")
    times.append(time.perf_counter())
    return [after - before for before, after in itertools.pairwise(times)]


def on_meta(make: Callable[[], nn.Module], scheme: Scheme) -> nn.Module:
    with torch.device("meta"):
        model = make()
    return fanin_torch.init_module_(model, scheme, prefix="")


def call_of(way: str, make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    if way == "constructor":
        return make
    if way == "build":
        return partial(fanin_torch.build, make)
    with fanin_torch.record(draw=False) as recording:
        model = make()
    return partial(on_meta, make, recording.scheme(model))


def timed(call: Callable[[], nn.Module]) -> tuple[float, float]:
    """Return the seconds of a call, and the MiB of what it made."""
    start = time.perf_counter()
    model = call()
    seconds = time.perf_counter() - start
    return seconds, sum(one.untyped_storage().nbytes() for one in model.parameters()) / 2**20


def main(name: str, way: str, threads: int) -> None:
    torch.set_num_threads(threads)
    fanin_numpy.set_num_threads(threads)
    declare_torchvision()  # which the other libraries import, too
    make = MODELS[name]()
    call = call_of(way, make)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak counts from here
    before = rss()
    first, _ = timed(call)
    peak = rss(peak=True) - before
    gc.collect()
    again, mib = timed(call)
    gc.collect()
    stages = staged(make) if way == "build" else []
    print(json.dumps({"first": first, "again": again, "peak": peak, "mib": mib, "stages": stages}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
