"""Residual branches that start small or at 0 on purpose, as published: the sums carry the signal."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from fanin_torch import probe

ROWS = torch.randn(32, 48, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randint(0, 100, (8, 16), generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    """A branch of some layers, of whose weights the first ones and the last have scales of their own."""

    def __init__(self, layers: int, first: float, last: float, gain: float | None) -> None:
        super().__init__()
        parts = [nn.Linear(48, 48) for _ in range(layers)]
        for k, one in enumerate(parts):
            nn.init.kaiming_normal_(one.weight)
            one.weight.data.mul_(last if k == layers - 1 else first)
        self.branch = nn.Sequential(*(part for one in parts[:-1] for part in (one, nn.ReLU())), parts[-1])
        self.gain = None if gain is None else nn.Parameter(torch.full((48,), gain))  # LayerScale, and ReZero

    def forward(self, rows: Tensor) -> Tensor:
        added: Tensor = self.branch(rows)
        return rows + (added if self.gain is None else added * self.gain)


class Residual(nn.Module):
    """Blocks between two layers, without normalization."""

    def __init__(
        self, blocks: int, *, layers: int = 2, first: float = 1.0, last: float = 1.0, gain: float | None = None
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.head = nn.Linear(48, 48), nn.Linear(48, 10)
        nn.init.normal_(self.stem.weight, std=1 / math.sqrt(48))
        self.blocks = nn.ModuleList(Block(layers, first, last, gain) for _ in range(blocks))

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.stem(rows)
        for block in self.blocks:
            hidden = block(hidden)
        result: Tensor = self.head(hidden)
        return result


class GPTBlock(nn.Module):
    """Attention and a network of two layers, each behind a normalization."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down_projection = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, tokens, width = hidden.shape
        query, key, value = self.qkv(self.norms[0](hidden)).view(batch, tokens, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
        seen = (
            scaled_dot_product_attention(query, key, value, is_causal=True)
            .transpose(1, 2)
            .reshape(batch, tokens, width)
        )
        hidden = hidden + self.projection(seen)
        result: Tensor = hidden + self.down_projection(gelu(self.up(self.norms[1](hidden))))
        return result


class GPT(nn.Module):
    """GPT-2's initialization: 0.02, and 0.02 / sqrt(2 L) at the end of each branch."""

    def __init__(self, blocks: int, width: int, embedding: float = 0.02) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.places = nn.Embedding(100, width), nn.Embedding(16, width)
        self.blocks = nn.ModuleList(GPTBlock(width) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 100, bias=False)
        for name, one in self.named_parameters():
            if one.ndim > 1:
                nn.init.normal_(one, std=0.02 / (math.sqrt(2 * blocks) if "projection" in name else 1))
        nn.init.normal_(self.words.weight, std=embedding)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.words(tokens) + self.places(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            hidden = block(hidden)
        result: Tensor = self.head(self.norm(hidden))
        return result


AS_PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "GPT-2, narrow": (lambda: GPT(12, 64), TOKENS),
    "GPT-2, one block": (lambda: GPT(1, 128), TOKENS),
    "GPT-2, its width": (lambda: GPT(2, 768), TOKENS),
    "1/sqrt(2 L)": (lambda: Residual(100, last=200**-0.5), ROWS),
    "Fixup": (lambda: Residual(50, first=50**-0.5, last=0.0), ROWS),
    "Fixup, three layers": (lambda: Residual(20, layers=3, first=20**-0.25, last=0.0), ROWS),
    "small last layers": (lambda: Residual(20, last=1e-5), ROWS),
    "small branches": (lambda: Residual(20, layers=3, first=0.02, last=0.02), ROWS),
    "LayerScale": (lambda: Residual(20, gain=1e-5), ROWS),
    "ReZero": (lambda: Residual(20, gain=0.0), ROWS),
    "one small branch": (lambda: Residual(1, layers=6, last=1e-3), ROWS),
    "one branch of zeros": (lambda: Residual(1, last=0.0), ROWS),
    "one LayerScale": (lambda: Residual(1, gain=1e-5), ROWS),
}


@pytest.mark.parametrize("case", AS_PUBLISHED)
def test_a_small_branch_is_meant(case: str) -> None:
    make, batch = AS_PUBLISHED[case]
    found = probe(make(), batch)
    assert found.findings == [], found


def test_a_sum_knows_the_layers_of_its_branch() -> None:
    (first, second) = probe(Residual(2), ROWS).sums
    assert (first.layers, second.layers) == (
        ("blocks.0.branch.0", "blocks.0.branch.2"),
        ("blocks.1.branch.0", "blocks.1.branch.2"),
    )


def small_stem() -> nn.Module:
    model = Residual(9, last=0.3)
    model.stem.weight.data.mul_(1e-4)
    return model


def narrow_branch() -> nn.Module:
    """One branch around everything, in which the signal is lost."""
    model = Residual(1, layers=16)
    for one in model.blocks[0].modules():
        if isinstance(one, nn.Linear):
            one.weight.data.mul_(0.4)
    return model


@pytest.mark.parametrize(
    ("make", "batch", "kind", "layer"),
    [
        (lambda: Residual(20), ROWS, "residual", "blocks."),
        (small_stem, ROWS, "signal", "stem"),
        (narrow_branch, ROWS, "signal", "blocks.0.branch"),
        (lambda: GPT(12, 64, embedding=1.0), TOKENS, "embedding", "words"),
    ],
)
def test_other_faults_of_such_networks_are_found(
    make: Callable[[], nn.Module], batch: Tensor, kind: str, layer: str
) -> None:
    first = probe(make(), batch).findings[0]
    assert first.kind == kind
    assert first.layer.startswith(layer)
