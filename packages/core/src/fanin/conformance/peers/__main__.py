"""`python -m fanin.conformance.peers docs/peers.md`: run every peer, and write what was found."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.progress import track

from fanin.conformance.peers.document import PEERS, render

if __name__ == "__main__":
    judged = {peer.title: peer.results() for peer in track(PEERS, description="judging")}
    Path(sys.argv[1]).write_text(render(judged), encoding="utf-8")
