"""A process that has imported the command line, for tests that run it in a process of its own."""

from __future__ import annotations

import pytest

from tests.cli.warm_program import WarmProgram


@pytest.fixture(scope="session")
def program():
    started = WarmProgram()
    yield started
    started.close()
