"""Recipes: named sets of defaults for a config. Every key that a config gives overrides its recipe; `plain` has no defaults of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from disttrain.config.yaml.scalars import Yaml

Defaults = Mapping[str, Mapping[str, Yaml]]

# One network that is given each number with an embedding beside it, a linear model beside its hidden layers, where training begins if that is
# the better start, and intercepts that suit the validation rows. Chosen on inner rows of the choosing sets of tests/benchmarks/halves.py.
_ONE_NETWORK: dict[str, Yaml] = {"numeric_embedding": "both", "linear_path": True}
# Without early stopping the cosine schedule runs to its end, where targets without noise are fitted best.
_TRAINING: dict[str, Yaml] = {
    "epochs": "auto",
    "optimizer": {"name": "adamw", "lr": 2.5e-3, "weight_decay": 0.2},
    "initialize": "auto",
    "early_stopping": None,
    "refit_intercepts": True,
}
_PATIENCE = 40
_ENSEMBLE: dict[str, Yaml] = {**_TRAINING, "epochs": 200, "early_stopping": {"patience": _PATIENCE}, "refit_intercepts": False}
RECIPES: Mapping[str, Defaults] = {
    "plain": {},
    "default": {"network": _ONE_NETWORK, "training": _TRAINING},
    "best": {
        "data": {"validation": 0.1, "split": {"method": "per_member"}},
        "network": {**_ONE_NETWORK, "members": 8},
        "training": _ENSEMBLE,
        "forecast": {"marginal_share": "auto"},
    },
}
UNNAMED = "default"


def with_recipe(document: dict[str, Yaml]) -> dict[str, Yaml]:
    """The document with the defaults of its recipe for the keys that it leaves out. Malformed parts and unknown recipes are left as they are.

    A linear model, of no hidden layer, has no recipe but `plain`. Where a key of the recipe does not go with a key of the document, the
    recipe gives way.
    """
    name = document.get("recipe", UNNAMED)
    if not isinstance(name, str) or not RECIPES.get(name) or _is_linear(document):
        return document
    return document | {
        section: _filled(document.get(section), _suitable(section, document, defaults)) for section, defaults in RECIPES[name].items()
    }


def standing(name: str, resolved: Mapping[str, Yaml]) -> list[str]:
    """The keys with values that a recipe stands for in a resolved config, such as `network.members: 8`; those that the config overrides are left out."""
    return list(_standing(RECIPES[name], resolved))


def _standing(defaults: Mapping[str, Yaml] | Defaults, resolved: Mapping[str, Yaml], prefix: str = "") -> Iterator[str]:
    for key, value in defaults.items():
        if isinstance(value, Mapping):
            yield from _standing(value, _mapping(resolved.get(key)), f"{prefix}{key}.")
        elif key in resolved and resolved[key] == value:
            yield f"{prefix}{key}: {'null' if value is None else str(value).lower() if isinstance(value, bool) else value}"


def _is_linear(document: Mapping[str, Yaml]) -> bool:
    """True if the network has no hidden layer."""
    parameters = _mapping(_mapping(document.get("distribution")).get("parameters"))
    return _mapping(document.get("network")).get("hidden") == [] and not any(_mapping(block).get("hidden") for block in parameters.values())


def _suitable(section: str, document: Mapping[str, Yaml], defaults: Mapping[str, Yaml]) -> dict[str, Yaml]:
    """The defaults of a section without those that do not go with other keys of the document."""
    suitable = dict(defaults)
    given = _mapping(document.get(section))
    if section == "training":
        if _mapping(document.get("network")).get("linear_path") is False:
            suitable.pop("initialize", None)
        optimizer = given.get("optimizer")
        name = _mapping(optimizer).get("name", "adamw") if isinstance(optimizer, dict) else optimizer
        if optimizer is not None and name != _mapping(suitable.get("optimizer")).get("name"):
            # The numbers are those of one optimizer. L-BFGS needs few epochs, and to stop when it has converged.
            suitable = {key: value for key, value in suitable.items() if key not in {"optimizer", "epochs", "early_stopping"}}
        elif "epochs" in given and "early_stopping" in suitable:
            # A number of epochs is an upper limit.
            suitable["early_stopping"] = {"patience": _PATIENCE}
    if section == "data" and ("split" in given or not isinstance(given.get("validation", 0.1), float)):
        # Each member can only hold out rows of its own where a share of the rows is held out, at random.
        return {}
    return suitable


def _filled(given: Yaml, defaults: dict[str, Yaml]) -> Yaml:
    """A section with defaults for the keys that it leaves out, in its own mappings too. A short form, such as a name, is left as it is."""
    if given is None:
        return defaults
    if not isinstance(given, dict):
        return given
    both = {
        key: _filled(given[key], value)
        for key, value in defaults.items()
        if key in given and isinstance(value, dict) and given[key] is not None
    }
    return {**defaults, **given, **both}


def _mapping(value: Yaml | None) -> Mapping[str, Yaml]:
    return value if isinstance(value, dict) else {}
