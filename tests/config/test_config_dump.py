"""A config written out reads back as the same config, and importing the room is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain import choices, config
from disttrain.config.yaml.scalars import share_meant
from disttrain.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))

characters = st.characters(codec="utf-8", exclude_characters="\0")
words = st.text(characters, min_size=1, max_size=150) | st.sampled_from(
    ["no", "on", "1e3", "0o7", "<<", "=", "null", "~", "1", ".5", "x: y", "..."]
)
# A share in quotes is refused rather than looked for as a file.
files = words.filter(lambda word: share_meant(word) is None)
columns = st.lists(words, min_size=1, max_size=5, unique=True)
shares = st.floats(0.0, 1.0, exclude_min=True, exclude_max=True)
numbers = st.floats(-1e300, 1e300)
scalars = words | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)
splits = st.fixed_dictionaries({"column": words, "values": st.lists(scalars, min_size=1, max_size=4)})
parameters = st.fixed_dictionaries(
    {},
    optional={
        "activation": st.text(characters, min_size=1, max_size=20),
        "hidden": st.lists(st.integers(1, 65_536), max_size=3),
        "features": columns,
        "bounds": st.tuples(st.none() | numbers, st.none() | numbers),
        "fixed": numbers | st.lists(numbers, min_size=1, max_size=3),
    },
)
optimizers = st.sampled_from(choices.OPTIMIZERS) | st.fixed_dictionaries(
    {"name": st.sampled_from(["adam", "adamw", "sgd"])}, optional={"lr": st.floats(1e-300, 1e3), "weight_decay": st.floats(0, 1e3)}
)


@st.composite
def documents(draw) -> dict[str, Any]:
    """Config documents of all sorts."""
    used = draw(st.lists(words, min_size=4, max_size=8, unique=True))
    options = draw(st.dictionaries(words.filter(lambda word: word not in ("family", "parameters")), values, max_size=2))
    data: dict[str, Any] = {
        "train": draw(words | columns),
        "validation": draw(st.none() | shares | files | splits),
        "test": draw(st.none() | splits | columns),
        "target": used[0],
        "features": draw(st.sampled_from(["*", used[1:3], [used[1], {"name": used[2], "type": "categorical"}]])),
        "id": used[3:4],
        "filter": draw(st.none() | words | columns),
    }
    return {
        "recipe": "plain",
        "distribution": {"family": "gamma", "parameters": draw(st.dictionaries(words, parameters, max_size=2)), **options},
        "data": data,
        "training": {
            "optimizer": draw(optimizers),
            "schedule": draw(st.sampled_from(choices.SCHEDULES)),
            "time_limit": draw(st.none() | st.just("3m")),
        },
        "predictions": {"quantiles": draw(st.lists(shares, min_size=1, max_size=4, unique=True))},
    }


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(documents())
def test_a_dumped_config_reads_back_equal(document):
    full = config.parse(document)
    again = config.loads(config.dump(full)).config
    assert again == full
    assert config.dump(again) == config.dump(full)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(documents())
def test_a_dumped_document_means_the_same_config(document):
    assert config.loads(config.dump_document(document)).config == config.parse(document)


@settings(max_examples=50, deadline=None)
@given(documents())
def test_the_json_form_of_a_config_is_a_document_of_it(document):
    full = config.parse(document)
    assert config.parse(full.model_dump(mode="json")) == full


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_example_survives_being_dumped(path):
    full = config.load(path).config
    assert config.loads(config.dump(full)).config == full


def test_a_dump_shows_every_default():
    text = config.dump(config.parse({"recipe": "plain", "distribution": "gamma", "data": {"train": "a", "target": "y", "features": "*"}}))
    for line in (
        "validation: 0.15",
        "optimizer: {name: adamw, lr: 0.001, weight_decay: 0.0001, momentum: null}",
        "batch_size: auto",
        "seed: 0",
    ):
        assert line in text


def test_a_copy_with_lists_in_it_is_dumped_alike():
    full = config.parse({"recipe": "plain", "distribution": "gamma", "data": {"train": ["a"], "target": "y", "features": "*"}})
    copy = full.model_copy(update={"data": full.data.model_copy(update={"train": ["/x/a"]})})
    assert config.loads(config.dump(copy)).config.data.train == ("/x/a",)


def test_what_yaml_cannot_hold_is_not_written():
    with pytest.raises(ConfigError, match="type object"):
        config.dump_document({"a": object()})


def test_a_loaded_config_knows_its_file_its_bytes_and_its_folder(tmp_path):
    text = b"\xef\xbb\xbfdistribution: gamma\r\ndata: {train: a, target: y, features: [b]}\r\n"
    path = tmp_path / "my claims!.yaml"
    path.write_bytes(text)
    loaded = config.load(path)
    assert (loaded.path, loaded.text, loaded.base) == (path, text, tmp_path)
    assert config.run_name(loaded) == "my claims"
    assert config.run_name(config.load(path, ["name=x-1"])) == "x-1"


def test_importing_the_room_imports_no_heavy_library():
    code = "import sys, disttrain.config; print([name for name in ('torch', 'pandas', 'pyarrow', 'numpy', 'scipy') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
