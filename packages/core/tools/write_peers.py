"""Write docs/peers.md: what the frameworks' initializers do, beside what their documentation states.

    python packages/core/tools/write_peers.py

It judges every peer, which takes minutes. tests/cross/test_peers.py holds the document to what is found.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from peer_layers import LAYERS
from rich.progress import track

from fanin.conformance.check import Result

__all__ = ["PEERS", "Finding", "Peer", "findings", "layers_table", "render", "summary_table"]


@dataclass(frozen=True)
class Peer:
    """An implementation to judge: what `fanin conformance` is called with, and where."""

    title: str
    subject: str
    keras_backend: str = ""

    def results(self) -> list[Result]:
        """Return the results of the distribution level, from a process of its own."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.json"
            command = [sys.executable, "-m", "fanin.conformance", self.subject, "--level", "distribution"]
            environment = {**os.environ, **({"KERAS_BACKEND": self.keras_backend} if self.keras_backend else {})}
            done = subprocess.run([*command, "--json", str(path)], env=environment, capture_output=True, check=False)
            if done.returncode not in (0, 1):
                raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.decode()}")
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return [Result(**result) for result in data["results"]]


_HERE: Final = "fanin.conformance.peers"
PEERS: Final = (
    Peer("torch.nn.init", f"{_HERE}.torch_init:TorchInit"),
    Peer("jax.nn.initializers", f"{_HERE}.jax_initializers:JaxInitializers"),
    Peer("keras on jax", f"{_HERE}.keras_initializers:KerasInitializers", "jax"),
    Peer("keras on torch", f"{_HERE}.keras_initializers:KerasInitializers", "torch"),
    Peer("keras on numpy", f"{_HERE}.keras_initializers:KerasInitializers", "numpy"),
    Peer("fanin numpy", "numpy"),
    Peer("fanin torch", "torch"),
    Peer("fanin jax", "jax"),
)


@dataclass(frozen=True)
class Finding:
    """All failures of one check in one dtype, with the one that is furthest out as the example."""

    check: str
    dtype: str
    failed: int
    ran: int
    example: Result


def findings(results: list[Result]) -> Iterator[Finding]:
    """Yield what failed, a check and a dtype at a time."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.verdict != "skipped":
            found = re.search(r"dtype='(\w+)'", result.on)
            groups.setdefault((result.check, found[1] if found else "float32"), []).append(result)
    for (check, dtype), group in groups.items():
        failed = [result for result in group if result.failed]
        if failed:
            yield Finding(check, dtype, len(failed), len(group), max(failed, key=_outside))


def _outside(result: Result) -> float:
    """Return how far a statistic is outside of its interval, in units of the end that it passed."""
    if result.statistic is None:
        return 0.0
    if result.high is not None and result.statistic > result.high:
        return result.statistic / abs(result.high) if result.high else float("inf")
    return abs(result.low or 0.0) / max(abs(result.statistic), 1e-9) if (result.low or 0) > 0 else abs(result.statistic)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def summary_table(judged: dict[str, list[Result]]) -> str:
    """Return how many results of each check failed, of how many that are claimed."""
    checks = list(dict.fromkeys(result.check for results in judged.values() for result in results))
    lines = [_line("check", *judged), _line(*["---"] * (len(judged) + 1))]
    for check in checks:
        cells = []
        for results in judged.values():
            ran = [result for result in results if result.check == check and result.verdict != "skipped"]
            failed = sum(result.failed for result in ran)
            cells.append(
                "not claimed" if not ran else f"**{failed} of {len(ran)} fail**" if failed else f"{len(ran)} pass"
            )
        lines.append(_line(f"`{check}`", *cells))
    return "\n".join(lines)


def findings_table(judged: dict[str, list[Result]]) -> str:
    """Return what deviates, with the numbers of the furthest example."""
    lines = [_line("implementation", "check", "dtype", "results", "furthest out", "named as")]
    lines.append(_line(*["---"] * 6))
    for title, results in judged.items():
        for finding in findings(results):
            result = finding.example
            law = re.search(r"\(\d[^)]*\), (fanin\.\w+\(.*?\)|'\w+')", result.on)
            on = f"{law[1]}: " if law else ""
            seen = (
                f"{on}{result.statistic:.5g}, accepted {result.accepted}"
                if result.statistic is not None
                else result.got
            )
            count = f"{finding.failed} of {finding.ran}"
            lines.append(_line(title, f"`{finding.check}`", finding.dtype, count, seen, result.mistake or "–"))
    return "\n".join(lines)


def layers_table() -> str:
    """Return the standard deviations that layers get, beside those with the fans of the specification."""
    lines = [_line("layer and initializer", "std it gets", "std by the specification's fans", "ratio")]
    lines.append(_line("---", "---", "---", "---"))
    for layer in LAYERS:
        std, wanted = layer.std(), layer.wanted()
        lines.append(_line(layer.text, f"{std:.4f}", f"{wanted:.4f}", f"{std / wanted:.2f}"))
    return "\n".join(lines)


def render(judged: dict[str, list[Result]]) -> str:
    """Return the document."""
    text = Path(__file__).with_name("peers.md.in").read_text(encoding="utf-8")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "jax", "flax", "keras", "numpy"))
    for name, part in (
        ("versions", versions),
        ("summary", summary_table(judged)),
        ("findings", findings_table(judged)),
        ("layers", layers_table()),
    ):
        text = text.replace(f"{{{{ {name} }}}}", part)
    return text


if __name__ == "__main__":
    found = {peer.title: peer.results() for peer in track(PEERS, description="judging")}
    document = Path(__file__).parents[3] / "docs" / "peers.md"
    document.write_text(render(found), encoding="utf-8", newline="\n")
