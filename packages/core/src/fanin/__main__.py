"""`python -m fanin`: the command line."""

from __future__ import annotations

from fanin.cli import main

raise SystemExit(main())
