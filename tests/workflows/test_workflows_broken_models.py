"""A model that cannot be believed is named by its file and by the part of it that is wrong."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil

import pytest

import disttrain
from disttrain.errors import RunUnreadable


@pytest.fixture
def model(tmp_path, family_run):
    shutil.copytree(family_run("gamma").folder / "model", tmp_path / "model")
    return tmp_path / "model"


def changed(model, change):
    document = json.loads((model / "model.json").read_text())
    del document["sha256"]
    change(document)
    seal = hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    (model / "model.json").write_text(json.dumps(document | {"sha256": seal}))


def refused(model):
    with pytest.raises(RunUnreadable) as caught:
        disttrain.load(model)
    (finding,) = caught.value.findings
    assert len(finding.what) < 400
    assert finding.what.isprintable()
    return finding


def at(document, path):
    for key in path[:-1]:
        document = document[key]
    return document, path[-1]


WRONG = {
    "encoder.parts[0].spread": (0, "`spread` is `0`; it must be a number from"),
    "encoder.parts[0].name": (5, "`name` must be text, not `5`"),
    "encoder.parts[2].categories[1]": ("x" * 15_000_000, "has 15,000,000 characters; at most 1,048,576 are allowed"),
    "encoder.parts[2].dimensions": ("\x1b[31m" * 100, "`dimensions` is `\\x1b[31m"),
    "encoder.parts[2].kind": ("color", "`kind` is `color`, not one of"),
    "encoder.parts": (None, "`parts` must be a list, not null"),
    "encoder.missing": ([], "`missing` must be text, not a list"),
    "encoder": ([], "encoder must be an object, not a list"),
    "schema.features[1].kind": (1, "`kind` must be text, not `1`"),
    "schema.target[0]": ({}, "`target` must be text, not an object"),
    "schema.known": ("all", "`known` must be an object of texts"),
    "schema": (0, "schema must be an object, not `0`"),
}


@pytest.mark.parametrize("path", WRONG)
def test_the_file_and_the_part_that_is_wrong_are_named(path, model):
    value, words = WRONG[path]
    keys = [int(key) if key.isdigit() else key for key in path.replace("[", ".").replace("]", "").split(".")]

    def change(document):
        part, key = at(document, keys)
        part[key] = copy.deepcopy(value)

    changed(model, change)
    finding = refused(model)
    named = path.removesuffix("[0]") if path.startswith("schema.target") else path
    assert finding.where == f"{model / 'model.json'} ({named})"
    assert words in finding.what


def test_every_value_of_encoder_and_schema_that_is_taken_away_is_missed_by_name(model):
    """Whatever part is broken, the message says in which file."""
    document = json.loads((model / "model.json").read_text())
    whole = (model / "model.json").read_bytes()
    paths = [[top, key] for top in ("encoder", "schema") for key in document[top]]
    paths += [["encoder", "parts", place, key] for place, part in enumerate(document["encoder"]["parts"]) for key in part]
    for path in paths:
        changed(model, lambda document, path=path: (lambda part, key: part.pop(key))(*at(document, path)))
        assert refused(model).where.startswith(f"{model / 'model.json'} ({path[0]}")
        (model / "model.json").write_bytes(whole)
