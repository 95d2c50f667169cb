"""The untrained model of a config and its training tensors, with every check that comes before epoch 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disttrain.choices import SPLITS
from disttrain.config import Config, Loaded, suggestion
from disttrain.data import (
    MEMBER_HOLDOUTS,
    BatchError,
    BatchFinding,
    Encoder,
    display,
    integer_column,
    located,
    member_holdouts,
    require_weight,
)
from disttrain.errors import DataError, Finding
from disttrain.families import Family, Scaling
from disttrain.model import Model, encoded, layout_of, outputs_of, scaling_of, standardised, trunk_dtype
from disttrain.networks import Network, Output
from disttrain.preparation.config_locations import places_of_config
from disttrain.preparation.load import Dataset, SharedReads, dataset, fitted_encoder, hold_out_own
from disttrain.preparation.observations import Observed, observe, weight_of
from disttrain.preparation.target_checks import require_variety
from disttrain.preparation.training_plan import plan_of
from disttrain.training import RowTensors, device, initial_raw, marginal_raw, use_bfloat16

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Prepared:
    """A model before training, its rows, their observations in target units, and the tensors of each split.

    `validation_rows` are the positions, among the `counted` training rows, of the rows that each of K members holds out for early
    stopping, (v,) each; None if all members use the validation split.
    """

    data: Dataset
    model: Model
    observed: Observed
    splits: dict[str, RowTensors]
    limit: int | None
    validation_rows: tuple[Tensor, ...] | None = None

    def counts(self) -> dict[str, int]:
        """The number of rows of each split."""
        return {split: len(self.data.part(split)) for split in SPLITS}

    def part(self, split: str) -> Observed:
        """The observations of one split."""
        return self.observed[torch.from_numpy(self.data.part(split))]

    @property
    def counted(self) -> Positions:
        """The positions in `data` of the training rows with a weight above 0."""
        return counted_rows(self.data, self.observed.weight)

    @property
    def held_out_counts(self) -> str:
        """The number of rows that each member holds out, such as `120` or `98 to 131`; empty if members hold out none."""
        counts = sorted({len(rows) for rows in self.validation_rows or ()})
        return " to ".join(f"{count:,}" for count in dict.fromkeys((*counts[:1], *counts[-1:])))

    @property
    def trained_rows(self) -> int:
        """The most rows that a member trains on: those with a weight above 0 that it does not hold out."""
        return len(self.counted) - min((len(rows) for rows in self.validation_rows or ()), default=0)

    def inputs(self, rows: Positions) -> Tensor:
        """The encoded inputs of the rows of `data` at the positions `rows`: (len(rows), p)."""
        like = self.splits["train"].x
        x = like.new_empty(len(rows), like.shape[1])
        for split, tensors in self.splits.items():
            positions = np.flatnonzero(self.data.split[rows] == SPLITS.index(split))
            x[torch.from_numpy(positions)] = tensors.x[torch.from_numpy(np.searchsorted(self.data.part(split), rows[positions]))]
        return x

    def lean(self) -> Prepared:
        """A copy without the columns that the tensors already hold. Ids and group columns remain, for predictions and scores."""
        kept_columns = dict.fromkeys((*self.model.schema.id, *self.model.config.evaluation.by))
        return replace(self, data=replace(self.data, table=self.data.table.select(list(kept_columns))))


def prepare(loaded: Loaded, limit: int | None = None, shared: SharedReads | None = None) -> Prepared:
    """Read, check, encode and standardise the rows of a config, and build its network at the marginal fit.

    With `shared`, files that an earlier call has read are not read again.
    Raises DataError if the data are not usable.
    """
    config = loaded.config
    with places_of_config(loaded):
        rows = dataset(loaded, limit, shared=shared)
    _require_groups(config, rows)
    _require_rows(rows, "train")
    with located(rows.origin):
        weight = weight_of(rows.table, rows.schema)
        _require_weights(rows, weight, ("train",))
    encoder = fitted_encoder(config, rows, weight)
    rows = rows.only(encoder.usable(rows.table))
    _require_splits(config, rows)
    with located(rows.origin):
        observed = observe(config, rows.schema, rows.family, rows.table, None, rows.split == 0)
        _require_informative(rows, observed)
    rows = replace(rows, warnings=(*rows.warnings, *_untrained_labels(rows, observed)))
    family, train = observed.family, observed[torch.from_numpy(counted_rows(rows, observed.weight))]
    scaling = scaling_of(config, family, train.outcome.value, train.weight, train.conditions.exposure)
    outputs = outputs_of(config, family, encoder, scaling)
    splits = _splits(config, rows, encoder, observed, outputs, scaling)
    raw = marginal_raw(family, outputs, splits["train"].counted)
    network = _network(config, encoder, family, outputs, splits["train"].counted, raw)
    share = config.forecast.marginal_share
    model = Model(
        config, rows.schema, encoder, family, observed.labels, outputs, scaling, network,
        {name: value.numpy() for name, value in raw.items()}, 0.0 if isinstance(share, str) else share,
    )  # fmt: skip
    return Prepared(rows, model, observed, splits, limit, _validation_rows(config, rows, counted_rows(rows, observed.weight)))


def counted_rows(rows: Dataset, weight: Tensor | None) -> Positions:
    """The positions of the training rows with a weight (n,) above 0. The other rows do not affect any model."""
    part = rows.part("train")
    return part if weight is None else part[weight.numpy()[part] > 0]


def _validation_rows(config: Config, rows: Dataset, part: Positions) -> tuple[Tensor, ...] | None:
    """The rows that each member holds out, as positions in the training rows `part`; None if members hold out none."""
    if not hold_out_own(config) or not isinstance(config.data.validation, float):
        return None
    members, share = config.network.members, config.data.validation
    if rows.group_rank is not None:
        held_out = MEMBER_HOLDOUTS[config.data.split.rule](rows.group_rank[part], members, share)
    else:
        features = set(rows.schema.feature_columns)
        others = tuple(name for name in rows.table.column_names if name not in features)
        held_out = member_holdouts(rows.table.take(integer_column(part)), members, share, seed=config.training.seed, exclude=others)
    return tuple(map(torch.from_numpy, held_out))


def _splits(
    config: Config, rows: Dataset, encoder: Encoder, observed: Observed, outputs: Sequence[Output], scaling: Scaling
) -> dict[str, RowTensors]:
    """The tensors of every split with rows: encoded inputs, and observations in units of the standardised target."""
    parts = {split: torch.from_numpy(rows.part(split)) for split in SPLITS if len(rows.part(split))}
    # One tensor holds all splits, each as a slice, so that this largest tensor exists only once.
    places = torch.empty(len(rows.split), dtype=torch.int64)
    places[torch.cat(list(parts.values()))] = torch.arange(len(places))
    with located(rows.origin):
        x = encoded(encoder, rows.table, trunk_dtype(config), places)
    result, first = {}, 0
    for split, part in parts.items():
        inputs, part_observed = x[first : first + len(part)], observed[part]
        first += len(part)
        conditions = standardised(part_observed.conditions, observed.family, outputs, scaling)
        result[split] = RowTensors(inputs, part_observed.outcome.map(scaling.apply), part_observed.weight, conditions)
    return result


def _network(
    config: Config, encoder: Encoder, family: Family, outputs: Sequence[Output], train: RowTensors, raw: Mapping[str, Tensor]
) -> Network:
    """The network with its heads at the marginal fit `raw`, or at 0."""
    generator = torch.Generator().manual_seed(config.training.seed)
    # torch draws initial weights, which are then replaced. The caller's global generator must not change.
    with torch.random.fork_rng(devices=[]):
        network = Network(layout_of(config, encoder), outputs, generator, autocast=_in_bfloat16(config, len(train)))
    start = {name: torch.zeros_like(value) for name, value in raw.items()}
    if config.training.initialize != "zero":
        start = initial_raw(family, outputs, train, raw)
    network.start(start, generator, train.x, train.weight, raw)
    return network.to(trunk_dtype(config))


def _in_bfloat16(config: Config, rows: int) -> bool:
    """True if training computes products in bfloat16: by the config, or for `auto` if it is faster (measured for single networks)."""
    section = config.training
    if section.precision != "auto" or section.optimizer.name == "lbfgs" or config.network.members > 1:
        return section.precision == "bfloat16"
    return use_bfloat16(device(section.device), plan_of(config, rows).batch_size, config.network.hidden)


def _require_informative(rows: Dataset, observed: Observed) -> None:
    """Raise DataError if the rows cannot train or score a model.

    This is so if a split has no weight above 0, if all training rows have the same class, or if all of them are right-censored.
    """
    _require_weights(rows, None if observed.weight is None else observed.weight.numpy())
    family, train = observed.family, observed[torch.from_numpy(counted_rows(rows, observed.weight))]
    column = ", ".join(rows.schema.target)
    if not family.event and family.support.discrete and math.isfinite(family.support.upper):
        require_variety(column, train.outcome.value.numpy())
    if bool(train.outcome.upper.isinf().all()):
        what = "every training row is right-censored: any distribution far enough to the right explains them"
        hints = ("check `data.censoring`: an `event` of 1 says that the target was seen exactly, a `limit` censors those at or above it",)
        raise BatchError(BatchFinding("no-events", what, column, hints=hints))


def _require_weights(rows: Dataset, weight: NDArray[np.float64] | None, splits: Sequence[str] = SPLITS) -> None:
    """Raise DataError if all rows of a split have the weight 0."""
    if weight is None or rows.schema.weight is None:
        return
    for split in splits:
        part = rows.part(split)
        if len(part):
            require_weight(weight[part], rows.schema.weight, split)


def _untrained_labels(rows: Dataset, observed: Observed) -> Iterator[str]:
    """A warning about labels that no training row has. The network learns nothing about them."""
    if observed.labels is None:
        return
    trained = np.unique(observed.outcome.value.numpy()[rows.part("train")])
    codes = np.unique(observed.outcome.value.numpy())
    missing = [str(observed.labels[int(code)]) for code in codes[~np.isin(codes, trained)]]
    if missing:
        listed = ", ".join(f"`{display(label, 40)}`" for label in missing[:10])
        yield f"no training row has the label{'s' if len(missing) > 1 else ''} {listed} of `{display(rows.schema.target[0])}`, which held-out rows have"


def _require_groups(config: Config, rows: Dataset) -> None:
    """Raise DataError if a column of `evaluation.by` does not exist."""
    missing = [name for name in config.evaluation.by if name not in rows.table.column_names]
    if missing:
        closest = suggestion(missing[0], rows.arrow_schema.names)
        hints = (f"did you mean `{display(closest)}`?",) if closest else ()
        raise DataError(
            Finding("missing-column", f"there is no column `{display(missing[0])}`, `evaluation.by`", rows.origin.names[0], hints=hints)
        )


def _require_rows(rows: Dataset, split: str) -> None:
    """Raise DataError if a required split has no rows."""
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
    for split in ("train", *(() if config.data.validation is None or hold_out_own(config) else ("validation",))):
        _require_rows(rows, split)
    if len(rows.part("train")) < 2:
        what = "one training row says nothing about a spread; a distribution needs two or more"
        if rows.filtered:
            what += f" (`data.filter` took out {rows.filtered:,})"
        hints = ("a smaller share for validation and test, or more data",)
        raise DataError(Finding("too-few-rows", what, ", ".join(file.name for file in rows.files[:3]), hints=hints))
    _require_batches(config, len(rows.part("train")))


def _require_batches(config: Config, rows: int) -> None:
    """Raise DataError if batch normalisation would get batches of one row."""
    lone = rows == 1 or (config.training.batch_size == 1 and config.training.optimizer.name != "lbfgs")
    if config.network.normalization == "batch" and config.network.hidden and lone:
        what = "batch normalisation needs two rows or more in a batch"
        hints = ("`network.normalization: layer` or `none`", "a larger `training.batch_size`")
        raise DataError(Finding("too-few-rows", what, "network.normalization", hints=hints))
