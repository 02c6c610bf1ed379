"""What a probe shows: each sentence once, and axes whose labels can be read."""

from __future__ import annotations

import html
import re

import pytest

from fanin.signal import Attention, Layer, ModelProbe


def layers(std: tuple[float, ...], gradient: float = 0.01, **more: object) -> tuple[Layer, ...]:
    """Return layers that differ in their std."""
    return tuple(
        Layer(f"layers.{k}", "Linear", one, one, gradient * (k + 1), **more)  # type: ignore[arg-type]
        for k, one in enumerate(std)
    )


FADING = ModelProbe(
    layers((1.0, 1e-2, 1e-4, 1e-6), weight_std=0.6, weight_fan_in=9, underflow=0.5, activation="tanh"),
    attentions=(Attention("block", 9.0, 0.1),),
    notes=("A note with <brackets>.",),
    has_loss=True,
    training=(2.0, 1.5),
)


def test_a_page_says_each_sentence_once() -> None:
    page = FADING.to_html()
    first, second = FADING.findings
    assert {first.kind, second.kind} == {"attention", "signal"}
    assert len(FADING.remarks) == 3
    assert (first.severity, second.severity) == ("warning", "error")
    for sentence in (FADING.answer, str(first), str(second), *FADING.remarks):
        assert page.count(html.escape(sentence)) == 1
    for one in FADING.findings:
        assert f'<li><b class="{one.severity}">{one.severity}</b> {html.escape(str(one))}</li>' in page
    assert page.count("<li>") == 2 + 3
    (table,) = re.findall("<pre>(.*?)</pre>", page, re.DOTALL)
    assert html.unescape(table) == FADING.tables
    assert FADING.tables.splitlines()[-1].split() == ["block", "9", "10%"]


def test_text_has_the_verdict_the_tables_and_the_rest() -> None:
    verdict, *tables, rest = str(FADING).split("\n\n")
    assert verdict == FADING.verdict == f"{FADING.answer} Warning: {FADING.findings[0]}"
    assert FADING.answer == "Yes, it looks like the initialization."
    assert "\n\n".join(tables) == FADING.tables
    assert rest.splitlines() == [
        f"- {FADING.findings[1].severity}: {FADING.findings[1]}",
        *(f"- {one}" for one in FADING.remarks),
    ]
    assert str(ModelProbe(layers((1.0, 0.9)))).count("\n\n") == 1


def test_of_nothing_nothing_is_claimed() -> None:
    found = ModelProbe((), notes=("Why.",))
    assert found.verdict == "It cannot be told: no layer could be measured."
    assert str(found) == f"{found.verdict}\n\n- Why."
    assert found.to_html().count("<svg") == 1


@pytest.mark.parametrize(
    ("count", "span", "words"),
    [(1, 1.0, "in 1 layer, its gradients are within a factor of 1."), (3, 271.4, "in 3 layers, its .* of 814.")],
)
def test_a_fine_verdict(count: int, span: float, words: str) -> None:
    found = ModelProbe((*layers((1.0,) * (count - 1)), Layer("last", "Linear", 1.0, 1.0, 0.01 * span * count)))
    assert re.search(words, found.verdict)


@pytest.mark.parametrize(("gradient", "ends"), [(3e-3, (1e-3, 1e-1)), (2.1e-4, (1e-4, 1e-3)), (1.5, (1.0, 10.0))])
def test_a_short_axis_ends_at_powers_of_ten(gradient: float, ends: tuple[float, float]) -> None:
    axis = ModelProbe(layers((1.0, 0.9, 0.8, 0.7), gradient)).figure().axes[1]
    assert axis.get_xlim() == pytest.approx(ends)
    assert all(text.get_text() == "" for text in axis.get_xticklabels(minor=True))
