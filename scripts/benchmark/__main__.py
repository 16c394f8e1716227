"""Entry point: `python -m benchmark`, as scripts/bench runs it."""

from __future__ import annotations

import sys

from benchmark.main import main

sys.exit(main(sys.argv[1:]))
