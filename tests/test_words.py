"""The words of the code: names are terms of the field, and docstrings begin with their subject."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import disttrain

PACKAGE = Path(disttrain.__file__).parent
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
# Words that say nothing of what a name holds to a reader who was not there when it was chosen.
_PRIVATE = """
found place own near known spread given seen whole made wanted kept told said stalls held standing seats seated but taken waited flat
descent twins alike sliced shorten halved unwatched head_start begin begun going_on met dealt poured rival shown far beside beyond
reach reached asked all_seen sighting sightings chains floors face talk rooms door doors way ways
"""
PRIVATE = frozenset(_PRIVATE.split())
MOST_PRIVATE = 0.01
# Docstrings of families are the text of `disttrain families NAME`.
EXEMPT = {"families"}
RELATIVE = re.compile(r"(What|Where|Whether|Which|How|Who|When|Those|That|The same|As)\b")


def part_of(path: Path) -> str:
    """The top-level part of the package that a file belongs to: its folder, or the module itself."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


PARTS = sorted({part_of(path) for path in TREES} - EXEMPT)


def bound_names(tree: ast.AST) -> Iterator[str]:
    """The names of arguments, assigned variables, functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The docstrings of a module, its classes and functions, each with the line of its owner."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def is_private(name: str) -> bool:
    return name.strip("_").lower() in PRIVATE


def test_few_names_are_private_words():
    names = {path: list(bound_names(tree)) for path, tree in TREES.items()}
    private = Counter(f"{part_of(path)}: {name}" for path in names for name in names[path] if is_private(name))
    share = sum(private.values()) / sum(map(len, names.values()))
    assert share < MOST_PRIVATE, f"{share:.2%} of all names: {private.most_common(20)}"


@pytest.mark.parametrize("part", PARTS)
def test_no_docstring_begins_with_a_relative_clause(part):
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {text.splitlines()[0]}"
        for path, tree in TREES.items()
        if part_of(path) == part
        for line, text in docstrings(tree)
        if RELATIVE.match(text)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["found", "_place", "_KNOWN", "Given"])
def test_a_private_word_is_recognised_in_every_spelling(name):
    assert is_private(name)


def test_every_kind_of_name_is_counted():
    tree = ast.parse("class A:\n    b: int = 0\ndef c(d, *e, f=0, **g):\n    for h in d:\n        i = (j := h)\n")
    assert sorted(bound_names(tree)) == list("Abcdefghij")
