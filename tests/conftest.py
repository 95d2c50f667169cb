"""Fixtures that several rooms of tests share: one table with a target of every family, and one fit per family."""

from __future__ import annotations

import os
from collections import Counter

# Test processes run side by side: a second thread in each would only wait for the others. Before torch is imported, for subprocesses too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests.small_runs import config_of, family_table, fitted, write_config, write_table

# Of a test of more cases than this, one in so many is fast: the first of them, and the others spread over all.
MANY_CASES, FAST_SHARE = 6, 8


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Send tests that share the fit of a family to one process, and mark most cases of large tests as slow."""
    cases = Counter(map(function_of, items))
    position = Counter()
    for item in items:
        family = getattr(item, "callspec", None) and item.callspec.params.get("family")
        if isinstance(family, str) and "family_run" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(family))
        function = function_of(item)
        if cases[function] > MANY_CASES and position[function] % FAST_SHARE:
            item.add_marker(pytest.mark.slow)
        position[function] += 1


def function_of(item):
    """The file and the function of a test, without its case."""
    return item.nodeid.partition("[")[0]


@pytest.fixture(scope="session")
def table():
    return family_table()


@pytest.fixture(scope="session")
def table_file(tmp_path_factory, table):
    return write_table(tmp_path_factory.mktemp("data") / "families.parquet", table)


@pytest.fixture(scope="session")
def family_run(tmp_path_factory, table_file):
    """The run of a family on its own column, fitted once per session and never written to afterwards."""
    runs = {}

    def run_of(family):
        if family not in runs:
            folder = tmp_path_factory.mktemp(family)
            document = config_of(family, str(table_file))
            document["data"]["id"] = ["id"]
            runs[family] = fitted(write_config(folder / f"{family}.yaml", document), folder / "run")
        return runs[family]

    return run_of
