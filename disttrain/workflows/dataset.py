"""The rows of a config: read, filtered, split and checked against the distribution, before any step is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from disttrain import data as rooms
from disttrain.config import ColumnSplit, Config, DataSection, Loaded, Problem
from disttrain.data import Origin, Schema
from disttrain.errors import ConfigError
from disttrain.families import needs
from disttrain.model import family_of, known_columns

__all__ = ["SPLITS", "Dataset", "dataset", "filters_of", "hold_out_own", "is_label"]

SPLITS = ("train", "validation", "test")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Dataset:
    """The rows that a run uses. `row` is each one's position in its own source, `split` its place in SPLITS.

    `files` are the files of all sources in order, and `position` counts each row's place in all of them together; `filtered` counts
    the rows that `data.filter` took out.
    """

    table: pa.Table
    row: Array
    position: Array
    split: Array
    schema: Schema
    arrow_schema: pa.Schema
    files: tuple[Path, ...]
    filtered: int
    format: str

    @property
    def origin(self) -> Origin:
        """Where the rows come from, for messages."""
        return rooms.origin_of(self.files, self.format).rows(self.position)

    def part(self, split: str) -> Array:
        """The positions in `table` of the rows of one split."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def only(self, keep: Array) -> Dataset:
        """The same without the rows where `keep` is false."""
        if keep.all():
            return self
        table = self.table.filter(rooms.boolean_column(keep))
        return replace(self, table=table, row=self.row[keep], position=self.position[keep], split=self.split[keep])


def is_label(config: Config) -> bool:
    """Whether the target is one of several classes, given as a label column or one-hot columns."""
    return "classes" in needs(config.distribution.family, config.distribution.options)


def dataset(loaded: Loaded, limit: int | None = None, more: Sequence[str] = ()) -> Dataset:
    """The rows of a config's sources, split as it says; at most `limit` rows of each source, with `more` columns (`*`: all).

    The split depends on the seed and the features of a row alone, not on which other columns somebody asks for. Raises DataError.
    """
    config, base = loaded.config, loaded.base
    section = config.data
    files = rooms.files(section.train, base, section.format)
    # Two classes stand for any number: what columns a family needs does not depend on it.
    schema, arrow_schema = _schemas(files, section, known_columns(config, family_of(config, (0, 1))))
    _require_known(loaded, schema)
    wanted = arrow_schema.names if "*" in more else more
    extra = {*rooms.columns_of(filters_of(config)), *_split_columns(config), *config.evaluation.by, *wanted}
    columns = tuple(dict.fromkeys((*schema.columns, *sorted(extra & set(arrow_schema.names)))))
    train = _read(files, columns, config, arrow_schema, limit)
    common = None if hold_out_own(config) else section.validation
    split = rooms.assign(
        train.table, validation=_within(common), test=_within(section.test), method=section.split.method, by=section.split.by,
        seed=config.training.seed, exclude=tuple(name for name in columns if name not in schema.feature_columns),
        origin=rooms.origin_of(files, section.format).rows(train.row),
    )  # fmt: skip
    parts, splits = [train], [split]
    for code, source in ((1, section.validation), (2, section.test)):
        if _is_source(source):
            parts.append(_source(source, columns, config, base, schema, limit))
            splits.append(np.full(len(parts[-1].row), code, dtype=np.int8))
    before = np.cumsum([0, *(part.total for part in parts)])
    return Dataset(
        pa.concat_tables([part.table for part in parts]),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.row + start for part, start in zip(parts, before, strict=False)]),
        np.concatenate(splits), schema, arrow_schema, tuple(file for part in parts for file in part.files),
        sum(part.filtered for part in parts), section.format,
    )  # fmt: skip


def hold_out_own(config: Config) -> bool:
    """Whether each of several members holds out validation rows of its own among the training rows."""
    return config.data.split.method == "per_member" and config.network.members > 1


def filters_of(config: Config) -> Sequence[str]:
    """The filters of a config, as a list."""
    given = config.data.filter
    return () if given is None else (given,) if isinstance(given, str) else given


def _is_source(place: Any) -> bool:
    return isinstance(place, str | list | tuple)


def _within(place: Any) -> Any:
    """The part of `validation` or `test` that is found among the training rows: a share or a column."""
    return None if _is_source(place) else place


def _split_columns(config: Config) -> set[str]:
    section = config.data
    named = {place.column for place in (section.validation, section.test) if isinstance(place, ColumnSplit)}
    return named | ({section.split.by} if section.split.by else set())


@dataclass(frozen=True)
class _Part:
    """The kept rows of one source, their positions in it, and how many rows it has in all."""

    table: pa.Table
    row: Array
    total: int
    filtered: int
    files: tuple[Path, ...]


def _schemas(files: tuple[Path, ...], section: DataSection, known: dict[str, str]) -> tuple[Schema, pa.Schema]:
    """What the columns of the training files are: first as they look, then with categorical and label columns as text."""
    origin = rooms.origin_of(files, section.format)
    arrow_schema = rooms.schema_of(files, section.format)
    examples = rooms.text_examples(files, origin, arrow_schema, section.format)
    schema = Schema.resolve(section, arrow_schema, origin.names[0], examples, known)
    return schema, rooms.schema_of(files, section.format, text=schema.text_columns) if schema.text_columns else arrow_schema


def _read(files: tuple[Path, ...], columns: Sequence[str], config: Config, schema: pa.Schema, limit: int | None) -> _Part:
    table = rooms.read(files, columns, config.data.format, schema=schema)
    total = table.num_rows
    table = table if limit is None else table.slice(0, limit)
    row = np.arange(table.num_rows)
    if not filters_of(config):
        return _Part(table, row, total, 0, files)
    keep = rooms.keep(table, filters_of(config))
    return _Part(table.filter(rooms.boolean_column(keep)), row[keep], total, int((~keep).sum()), files)


def _source(source: Any, columns: Sequence[str], config: Config, base: Path, schema: Schema, limit: int | None) -> _Part:
    files = rooms.files(source, base, config.data.format)
    stored = rooms.schema_of(files, config.data.format, text=schema.text_columns)
    examples = rooms.text_examples(files, rooms.origin_of(files, config.data.format), stored, config.data.format)
    schema.check(stored, target=True, where=rooms.place(files[0]), examples=examples)
    return _read(files, columns, config, stored, limit)


def _require_known(loaded: Loaded, schema: Schema) -> None:
    """Parameters may only see features there are; with `features: "*"` that is known only now. Raises ConfigError."""
    names = [feature.name for feature in schema.features]
    wrong = [
        Problem(("distribution", "parameters", name, "features", place), "unknown-choice", f"`{feature}` is not among the features")
        for name, block in loaded.config.distribution.parameters.items()
        for place, feature in enumerate(block.features or ())
        if feature not in names
    ]
    if wrong:
        raise ConfigError(*(loaded.finding(problem) for problem in wrong))
