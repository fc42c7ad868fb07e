"""`python -m inspector`, and what the `memory-inspector` command runs."""

from __future__ import annotations

import sys

from inspector.cli import main

if __name__ == "__main__":
    sys.exit(main())
