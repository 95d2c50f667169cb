"""The house: who may import whom, how large things are, and what the command line must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import disttrain

PACKAGE = Path(disttrain.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
EVERYONE = {"errors", "lazy", "messages", "choices", "thread_pool"}
FLOORS = (
    {"errors", "lazy", "messages", "choices", "thread_pool"},
    {"config", "outcomes", "distributions", "storage", "quantiles"},
    {"families", "data", "likelihood"},
    {"networks", "metrics", "parameter_settings"},
    {"validation", "training"},
    {"model"},
    {"preparation"},
    {"runs", "prediction", "selection"},
    {"evaluation"},
    {"workflows"},
    {"api", "cli"},
    # The package itself and `python -m disttrain` stand before the door.
    {"__init__", "__main__"},
)
# Beside errors, lazy, messages, choices and thread_pool, which everyone may use.
ALLOWED = {
    "errors": set(),
    "lazy": set(),
    "messages": set(),
    "choices": set(),
    "thread_pool": set(),
    "config": set(),
    "outcomes": set(),
    "distributions": set(),
    "storage": set(),
    "quantiles": set(),
    "families": {"distributions", "quantiles"},
    "data": {"config", "outcomes", "storage", "quantiles"},
    "networks": {"families", "quantiles"},
    "likelihood": {"distributions", "outcomes"},
    "parameter_settings": {"families"},
    "metrics": {"distributions", "outcomes", "likelihood"},
    "validation": {"config", "families", "parameter_settings"},
    "training": {"networks", "likelihood", "families", "data", "outcomes", "parameter_settings"},
    "model": {"config", "data", "families", "networks", "storage", "parameter_settings"},
    "preparation": {"config", "outcomes", "storage", "families", "data", "networks", "likelihood", "metrics", "training", "validation", "model"},
    "runs": {"config", "storage", "data", "training", "model", "validation", "preparation"},
    "prediction": {"config", "distributions", "storage", "families", "data", "networks", "model", "validation", "preparation"},
    "selection": {
        "config", "outcomes", "distributions", "families", "data", "networks", "likelihood", "metrics", "training", "model", "preparation",
        "parameter_settings", "validation",
    },
    "evaluation": {
        "config", "outcomes", "distributions", "families", "data", "networks", "metrics", "training", "model", "validation", "preparation",
        "prediction",
    },
    "workflows": {
        "config", "outcomes", "distributions", "storage", "families", "data", "networks", "likelihood", "metrics", "training", "model",
        "validation", "preparation", "runs", "prediction", "selection", "evaluation", "parameter_settings",
    },
    "api": {"config", "data", "metrics", "model", "validation", "preparation", "runs", "prediction", "evaluation", "workflows"},
    "cli": {"config", "validation", "selection", "evaluation", "prediction", "workflows"},
    "__init__": {"outcomes", "families", "networks", "training", "model", "workflows", "api"},
    "__main__": {"cli"},
}  # fmt: skip
# A room that may use another only through some of its modules.
DOORS = {("training", "data"): {"disttrain.data.batches"}}
# Rooms that are read before torch is needed.
WITHOUT_TORCH = ("config", "storage", "validation", "parameter_settings", "cli")
# Tables of families.
LONG_FILES = {"errors.py", *(f"families/{table}.py" for table in ("real_line", "positive", "counts", "composed"))}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def room(path: Path) -> str:
    """The room that a file belongs to: its folder, or itself where it stands alone."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def title(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


every_file = pytest.mark.parametrize("path", FILES, ids=title)


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def statements(tree: ast.AST, typing: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node of a module, and whether it is there for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        yield node, typing
        if for_types_only(node):
            for part in node.body:
                yield part, True
                yield from statements(part, True)
            for part in node.orelse:
                yield part, typing
                yield from statements(part, typing)
        else:
            yield from statements(node, typing)


def imports(path: Path) -> list[tuple[str, bool]]:
    """The modules that a file imports, by full name, and whether for types alone; `from disttrain import data` names disttrain.data."""
    found = []
    for node, typing in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, typing) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{title(path)}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "disttrain" else [node.module]
            found += [(str(name), typing) for name in names]
    return found


def own(path: Path) -> list[tuple[str, str, bool]]:
    """The imports of our own: (room, full name, for types alone)."""
    named = [(name, typing) for name, typing in imports(path) if name.split(".")[0] == "disttrain" and "." in name]
    return [(name.split(".")[1], name, typing) for name, typing in named]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file and its lines, decorators and docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            written = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
            yield node.name, node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if written else 0)


def test_every_room_has_a_floor_and_a_list_of_whom_it_may_use():
    rooms = {room(path) for path in FILES}
    assert rooms <= set().union(*FLOORS)
    assert set(ALLOWED) == set().union(*FLOORS)


def test_the_table_points_down_and_never_sideways():
    for name, used in ALLOWED.items():
        assert all(floor(other) < floor(name) for other in used), name


@every_file
def test_imports_keep_to_the_table(path):
    here = room(path)
    for other, name, typing in own(path):
        if other == here or other in EVERYONE:
            continue
        assert floor(other) < floor(here), f"{here} imports {name}, which is not below it"
        # A name that only the type checker sees may come from any room below.
        assert typing or other in ALLOWED[here], f"{here} imports {name}"
        assert name in DOORS.get((here, other), {name}), f"{here} may use {other} only through {DOORS.get((here, other))}"


@every_file
def test_no_file_and_no_function_is_too_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (600 if title(path) in LONG_FILES else 400)
    assert [name for name, length in functions(path) if length > 40] == []


@pytest.mark.slow
def test_most_functions_are_short():
    lengths = sorted(length for path in FILES for _, length in functions(path))
    assert lengths[len(lengths) // 2] <= 10


@every_file
def test_modules_are_called_by_what_they_hold(path):
    assert not FORBIDDEN_NAMES & set(path.relative_to(PACKAGE).with_suffix("").parts)


@every_file
def test_no_class_of_ours_inherits_from_another(path):
    """Errors excepted; a class of torch, pydantic or typing may be a base."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    brought = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("disttrain") and node.module != "disttrain.errors"
        for alias in node.names
    }
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} if title(path) != "errors.py" else set()
    ours = brought | defined
    inherited = [
        f"{node.name}({base.id})"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in ours
    ]
    assert inherited == []


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in WITHOUT_TORCH], ids=title)
def test_some_rooms_import_torch_pandas_and_pyarrow_only_where_they_use_them(path):
    heavy = {"torch", "pandas", "pyarrow", "scipy"}  # scipy too: it takes as long as all the rest of a `--help`.
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in at_the_top if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in at_the_top if isinstance(node, ast.ImportFrom)}
    assert not heavy & {name.split(".")[0] for name in names}


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["disttrain", "disttrain.cli.app", "disttrain.validation.config", "disttrain.families", "disttrain.config"]
)
def test_nothing_heavy_is_loaded_before_it_is_needed(module):
    program = f"import sys, {module}; print([name for name in ('torch', 'pandas', 'pyarrow') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.strip() == "[]"


def test_the_defaults_of_a_config_are_those_of_the_plans():
    from disttrain import choices
    from disttrain.training import SchedulePlan

    plan = {field.name: field.default for field in fields(SchedulePlan)}
    for keys in choices.SCHEDULE_DEFAULTS.values():
        assert keys.items() <= plan.items()
