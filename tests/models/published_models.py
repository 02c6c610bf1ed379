"""Published models, as functions that build them: small ones, of random configurations, without a download."""

from __future__ import annotations

import importlib.util
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from fanin_torch import record

MOST_PARAMETERS: Final = 40_000_000


@dataclass(frozen=True)
class Published:
    """A published model: how it is called, built, and passed a batch."""

    name: str
    build: Callable[[], nn.Module]
    call: Callable[[nn.Module], object] | None = None


def declare_torchvision() -> None:
    """Let torchvision be imported where its operators are not built for this torch: its models need none."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or hasattr(torch.ops.torchvision, "nms"):
        return
    text = Path(found.origin).with_name("_meta_registrations.py").read_text(encoding="utf-8")
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in sorted(set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', text))):
        library.define(f"{name}(Tensor x) -> Tensor")  # type: ignore[no-untyped-call]
    _KEPT.append(library)


_KEPT: Final[list[object]] = []


def size_of(build: Callable[[], nn.Module]) -> int:
    """Return how many parameters a model has, without drawing them."""
    with warnings.catch_warnings(), record(draw=False):
        warnings.simplefilter("ignore")  # the libraries' own, which pytest would make errors of while it collects
        return sum(parameter.numel() for parameter in build().parameters())


def timm_models(start: int = 0, every: int = 1) -> Iterator[Published]:
    """Yield two small models of every architecture family of timm, as `timm.txt` names them, the largest last."""
    for name in Path(__file__).with_name("timm.txt").read_text(encoding="utf-8").split()[start::every]:
        yield timm_model(name)


def timm_model(name: str) -> Published:
    """Return one model of timm."""
    declare_torchvision()
    import timm

    def call(model: Any) -> object:
        return model(torch.randn(2, *model.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(0)))

    return Published(f"timm:{name}", partial(timm.create_model, name), call)


def torchvision_models(start: int = 0, every: int = 1) -> Iterator[Published]:
    """Yield the models of torchvision that are not too large."""
    declare_torchvision()
    import torchvision

    for name in torchvision.models.list_models()[start::every]:
        if "quantized" in name:
            continue
        takes = inspect.signature(torchvision.models.get_model_builder(name)).parameters
        backbone = {"weights_backbone": None} if "weights_backbone" in takes else {}
        build = partial(torchvision.models.get_model, name, weights=None, **backbone)
        if size_of(build) <= MOST_PARAMETERS:
            yield Published(f"torchvision:{name}", build, partial(_picture, "inception" in name))


def _picture(is_large: bool, model: nn.Module) -> object:
    size = 299 if is_large else 224
    return model(torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)))


SMALL: Final[dict[str, Any]] = {
    "vocab_size": 120,
    "hidden_size": 32,
    "d_model": 32,
    "n_embd": 32,
    "dim": 32,
    "embed_dim": 32,
    "embedding_size": 32,
    "emb_dim": 32,
    "projection_dim": 32,
    "text_embed_dim": 32,
    "intermediate_size": 48,
    "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
    "ffn_dim": 48,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "d_ff": 48,
    "n_inner": 48,
    "d_kv": 8,
    "head_dim": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "n_head": 4,
    "n_heads": 4,
    "num_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "n_layer": 2,
    "n_layers": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "image_size": 32,
    "patch_size": 8,
    "max_position_embeddings": 64,
}
"""Settings of configurations, and what they are made; what a class then refuses is tried again with fewer of them."""

FEWER: Final = [
    set(SMALL),
    set(SMALL) - {"head_dim", "d_kv", "image_size", "patch_size"},
    {"vocab_size", *(name for name in SMALL if "layer" in name), "num_experts", "num_local_experts"},
    {name for name in SMALL if "layer" in name},
    set(),
]


def transformers_models(start: int = 0, every: int = 1) -> Iterator[Published]:
    """Yield the classes of transformers that a small configuration can be made for, of each kind of task one."""
    declare_torchvision()
    from transformers.models.auto import modeling_auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    for kind in list(CONFIG_MAPPING_NAMES)[start::every]:
        classes: list[str] = []
        for mapping in ("MODEL_FOR_CAUSAL_LM", "MODEL_FOR_PRETRAINING", "MODEL"):
            found = getattr(modeling_auto, f"{mapping}_MAPPING_NAMES").get(kind, ())
            classes += [found] if isinstance(found, str) else list(found)
        for name in list(dict.fromkeys(classes))[:1]:
            model = transformers_model(kind, name)
            if model is not None:
                yield model


def transformers_model(kind: str, name: str) -> Published | None:
    """Return one class of transformers with a small configuration, or None where none was found."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    for names in FEWER:
        try:
            made = getattr(transformers, name)
            build = partial(_build, made, CONFIG_MAPPING[kind], names)
            if size_of(build) <= MOST_PARAMETERS:
                return Published(f"transformers:{name}", build, _batch)
        except Exception:  # whatever a class says of a configuration that is not for it
            continue
    return None


def _build(made: Any, configuration: Any, names: set[str]) -> nn.Module:
    return made(shrunk(configuration(), names))  # type: ignore[no-any-return]


def shrunk(config: Any, names: set[str]) -> Any:
    """Return a configuration with the named settings made small, and those of the configurations inside of it."""
    for name, value in list(vars(config).items()):
        if hasattr(value, "to_dict") and hasattr(value, "model_type"):
            shrunk(value, names)
        elif name in names and isinstance(value, int) and not isinstance(value, bool):
            setattr(config, name, min(SMALL[name], value))
    for listed in ("layer_types", "mlp_layer_types"):
        layers = getattr(config, "num_hidden_layers", None)
        if isinstance(getattr(config, listed, None), list) and isinstance(layers, int):
            setattr(config, listed, getattr(config, listed)[:layers])
    for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
        value, size = getattr(config, token, None), getattr(config, "vocab_size", None)
        if isinstance(value, int) and isinstance(size, int) and value >= size:
            setattr(config, token, 1)
    return config


def _batch(model: Any) -> object:
    """Pass what a model's main input is called."""
    generator = torch.Generator().manual_seed(0)
    config = model.config
    inner = next((getattr(config, n) for n in ("text_config", "vision_config") if hasattr(config, n)), config)

    def setting(name: str, otherwise: Any) -> Any:
        return getattr(config, name, None) or getattr(inner, name, otherwise)

    if model.main_input_name == "input_ids":
        ids = torch.randint(3, setting("vocab_size", 100), (2, 8), generator=generator)
        more = {"decoder_input_ids": ids} if getattr(config, "is_encoder_decoder", False) else {}
        return dict(model(input_ids=ids, **more))
    if model.main_input_name == "pixel_values":
        size = setting("image_size", 64)
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        images = torch.randn(2, getattr(config, "num_channels", 3), height, width, generator=generator)
        return dict(model(pixel_values=images))
    raise NotImplementedError(f"no batch for {model.main_input_name}")
