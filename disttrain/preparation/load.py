"""The rows of a config: read, filtered, split and checked against the distribution."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.choices import SPLITS
from disttrain.config import ColumnSplit, Config, FoldSplit, Loaded, Problem, is_source
from disttrain.data import (
    AS_WRITTEN,
    NAME,
    RANKS,
    UNUSED,
    VERBATIM,
    Encoder,
    Origin,
    Schema,
    Source,
    assign,
    boolean_column,
    files,
    in_one_type,
    joined,
    located,
    native_rows,
    older_rows,
    origin_of,
    shared_groups,
    unlisted_values,
)
from disttrain.errors import ConfigError, DataError, Finding
from disttrain.families import Family, needs
from disttrain.model import family_of, known_columns
from disttrain.preparation.repeated_rows import SplitRows, warnings_of

Positions = NDArray[np.int64]
_Value = TypeVar("_Value")
_Section = float | str | tuple[str, ...] | ColumnSplit | FoldSplit | None


@dataclass(frozen=True)
class Dataset:
    """The rows of a run. `row` is the position of each row in its own source, `split` the index of its split in SPLITS.

    `family` is the family of the config; of labels, that of two classes, as their number is not counted yet. `sources` are the sources of
    training, validation and test rows, and `position` is the position of each row in all of them together.
    `filtered` is the number of rows that `data.filter` removed. `group_rank` is the rank of the group or time of each row, by which members
    hold out rows of their own; None if they do so at random or not at all. `remarks` say how the files are read, `warnings` what is unusual in the
    split.
    """

    table: pa.Table
    row: Positions
    position: Positions
    split: NDArray[np.int8]
    schema: Schema
    family: Family
    sources: tuple[Source, ...]
    filtered: int
    group_rank: NDArray[np.uint64 | np.int64] | None = None
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def arrow_schema(self) -> pa.Schema:
        """The columns of the training files."""
        return self.sources[0].schema

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of all sources in order."""
        return tuple(file for source in self.sources for file in source.files)

    @property
    def fingerprint(self) -> list[dict[str, Any]]:
        """Name, size in bytes, SHA-256 and number of rows of each file."""
        return [file for source in self.sources for file in source.fingerprint]

    @property
    def origin(self) -> Origin:
        """The files and row numbers of the rows, for messages."""
        return origin_of(self.sources).rows(self.position)

    def part(self, split: str) -> NDArray[np.intp]:
        """The positions in `table` of the rows of one split."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def only(self, keep: NDArray[np.bool_]) -> Dataset:
        """A copy with only the rows where `keep` (n,) is True."""
        if keep.all():
            return self
        table = self.table.filter(boolean_column(keep))
        rank = None if self.group_rank is None else self.group_rank[keep]
        return replace(self, table=table, row=self.row[keep], position=self.position[keep], split=self.split[keep], group_rank=rank)


def is_label(config: Config) -> bool:
    """True if the target is one of several classes, as a label column or as one-hot columns."""
    return "classes" in needs(config.distribution.family, config.distribution.options)


def source_of(source: str | Sequence[str], base: Path, config: Config) -> Source:
    """The files of a source in a config, relative to the folder `base`. Raises DataError if there are none."""
    return Source(files(source, base, config.data.format), config.data.format, config.data.csv)


class SharedReads:
    """The sources, schemas and tables that several calls of `dataset` share: each is read once."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}

    def once(self, key: Hashable, read: Callable[[], _Value]) -> _Value:
        """The value that `read` returned for this key at first."""
        if key not in self._values:
            self._values[key] = read()
        value: _Value = self._values[key]
        return value


def dataset(
    loaded: Loaded, limit: int | None = None, more: Sequence[str] = (), *, warn: bool = True, shared: SharedReads | None = None
) -> Dataset:
    """The rows of a config's sources with their splits; at most `limit` rows of each source, with `more` columns (`*`: all).

    Without `warn`, the split is not checked for anything unusual; those checks take longer than the split. The split depends only on the
    seed and the features of each row, and not on `more`. With `shared`, files that an earlier call has read are not read again.
    Raises DataError.
    """
    config, base, section = loaded.config, loaded.base, loaded.config.data
    once = (shared or SharedReads()).once
    key = (str(base), section.model_dump_json(exclude={"test", "validation", "split"}, warnings=False))
    source = once((key, "train"), lambda: source_of(section.train, base, config))
    # The columns that a family needs do not depend on the number of classes, so two are enough here.
    family = family_of(config, (0, 1))
    known, label = known_columns(config, family), is_label(config)
    resolved = once((key, str(known), label, warn), lambda: Schema.resolve(section, source, known, label, every_column=warn))
    schema = resolved.schema
    _require_features(loaded, schema)
    forms = _forms(config, source, schema, more)
    compared = _compared(config, schema)
    train = once((key, tuple(forms.items()), limit, tuple(compared)), lambda: _read(source, forms, config, limit, compared))
    _require_rows(train)
    parts, splits = [train], [_assigned(train, config, schema, forms)]
    for code, split_section in ((1, section.validation), (2, section.test)):
        if is_source(split_section):
            parts.append(_own_part(source_of(split_section, base, config), schema, forms, config, limit))
            splits.append(np.full(len(parts[-1].row), code, dtype=np.int8))
    sources = tuple(part.source for part in parts)
    before = np.cumsum([0, *(part.total for part in parts)])
    parted = np.concatenate(splits)
    table = _joined([part.table for part in parts])
    compared_rows = _joined([part.compared for part in parts])
    warnings = (*resolved.warnings, *(_warnings(config, schema, table, compared_rows, parts, parted, limit) if warn else ()))
    for one in sources:
        one.cache.clear()
    rows = Dataset(
        table, np.concatenate([part.row for part in parts]),
        np.concatenate([part.row + start for part, start in zip(parts, before, strict=False)]), parted, schema, family, sources,
        sum(part.filtered for part in parts),
        _group_rank(config, train, len(parted)),
        (*dict.fromkeys(remark for one in sources for remark in one.remarks), *resolved.remarks),
        warnings,
    )  # fmt: skip
    return rows.only(parted != UNUSED)


def _assigned(train: _Part, config: Config, schema: Schema, forms: Mapping[str, str]) -> NDArray[np.int8]:
    """The split of each row of the training source. Raises DataError."""
    section, features = config.data, set(schema.feature_columns)
    common = None if hold_out_own(config) else section.validation
    with located(train.source.origin.rows(train.row)):
        return assign(
            train.table, validation=_within(common), test=_test_within(config), method=section.split.rule, by=section.split.by,
            seed=config.training.seed, exclude=[name for name in forms if name not in features], compared=train.compared,
        )  # fmt: skip


def _require_rows(train: _Part) -> None:
    """Raise DataError if the filter removes all training rows."""
    if train.filtered and not len(train.row):
        what = f"no rows are left to train on: `data.filter` takes out all {train.filtered:,}"
        raise DataError(Finding("no-rows", what, train.source.origin.names[0], hints=("loosen `data.filter`, or leave it out",)))


def fitted_encoder(config: Config, rows: Dataset, weight: NDArray[np.float64] | None = None) -> Encoder:
    """The encoder of the features, fitted to the training rows. A row counts `weight` (n,) times. Raises DataError."""
    with located(rows.origin):
        return Encoder.fit(
            rows.schema, rows.table, missing=config.data.missing, unknown_category=config.data.unknown_category,
            scaling=config.data.scaling, rows=rows.split == 0, weight=weight,
        )  # fmt: skip


def hold_out_own(config: Config) -> bool:
    """True if each of several members holds out its own validation rows of the training rows."""
    return config.data.split.method == "per_member" and config.network.members > 1


def _group_rank(config: Config, train: _Part, count: int) -> NDArray[np.uint64 | np.int64] | None:
    """The rank of the group or time of each row, by which members hold out rows of their own; None without such a column.

    The rows of the training source come first among all `count` rows; the others have no rank, and 0 for it.
    """
    by, rule = config.data.split.by, config.data.split.rule
    if not hold_out_own(config) or rule == "random":
        return None
    rows = native_rows(train.table, train.compared, by) if rule == "time" else train.table
    with located(train.source.origin.rows(train.row)):
        rank = RANKS[rule](rows, by, config.training.seed, ())
    return np.concatenate([rank, np.zeros(count - len(rank), dtype=rank.dtype)])


def filters_of(config: Config) -> Sequence[str]:
    """The filters of a config, as a list."""
    filters = config.data.filter
    return () if filters is None else (filters,) if isinstance(filters, str) else filters


def _within(split_section: _Section) -> float | ColumnSplit | None:
    """The share or column of `validation` or `test` that splits the training rows; None if the split has its own source."""
    return split_section if isinstance(split_section, float | ColumnSplit) else None


def _test_within(config: Config) -> float | ColumnSplit | FoldSplit | None:
    """The share, column or fold of `test` that splits the training rows; None if the test rows have their own source."""
    test = config.data.test
    return test if isinstance(test, FoldSplit) else _within(test)


def _forms(config: Config, source: Source, schema: Schema, more: Sequence[str]) -> dict[str, str]:
    """The form in which each column is read: the columns of the schema as it says, columns of groups as names, kept columns unchanged."""
    there = source.schema.names
    forms = schema.forms(target=True)
    by = config.data.split.by if config.data.split.rule == "group" else None
    for name in sorted({*config.evaluation.by, *([by] if by else [])} & set(there)):
        forms.setdefault(name, NAME)
    kept_columns = dict.fromkeys(there if "*" in more else (name for name in more if name in set(there)))
    return forms | {VERBATIM + name if name in forms else name: AS_WRITTEN for name in kept_columns if forms.get(name) != AS_WRITTEN}


def _time_column(config: Config) -> list[str]:
    by = config.data.split.by
    return [by] if by is not None and config.data.split.rule == "time" else []


def _split_sections(config: Config) -> dict[str, _Section]:
    """The keys of `data` that tell which rows are held out, or in no fold, and their values."""
    validation, test = config.data.validation, config.data.test
    without = {"test.without": test.without} if isinstance(test, FoldSplit) else {}
    return {"validation": validation, "test": test, **without}


def _compared(config: Config, schema: Schema) -> list[str]:
    """The columns whose original values decide the split.

    Categorical features, and ids or group columns with text values, are compared as they are written and are not among these.
    """
    names = {feature.name for feature in schema.features if feature.kind == "categorical"}
    texts = {*schema.id, *([config.data.split.by] if config.data.split.rule == "group" else [])}
    listed = [
        split_section.column
        for split_section in _split_sections(config).values()
        if isinstance(split_section, ColumnSplit)
        and split_section.column not in names
        and not (split_section.column in texts and all(isinstance(value, str) for value in split_section.values))
    ]
    return list(dict.fromkeys((*_time_column(config), *listed)))


@dataclass(frozen=True)
class _Part:
    """The kept rows of one source, their positions in it, and its total number of rows."""

    source: Source
    table: pa.Table
    compared: pa.Table
    row: Positions
    total: int
    filtered: int


def _read(source: Source, forms: Mapping[str, str], config: Config, limit: int | None, compared: Sequence[str]) -> _Part:
    rows = source.read(forms, compared, filters_of(config), limit)
    require_total(source, rows.total)
    read = rows.total if limit is None else min(limit, rows.total)
    return _Part(source, rows.table, rows.compared, rows.row, rows.total, read - len(rows.row))


def _own_part(source: Source, schema: Schema, forms: Mapping[str, str], config: Config, limit: int | None) -> _Part:
    """The rows of a source of its own, for validation or test. Raises DataError if it lacks columns that a score needs."""
    schema.check(source, target=True)
    there = set(source.schema.names)
    times = [name for name in _time_column(config) if name in there]
    return _read(source, {name: form for name, form in forms.items() if name in there}, config, limit, times)


def require_total(source: Source, total: int) -> None:
    """Raise DataError if the files of a source have no rows."""
    if not total:
        what = "the file has a header and no rows" if source.format.name == "csv" else "the file has no rows"
        raise DataError(Finding("no-rows", what, source.location, hints=("name a file with rows",)))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of several sources, each column with one type; null if a source does not have the column."""
    if len(tables) == 1:
        return tables[0]
    columns = {}
    for name in dict.fromkeys(name for table in tables for name in table.column_names):
        parts = [table.column(name) if name in table.column_names else pa.nulls(table.num_rows) for table in tables]
        columns[name] = pa.chunked_array([joined(part) for part in in_one_type(parts)])
    return pa.Table.from_arrays(list(columns.values()), list(columns))


def _warnings(
    config: Config, schema: Schema, table: pa.Table, compared: pa.Table, parts: Sequence[_Part], split: NDArray[np.int8], limit: int | None
) -> Iterator[str]:
    """Warnings about the split: values that no row has, groups, subjects or equal rows in both parts, rows older than training rows."""
    section, train = config.data, parts[0]
    for name, split_section in _split_sections(config).items():
        if isinstance(split_section, ColumnSplit):
            split_table = train.compared if split_section.column in train.compared.column_names else train.table
            yield from unlisted_values(split_table, split_section, name)
    by = section.split.by
    if section.split.rule == "group" and by in table.column_names:
        yield from shared_groups(table.column(by), split, str(by))
    if section.split.rule == "time" and by in compared.column_names and compared.num_rows == len(split):
        yield from older_rows(compared.column(by), split, str(by))
    sources, rows = [part.source for part in parts], [part.row for part in parts]
    yield from warnings_of(SplitRows(config, schema, sources, table, split, rows, filters_of(config), limit))


def _require_features(loaded: Loaded, schema: Schema) -> None:
    """Raise ConfigError if a parameter uses a feature that does not exist. With `features: "*"` the features are known only here."""
    names = [feature.name for feature in schema.features]
    wrong = [
        Problem(("distribution", "parameters", name, "features", index), "unknown-choice", f"`{feature}` is not among the features")
        for name, block in loaded.config.distribution.parameters.items()
        for index, feature in enumerate(block.features or ())
        if feature not in names
    ]
    if wrong:
        raise ConfigError(*(loaded.finding(problem) for problem in wrong))
