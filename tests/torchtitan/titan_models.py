"""torchtitan without an accelerator: small models of its own, and its own ways to distribute them.

torchtitan takes the accelerator that torch finds, and CUDA where there is none: it is imported here while torch says
that the processor is one. One of its modules, the kernels of a transport between GPUs, imports Triton at once; an empty
module takes its place, and nothing here calls it. `torch.compile` does nothing, so attention runs as it is written.
All else is torchtitan's own code: the models, their configurations, `init_weights`, the meshes, `parallelize_fn`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import torch
from torch import Tensor, nn
from torch.distributed.tensor.debug import _clear_fast_path_sharding_prop_cache, _clear_sharding_prop_cache

with mock.patch("torch._utils._get_available_device_type", return_value="cpu"), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what torch calls deprecated
    sys.modules["torchtitan.distributed.minimal_async_ep.kernels"] = mock.MagicMock()
    from torchtitan.config import CompileConfig, DebugConfig, ParallelismConfig, TrainingConfig
    from torchtitan.distributed import ParallelDims, full_dtensor
    from torchtitan.distributed import utils as distributed_utils
    from torchtitan.distributed.spmd_types import annotate_input_spmd_types
    from torchtitan.models import deepseek_v3, llama3, qwen3

torch.compiler.set_stance("force_eager")

__all__ = ["MODELS", "Mesh", "Titan", "logits", "seed"]

VOCABULARY: Final = 250
"""Not a multiple of four, so that processes hold parts of different sizes."""

LENGTH: Final = 16
TOKENS: Final = torch.arange(4 * LENGTH).reshape(4, LENGTH) * 31 % VOCABULARY


@dataclass(frozen=True)
class Mesh:
    """A way to distribute a model, by torchtitan's names for the degrees of parallelism."""

    dp_shard: int = 1
    dp_replicate: int = 1
    tp: int = 1
    ep: int = 1
    backend: str = "spmd_types"

    @property
    def processes(self) -> int:
        """How many processes it takes: experts are spread over those that the others name."""
        return self.dp_shard * self.dp_replicate * self.tp

    def configuration(self) -> Any:
        """Return it as torchtitan's configuration."""
        return ParallelismConfig(
            data_parallel_shard_degree=self.dp_shard,
            data_parallel_replicate_degree=self.dp_replicate,
            tensor_parallel_degree=self.tp,
            expert_parallel_degree=self.ep,
            spmd_backend=self.backend,
        )

    def __str__(self) -> str:
        degrees = {"dp_replicate": self.dp_replicate, "dp_shard": self.dp_shard, "tp": self.tp, "ep": self.ep}
        shown = " ".join(f"{name}={degree}" for name, degree in degrees.items() if degree > 1)
        return f"{self.backend} {shown or 'dp_shard=1'}"


class Titan:
    """One of torchtitan's models in its smallest configuration, with two layers and a smaller vocabulary."""

    def __init__(self, package: Any, flavor: str = "debugmodel") -> None:
        self._spec: Callable[[], Any] = partial(package.model_registry, flavor)  # torchtitan changes it in place

    def configuration(self, mesh: Mesh) -> tuple[Any, Any]:
        """Return the model's configuration for a mesh, and what torchtitan distributes the model by."""
        spec = self._spec()
        model = spec.model
        model.layers = model.layers[:2]
        model.vocab_size = model.tok_embeddings.num_embeddings = model.lm_head.out_features = VOCABULARY
        for layer in model.layers:
            layer.attention.rope.max_seq_len = 64
        model.update_from_config(config=SimpleNamespace(parallelism=mesh.configuration()))
        return model, spec.parallelize_fn

    def build(self, mesh: Mesh = Mesh()) -> nn.Module:
        """Return the whole model with torchtitan's own initialization."""
        model = self.configuration(mesh)[0].build()
        with torch.no_grad():
            model.init_weights()
        built: nn.Module = model
        return built

    def distribute(self, model: nn.Module, mesh: Mesh) -> Any:
        """Distribute a model over this job's processes as torchtitan's trainer does, and return the meshes."""
        distributed_utils.set_spmd_backend(mesh.backend)
        dims = ParallelDims.from_config(mesh.configuration(), mesh.processes)
        dims.build_mesh()
        for clear in (_clear_sharding_prop_cache, _clear_fast_path_sharding_prop_cache):
            clear()  # type: ignore[no-untyped-call]  # else a tensor may get another case's mesh; FSDP needs its own
        self.configuration(mesh)[1](
            model,
            parallel_dims=dims,
            training=TrainingConfig(mixed_precision_param="float32"),
            parallelism=mesh.configuration(),
            compile_config=CompileConfig(),
            ac_config=None,
            dump_folder="",
        )
        if model.enable_weight_tying:  # the first thing that its own init_weights does, as the above may untie them
            model.tok_embeddings.weight = model.lm_head.weight  # type: ignore[union-attr]
        return dims


MODELS: Final = {
    "llama3": Titan(llama3),
    "qwen3": Titan(qwen3, "debugmodel_non_fused_qkv"),
    "deepseek_v3": Titan(deepseek_v3),
}


def seed(dims: Any) -> None:
    """Seed torch's generators as torchtitan's trainer does."""
    distributed_utils.set_determinism(dims, torch.device("cpu"), DebugConfig(seed=7), distinct_seed_mesh_dims=["pp"])


@torch.no_grad()
def logits(model: nn.Module, mesh: Mesh, dims: Any = None) -> tuple[Tensor, tuple[slice, ...]]:
    """Return what comes out of a forward pass, of this process alone, and which part of the whole it is."""
    tokens, part = TOKENS, (slice(None), slice(None), slice(None))
    replicas = mesh.dp_shard * mesh.dp_replicate
    if dims is not None:
        rank = dims.get_mesh("batch").get_local_rank() if replicas > 1 else 0
        column = dims.get_mesh("tp").get_local_rank() if mesh.tp > 1 else 0
        rows, columns = -(-len(TOKENS) // replicas), -(-VOCABULARY // mesh.tp)
        part = (slice(rank * rows, (rank + 1) * rows), slice(None), slice(column * columns, (column + 1) * columns))
        tokens = TOKENS[part[0]]
    positions = torch.arange(LENGTH).expand(len(tokens), LENGTH).contiguous()
    more = {"positions": positions, "attention_masks": model.get_attention_masks(positions)}  # type: ignore[operator]
    running: AbstractContextManager[None] = distributed_utils.get_spmd_context(parallel_dims=dims)()
    if dims is not None and mesh.backend == "full_dtensor":
        tokens, _, more = full_dtensor.parallelize_inputs(dims, tokens, tokens, more)
    elif dims is not None and mesh.backend == "spmd_types":
        tokens, _, more = annotate_input_spmd_types(dims, tokens, tokens.clone(), more)
    with running:
        out = model.eval()(tokens, **more)
    return (out.to_local() if hasattr(out, "to_local") else out), part
