"""``python -m refimpl.vectors ACTION``: the same as ``python -m refimpl vectors ACTION``."""

from __future__ import annotations

import sys

from refimpl.__main__ import main

sys.exit(main(["vectors", *sys.argv[1:]]))
