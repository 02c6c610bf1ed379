"""`python -m fanin.conformance NAME`, which is `fanin conformance NAME`."""

from __future__ import annotations

import sys

from fanin.cli import main

if __name__ == "__main__":
    sys.exit(main(["conformance", *sys.argv[1:]]))
