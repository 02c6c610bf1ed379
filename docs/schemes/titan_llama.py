"""torchtitan's Llama of the size of Llama 3.2 1B, for `fanin scheme titan_llama:llama_1b` in this folder."""

from __future__ import annotations

import sys
from unittest import mock

from torch import nn

# torchtitan takes CUDA where torch finds no accelerator, and imports kernels that need Triton.
with mock.patch("torch._utils._get_available_device_type", return_value="cpu"):
    sys.modules["torchtitan.distributed.minimal_async_ep.kernels"] = mock.MagicMock()
    from torchtitan.models.llama3 import model_registry


def llama_1b() -> nn.Module:
    """Return the model with torchtitan's own initialization."""
    model: nn.Module = model_registry("1B").model.build()
    model.init_states()  # type: ignore[operator]
    return model
