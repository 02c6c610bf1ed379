"""docs/peers.md says of the frameworks' initializers what the distribution level finds, in the pinned versions."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from write_peers import PEERS, Peer, findings_table, layers_table, summary_table

DOCUMENT = (Path(__file__).parents[2] / "docs" / "peers.md").read_text(encoding="utf-8")
AGAIN = "run: python packages/core/tools/write_peers.py, and read what it says of the new versions"


def _cells(table: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]


def _section(heading: str) -> str:
    return DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", ["torch", "jax", "flax", "keras", "numpy"])
def test_the_versions_are_those_that_were_judged(name: str) -> None:
    assert f"{name} {version(name)}" in DOCUMENT, AGAIN


@pytest.mark.parametrize("peer", PEERS, ids=[peer.title for peer in PEERS])
def test_each_peer_does_what_the_document_says(peer: Peer) -> None:
    results = peer.results()
    heading, _, *rows = _cells(_section("Summary"))
    column = heading.index(peer.title)
    written = [[row[0], row[column]] for row in rows]
    assert _cells(summary_table({peer.title: results}))[2:] == written, AGAIN
    found = [row[:4] for row in _cells(findings_table({peer.title: results}))[2:]]
    assert found == [row[:4] for row in _cells(_section("Deviations"))[2:] if row[0] == peer.title], AGAIN


def test_fanins_own_backends_deviate_nowhere() -> None:
    own = [peer.title for peer in PEERS if peer.title.startswith("fanin ")]
    assert len(own) == 3
    assert not any(row[0] in own for row in _cells(_section("Deviations")))


def test_the_layers_get_what_the_document_says() -> None:
    written = _cells(_section("Fans of layers"))
    measured = _cells(layers_table())
    assert [row[0] for row in measured] == [row[0] for row in written]
    for seen, said in zip(measured[2:], written[2:], strict=True):
        assert [float(cell) for cell in seen[1:]] == pytest.approx([float(cell) for cell in said[1:]], abs=0.011), AGAIN
