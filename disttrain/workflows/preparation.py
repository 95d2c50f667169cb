"""From a config to a model that has not been trained yet and the tensors to train it on: all that can go wrong before epoch 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from disttrain.config import Config, Loaded
from disttrain.data import Encoder
from disttrain.errors import DataError, Finding
from disttrain.families import Family
from disttrain.model import Model, encoded, family_of, layout_of, outputs_of, scaling_of, trunk_dtype
from disttrain.networks import Network, activated
from disttrain.outcomes import Outcome
from disttrain.training import Rows, head_start, marginal_raw
from disttrain.workflows.dataset import SPLITS, Dataset, dataset, target_of, weight_of
from disttrain.workflows.support import require_inside, require_variety

__all__ = ["Prepared", "prepare"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Prepared:
    """A model before its training, the rows behind it, their targets `y` and weights in target units, and the tensors of each split."""

    data: Dataset
    model: Model
    y: Tensor
    weight: Tensor | None
    splits: dict[str, Rows]
    limit: int | None

    def counts(self) -> dict[str, int]:
        """How many rows each split has."""
        return {split: len(self.data.part(split)) for split in SPLITS}


def prepare(loaded: Loaded, limit: int | None = None) -> Prepared:
    """Read, check, encode and standardise the rows of a config and plan its network, started at the marginal fit.

    Raises DataError with what is wrong in the data.
    """
    config = loaded.config
    rows = dataset(loaded, limit)
    _require_rows(rows, "train")
    encoder = Encoder.fit(
        rows.schema, rows.table, missing=config.data.missing, unknown_category=config.data.unknown_category,
        scaling=config.data.scaling, rows=rows.split == 0, origin=rows.origin,
    )  # fmt: skip
    rows = rows.only(encoder.usable(rows.table))
    _require_splits(config, rows)
    target = target_of(config, rows.table, rows.schema, None, rows.origin)
    family = family_of(config, target.labels)
    _check_target(rows, family, target.values)
    weight = weight_of(rows.table, rows.schema, rows.origin)
    y, weights = torch.from_numpy(target.values), None if weight is None else torch.from_numpy(weight)
    scaling = scaling_of(config, family, y[rows.part("train")])
    outputs = outputs_of(config, family, encoder, scaling)
    x = encoded(encoder, rows.table, trunk_dtype(config), rows.origin)
    splits = {
        split: Rows(x[part], Outcome.exact(scaling.apply(y[part])), None if weights is None else weights[part])
        for split in SPLITS
        if len(part := torch.from_numpy(rows.part(split)))
    }
    raw = marginal_raw(family, outputs, splits["train"].outcome, splits["train"].weight)
    marginal = scaling.restore(family, activated(outputs, {name: value[None] for name, value in raw.items()}, 1))
    generator = torch.Generator().manual_seed(config.training.seed)
    # torch draws first weights of its own, which are drawn anew: its global generator is the caller's.
    with torch.random.fork_rng(devices=[]):
        network = Network(layout_of(config, encoder), outputs, generator, autocast=config.training.precision == "bfloat16")
    train = splits["train"]
    start = {name: torch.zeros_like(value) for name, value in raw.items()}
    if config.training.initialize == "marginal":
        start = head_start(family, outputs, train.outcome, train.weight, raw)
    network.start(start, generator)
    model = Model(
        config, rows.schema, encoder, family, target.labels, outputs, scaling, network.to(trunk_dtype(config)),
        {name: value[0].tolist() for name, value in marginal.items()},
    )  # fmt: skip
    return Prepared(rows, model, y, weights, splits, limit)


def _check_target(rows: Dataset, family: Family, y: Array) -> None:
    column, train = ", ".join(rows.schema.target), rows.split == 0
    require_inside(family, column, y, rows.origin, train)
    if not family.event and family.support.discrete and math.isfinite(family.support.upper):
        require_variety(column, y[train], rows.origin)


def _require_rows(rows: Dataset, split: str) -> None:
    """Raise DataError where a split that is needed has no rows."""
    if len(rows.part(split)):
        return
    left = f"{rows.filtered:,} were taken out by `data.filter`" if rows.filtered else "the source has too few"
    hints = (
        ("check `data.filter` and `data.split`",) if split == "train" else ("a smaller share, another split, or `data.validation: null`",)
    )
    raise DataError(
        Finding("no-rows", f"no rows are left for {split}: {left}", ", ".join(file.name for file in rows.files[:3]), hints=hints)
    )


def _require_splits(config: Config, rows: Dataset) -> None:
    for split in ("train", *(("validation",) if config.data.validation is not None else ())):
        _require_rows(rows, split)
    if len(rows.part("train")) < 2:
        what = "one training row says nothing about a spread; a distribution needs two or more"
        hints = ("a smaller share for validation and test, or more data",)
        raise DataError(Finding("too-few-rows", what, ", ".join(file.name for file in rows.files[:3]), hints=hints))
    _require_batches(config, len(rows.part("train")))


def _require_batches(config: Config, rows: int) -> None:
    """Raise DataError where batch normalisation would meet batches of one row, which have no spread."""
    lone = rows == 1 or (config.training.batch_size == 1 and config.training.optimizer.name != "lbfgs")
    if config.network.normalization == "batch" and config.network.hidden and lone:
        what = "batch normalisation needs two rows or more in a batch"
        hints = ("`network.normalization: layer` or `none`", "a larger `training.batch_size`")
        raise DataError(Finding("too-few-rows", what, "network.normalization", hints=hints))
