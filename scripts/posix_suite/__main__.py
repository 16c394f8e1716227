"""Entry point: `python -m posix_suite`, as scripts/posix-suite runs it."""

from __future__ import annotations

import sys

from posix_suite.main import main

sys.exit(main(sys.argv[1:]))
