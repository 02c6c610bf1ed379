"""`python -m fanin.conformance NAME`."""

from __future__ import annotations

import sys

from fanin.conformance.cli import main
from fanin.exceptions import FaninError

if __name__ == "__main__":
    try:
        sys.exit(main())
    except FaninError as error:
        sys.stderr.write(f"fanin: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("fanin: interrupted\n")
        sys.exit(130)
