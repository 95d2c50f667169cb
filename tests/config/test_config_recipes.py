"""Recipes fill in what a config leaves out, and give way to every key that it has."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from disttrain import choices, config
from disttrain.config.recipes import RECIPES
from disttrain.errors import ConfigError

LEAST: dict[str, Any] = {"distribution": "normal", "data": {"train": "a.csv", "target": "y", "features": ["x"]}}
# What users set: alone, each of these is a valid config with `recipe: plain`.
SETTINGS: dict[str, Any] = {
    "network.hidden": [[8], [8, 8]],
    "network.linear_path": [True, False],
    "network.numeric_embedding": list(choices.NUMERIC_EMBEDDINGS),
    "network.normalization": list(choices.NORMALIZATIONS),
    "network.heads": list(choices.HEADS),
    "network.members": [1, 3],
    "network.dropout": [0.2],
    "training.optimizer": [*choices.OPTIMIZERS, {"name": "sgd", "momentum": 0.9}, {"lr": 1e-4}, {"weight_decay": 0.0}],
    "training.schedule": list(choices.SCHEDULES),
    "training.initialize": ["marginal", "zero"],
    "training.early_stopping": [None, {"patience": 3}],
    "training.averaging": [0.0, 0.9],
    "training.epochs": [7],
    "training.precision": list(choices.PRECISIONS),
    "data.validation": [0.2, "b.csv", {"column": "fold", "values": [1]}, None],
    "data.split": [{"method": "group", "by": "g"}, {"method": "time", "by": "t"}, {"method": "random"}],
}
ONES = [(key, value) for key, values in SETTINGS.items() for value in values]


def document(recipe: str, *settings: tuple[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"recipe": recipe, **LEAST}
    for key, value in settings:
        section, name = key.split(".")
        made[section] = {**made.get(section, {}), name: value}
    return made


def value_at(loaded: config.Config, key: str) -> Any:
    section, name = key.split(".")
    return loaded.model_dump(mode="json")[section][name]


def accepted(document: dict[str, Any]) -> bool:
    try:
        config.parse(document)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("recipe", ["default", "best"])
@pytest.mark.parametrize("one", ONES, ids=str)
def test_a_recipe_gives_way_to_a_key_of_the_config(recipe, one):
    plain, loaded = (config.parse(document(name, one)) for name in ("plain", recipe))
    if isinstance(one[1], dict):
        assert one[1].items() <= value_at(loaded, one[0]).items()
    else:
        assert value_at(loaded, one[0]) == value_at(plain, one[0])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["default", "best"])
def test_a_recipe_makes_no_config_invalid(recipe):
    pairs = [pair for pair in product(ONES, ONES) if pair[0][0] < pair[1][0] and accepted(document("plain", *pair))]
    assert len(pairs) > 500
    assert [pair for pair in pairs if not accepted(document(recipe, *pair))] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_command_line_overrides_a_recipe(recipe):
    for section, defaults in RECIPES[recipe].items():
        for name, value in defaults.items():
            if not isinstance(value, bool | int | float) or isinstance(value, bool) or name == "validation":
                continue
            loaded = config.parse(document(recipe), [f"{section}.{name}={int(value) + 3}"])
            assert value_at(loaded, f"{section}.{name}") == int(value) + 3


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_linear_model_is_the_same_in_every_recipe(recipe):
    linear = ("network.hidden", [])
    assert config.parse(document(recipe, linear)).model_copy(update={"recipe": "plain"}) == config.parse(document("plain", linear))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_resolved_config_names_its_recipe_and_is_the_same_again(recipe):
    loaded = config.parse(document(recipe))
    assert loaded.recipe == recipe
    assert config.loads(config.dump(loaded)).config == loaded
    for section, defaults in RECIPES[recipe].items():
        for name, value in defaults.items():
            assert isinstance(value, dict) or value_at(loaded, f"{section}.{name}") == value


@pytest.mark.parametrize("recipe", ["default", "best"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "sgd", "adam"])
def test_another_optimizer_has_its_own_numbers(recipe, optimizer):
    plain, loaded = (config.parse(document(name, ("training.optimizer", optimizer))).training for name in ("plain", recipe))
    assert (loaded.optimizer, loaded.epochs, loaded.early_stopping) == (plain.optimizer, plain.epochs, plain.early_stopping)


@pytest.mark.parametrize("recipe", ["default", "best"])
def test_a_number_of_epochs_is_an_upper_limit(recipe):
    stopping = config.parse(document(recipe, ("training.epochs", 1_000))).training.early_stopping
    assert stopping is not None
    assert stopping.patience == 40


def test_an_unknown_recipe_is_named_with_the_right_word():
    with pytest.raises(ConfigError, match="is not a recipe; did you mean `best`"):
        config.parse(document("bset"))
