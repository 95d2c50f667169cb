"""A model in a model folder: its description as JSON, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import torch
from torch import Tensor

from disttrain import config as configs
from disttrain import storage
from disttrain.config import SplitSection
from disttrain.data import Encoder, Schema, within
from disttrain.errors import ConfigError, Finding, RunUnreadable
from disttrain.families import Scaling
from disttrain.model.model import Model
from disttrain.model.planning import family_of, layout_of, outputs_of, trunk_dtype
from disttrain.networks import Network
from disttrain.storage import Json, StoredModel


class _Description(TypedDict):
    """A model without its weights, as model.json has it."""

    run: str
    config: dict[str, Json]
    family: str
    parameters: dict[str, str]
    schema: dict[str, Json]
    encoder: dict[str, Json]
    labels: list[str | int | bool] | None
    scaling: dict[str, Json]
    marginal: dict[str, list[float]]
    marginal_share: float
    levels: dict[str, list[list[float]]]


def save(model: Model, folder: Path, name: str, weights: Mapping[str, Tensor]) -> None:
    """Write model.json, with the levels of the heads, and the weights of a model's network into `folder`. Raises StorageError."""
    levels = {key: weights[key].double().sum(1).tolist() for key in model.network.named_levels()}
    learned = {key: value for key, value in weights.items() if key not in levels}
    storage.save(folder, _description(model, name) | {"levels": levels}, learned)


def load(stored: StoredModel) -> Model:
    """The model of a model folder. Raises RunUnreadable if the files do not describe a valid model."""
    try:
        # Each of these entries may be missing or of another type: what follows then raises one of the errors below.
        description = cast("_Description", stored.description)
        model = _planned(description)
        levels = _levels(model.network, description["levels"])
    except RunUnreadable as fault:
        where = str(stored.path / "model.json")
        raise RunUnreadable(*(replace(finding, where=f"{where} ({finding.where})") for finding in fault.findings)) from None
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as fault:
        raise RunUnreadable(
            Finding("damaged-model", f"model.json does not describe a model: {fault!r}"[:300], str(stored.path / "model.json"))
        ) from None
    expected = {name: (tuple(value.shape), value.dtype) for name, value in model.network.state_dict().items() if name not in levels}
    model.network.load_state_dict(storage.load_weights(stored, expected) | levels, assign=True)
    model.network.eval()
    return model


def _description(model: Model, name: str) -> dict[str, object]:
    # A model folder is moved alone, and does not reveal the location of its training data.
    nowhere = model.config.data.model_copy(update={"train": "unknown", "validation": None, "test": None, "split": SplitSection()})
    return {
        "run": name,
        "config": model.config.model_copy(update={"data": nowhere}).model_dump(mode="json"),
        "family": model.family.name,
        "parameters": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in model.outputs},
        "schema": model.schema.state(),
        "encoder": model.encoder.state(),
        "labels": None if model.labels is None else list(model.labels),
        "scaling": asdict(model.scaling),
        "marginal": {name: np.asarray(value).tolist() for name, value in model.marginal.items()},
        "marginal_share": model.marginal_share,
    }


def _planned(description: _Description) -> Model:
    """The model of a description, without its weights (they take no memory)."""
    config = configs.parse({"recipe": "plain", **description["config"]})
    with within("encoder"):
        encoder = Encoder.from_state(description["encoder"])
    labels = None if description["labels"] is None else tuple(description["labels"])
    family = family_of(config, labels)
    scaling = Scaling.from_state(description["scaling"])
    outputs = outputs_of(config, family, encoder, scaling)
    marginal = {o.parameter.name: np.array(description["marginal"][o.parameter.name], dtype=float) for o in outputs if o.size}
    if not all(
        np.isfinite(marginal[o.parameter.name]).all() and marginal[o.parameter.name].shape == o.raw_shape for o in outputs if o.size
    ):
        raise ValueError("marginal outputs that are not finite")
    # A model of an earlier version has no share of the constant model.
    share = description.get("marginal_share", 0.0)
    if isinstance(share, bool) or not 0.0 <= share < 1.0:
        raise ValueError(f"marginal_share {share!r} is not a number in [0, 1)")
    with torch.device("meta"):
        network = Network(layout_of(config, encoder), outputs, torch.Generator("cpu"))
        network.to(trunk_dtype(config))
    with within("schema"):
        schema = Schema.from_state(description["schema"])
    return Model(config, schema, encoder, family, labels, outputs, scaling, network, marginal, float(share))


def _levels(network: Network, described: Mapping[str, list[list[float]]]) -> dict[str, Tensor]:
    """The levels of the heads from a description. Raises ValueError for a wrong shape or numbers that are not finite."""
    levels = {}
    for name, level in network.named_levels().items():
        members, _, size = level.parts.shape
        raw = torch.tensor(described[name], dtype=torch.float64)
        if raw.shape != (members, size) or not bool(raw.isfinite().all()):
            raise ValueError(f"{name} is no level of this network")
        levels[name] = level.split(raw)
    return levels
