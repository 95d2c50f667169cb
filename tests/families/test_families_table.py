"""The README's word on families is the table's."""

from __future__ import annotations

from disttrain.families import FAMILIES, options
from tests.families.families_table import README, table, written


def test_the_readme_lists_every_family_as_the_program_does():
    assert written() == table()


def test_the_readme_counts_the_families_and_those_that_are_made_of_others():
    made = [name for name in FAMILIES if "of" in options(name)]
    assert made == list(FAMILIES)[-6:]
    assert f"\n{len(FAMILIES)} families. The last six are made of others" in README.read_text(encoding="utf-8")
