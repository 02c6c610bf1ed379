"""Inside of nn.RNN, nn.LSTM and nn.GRU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fanin_torch import init_module_, probe
from fanin_torch._probe.recurrent import kept_for, recurrences_of

SEQUENCES = torch.randn(16, 30, 12, generator=torch.Generator().manual_seed(2))


class Recurrent(nn.Module):
    """A recurrent layer and a head, the weights of some of whose parts have a scale of their own."""

    def __init__(self, kind: Any, *, within: float = 1.0, into: float = 1.0, **settings: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = kind(12, 32, batch_first=True, **settings)
        self.head = nn.Linear(64 if settings.get("bidirectional") else 32, 5)
        for name, one in self.cell.named_parameters():
            one.data.mul_(within if "weight_hh" in name else into if "weight_ih" in name else 1.0)

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = self.head(self.cell(rows)[0][:, -1])
        return result


@pytest.mark.parametrize(
    ("kind", "settings", "found"),
    [
        (nn.LSTM, {}, None),
        (nn.GRU, {}, None),
        (nn.RNN, {}, None),
        (nn.RNN, {"nonlinearity": "relu"}, None),
        (nn.LSTM, {"bidirectional": True, "num_layers": 2}, None),
        (nn.LSTM, {"within": 30.0}, ("saturated", "cell", "Its recurrent weights are 17 times as wide")),
        (nn.GRU, {"within": 30.0}, ("saturated", "cell", "Its recurrent weights are 17 times as wide")),
        (nn.RNN, {"within": 10.0}, ("saturated", "cell", "Its recurrent weights are 5.9 times as wide")),
        (nn.LSTM, {"into": 30.0}, ("saturated", "cell", "look at those that take its inputs")),
        (nn.RNN, {"within": 6.0, "nonlinearity": "relu"}, ("recurrent", "cell", "are 3.6 times as wide")),
    ],
)
def test_gates_and_states(kind: Any, settings: dict[str, Any], found: tuple[str, str, str] | None) -> None:
    model = Recurrent(kind, **settings)
    result = probe(model, SEQUENCES)
    assert [(one.kind, one.layer) for one in result.findings[:1]] == ([] if found is None else [found[:2]])
    assert result.sums == ()  # what a cell adds up is no residual sum
    if found is not None:
        assert found[2] in result.findings[0].cause
        assert result.findings[0].law is not None
        init_module_(model, result.findings[0].law)
        assert probe(model, SEQUENCES).findings == []


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_states_are_the_layers_own(kind: Any, batch_first: bool) -> None:
    torch.manual_seed(1)
    layer = kind(12, 9, num_layers=2, bidirectional=True, batch_first=batch_first)
    rows = SEQUENCES if batch_first else SEQUENCES.transpose(0, 1)
    start = torch.randn(4, 16, 9)
    with torch.no_grad():
        outputs, _ = layer(rows, (start, start) if kind is nn.LSTM else start)
        kept = kept_for(layer, (rows, (start, start) if kind is nn.LSTM else start))
        assert kept is not None
        found = recurrences_of("cell", layer, kept, 16)
    assert [one.name for one in found] == [f"cell (layer {k}{way})" for k in (1, 2) for way in ("", ", backwards")]
    outputs = outputs if batch_first else outputs.transpose(0, 1)
    forwards, backwards = outputs[..., :9], outputs[..., 9:]

    def between(states: Tensor) -> float:
        return float(states.var(dim=0).mean().sqrt())

    assert (found[2].first, found[2].last) == pytest.approx((between(forwards[:, 0]), between(forwards[:, -1])))
    assert (found[3].first, found[3].last) == pytest.approx((between(backwards[:, -1]), between(backwards[:, 0])))


def test_the_table_and_the_data_have_them() -> None:
    found = probe(Recurrent(nn.LSTM, num_layers=2), SEQUENCES)
    assert [line.split()[:4] for line in found.tables.splitlines()[-2:]] == [
        ["cell", "(layer", "1)", "30"],
        ["cell", "(layer", "2)", "30"],
    ]
    assert [one["steps"] for one in found.to_dict()["recurrences"]] == [30, 30]
    several = probe(lambda: Recurrent(nn.LSTM), SEQUENCES, seeds=2)
    assert [one.name for one in several.recurrences] == ["cell"]


def test_packed_and_single_sequences_are_left_out() -> None:
    layer = nn.LSTM(12, 9)
    assert kept_for(layer, (SEQUENCES[0],)) is None
    assert kept_for(layer, (nn.utils.rnn.pack_sequence([SEQUENCES[0]]),)) is None
    assert kept_for(nn.Linear(12, 9), (SEQUENCES,)) is None
