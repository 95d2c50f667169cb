"""The table that the tests of this room walk: each distribution at a few ordinary parameters, beside scipy's where it has it.

Every module `examples_*.py` beside this one adds its rows.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.distributions.example_cases import Example, made, of, rows, tensor

__all__ = ["EXAMPLES", "Example", "made", "of", "rows", "tensor"]

EXAMPLES: list[Example] = [
    example
    for path in sorted(Path(__file__).parent.glob("examples_*.py"))
    for example in importlib.import_module(f"{__package__}.{path.stem}").EXAMPLES
]
