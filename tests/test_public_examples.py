"""Every public name has an example in its docstring, which prints what it says, and the Python of the README runs.

They stand in a checkout, with the run that the example of `disttrain.fit` makes; `torch`, `pandas as pd` and the like are imported.
"""

from __future__ import annotations

import doctest
import inspect
import math
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import torch

import disttrain
from disttrain import distributions

ROOT = Path(__file__).parents[1]
PREPARED = {"disttrain": disttrain, "math": math, "pa": pa, "pd": pd, "torch": torch, "warnings": warnings}
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# One process runs them all: the run is fitted once.
pytestmark = pytest.mark.xdist_group("public examples")


def members(kind):
    """The public methods and properties that a class defines: {name: its definition}."""
    return {name: value for name, value in vars(kind).items() if not name.startswith("_") and documented(value)}


def documented(value):
    return inspect.isroutine(value) or isinstance(value, property | staticmethod | classmethod)


def public():
    """Every public name with its docstring: those of disttrain with their methods, and the distributions."""
    values = {name: getattr(disttrain, name) for name in disttrain.__all__}
    for name, value in list(values.items()):
        if inspect.isclass(value):
            values |= {f"{name}.{member}": definition for member, definition in members(value).items()}
    values |= {f"distributions.{name}": getattr(distributions, name) for name in distributions.__all__}
    return {name: inspect.cleandoc(value.__doc__ or "") for name, value in values.items()}


DOCSTRINGS = public()


def examples(name):
    """The examples of a docstring as one test."""
    return doctest.DocTestParser().get_doctest(DOCSTRINGS[name], dict(PREPARED), name, None, 0)


def failures(name):
    """Run the examples of a docstring: the failed ones with the expected and the printed text, empty if all print what they say."""
    report = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(examples(name), out=report.append)
    return "".join(report)


def linked(folder):
    """The folder, with the configs and the sample data of this tree."""
    for name in ("configs", "sample_data"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the sample data, and the run that the example of `disttrain.fit` makes."""
    folder = linked(tmp_path_factory.mktemp("checkout"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert failures("fit") == ""
        yield folder


def test_every_public_name_has_an_example():
    assert [name for name in DOCSTRINGS if not examples(name).examples] == []


@pytest.mark.parametrize("name", [name for name in DOCSTRINGS if name != "fit"])
def test_the_example_prints_what_its_docstring_says(name, checkout):
    assert failures(name) == ""


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(linked(tmp_path))
    program = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    # Two epochs show as much as fifty.
    assert program.count('"training.epochs": 50') == 1
    frame = pd.read_parquet("sample_data/claims.parquet").head(100)
    y, event = torch.tensor([1.0, 2.0]), torch.tensor([1, 0])
    names = {"frame": frame, "batches": pa.Table.from_pandas(frame).to_batches(), "raw": torch.zeros(2, 2), "y": y, "event": event}
    names |= {"lower": y, "upper": 2 * y}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", disttrain.DataWarning)
        exec(program.replace('"training.epochs": 50', '"training.epochs": 2'), names)
    assert names["loss"].outputs == 2
    assert names["run"].history["epoch"].tolist() == [1, 2]
