"""The `data` section of a config: its files, its columns, and the role of each."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self, TypeGuard

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from disttrain import choices
from disttrain.config.messages import display
from disttrain.config.sections.field_types import (
    FOLD,
    LIST,
    MAPPING,
    NUMBER,
    STRICT,
    TEXT,
    Column,
    Columns,
    Scalar,
    Share,
    Source,
    by_kind,
    by_kind_or_fold,
    choice,
    listed,
    objection,
)  # fmt: skip
from disttrain.config.yaml.scalars import Yaml, share_meant


class FeatureSection(BaseModel):
    """A feature with options: its `type` (None: that of the column) and its encoding of categories."""

    model_config = STRICT

    name: Column
    type: Annotated[str, choice("a type of column", choices.COLUMN_KINDS)] | None = None
    encoding: Annotated[str, choice("an encoding", choices.ENCODINGS)] = "auto"
    dimensions: Annotated[int, Field(ge=1, le=4_096)] | None = None

    @model_validator(mode="after")
    def _dimensions_belong_to_embeddings(self) -> Self:
        if self.encoding != "auto" and self.type not in (None, "categorical"):
            raise objection("conflict", f"`encoding` is for categories; this column is {self.type}", at=("encoding",), on_key=True)
        if self.dimensions is not None and self.encoding != "embedding":
            hints = ("add `encoding: embedding`",)
            raise objection("conflict", "`dimensions` belongs to `encoding: embedding`", hints=hints, at=("dimensions",), on_key=True)
        return self


class ColumnSplit(BaseModel):
    """The rows whose `column` holds one of `values`."""

    model_config = STRICT

    column: Column
    values: Annotated[tuple[Scalar, ...], listed(10_000, least=1)]


class FoldSplit(BaseModel):
    """The rows of part `fold` of `folds` equal parts, from 1, divided by `data.split`.

    By time, the parts are consecutive and the first one is never held out: fold k trains on all rows before its own and leaves out those
    after it. `without` are rows, by share or by column, that are in no part.
    """

    model_config = STRICT

    fold: Annotated[int, Field(ge=1)]
    folds: Annotated[int, Field(ge=2, le=1_000)]
    without: (
        Annotated[Annotated[Share, NUMBER] | Annotated[ColumnSplit, MAPPING], by_kind("a share between 0 and 1, or {column, values}")]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_of_the_folds(self) -> Self:
        if self.fold > self.folds:
            hints = (f"the folds are 1 to {self.folds}",)
            raise objection("out-of-range", f"there is no fold {self.fold} of {self.folds}", hints=hints, at=("fold",))
        return self


def _encoding(name: str) -> str:
    if name == "auto":
        return name
    try:
        return codecs.lookup(name).name
    except LookupError:
        hints = ("such as `utf-8`, `latin-1`, `cp1252` or `utf-16`",)
        raise objection("unknown-choice", f"{display(name)} is no encoding of text", hints=hints) from None


def _separator(mark: str) -> str:
    if mark == "auto" or (len(mark) == 1 and mark.isascii() and mark not in '"\r\n\0'):
        return mark
    hints = ('write one character, such as `";"` or `"\\t"`, or `auto`',)
    raise objection("unknown-choice", f"{display(mark)} is not a separator", hints=hints)


def is_source(value: object) -> TypeGuard[str | tuple[str, ...]]:
    """True if the value of `train`, `validation` or `test` names files, not a share or a column."""
    return isinstance(value, str | list | tuple)


class CsvSection(BaseModel):
    """The dialect of CSV files; `auto` is detected in the first 64 KiB of each file.

    `missing` are the words for a missing value, in all columns but `id` and other names that are carried through; without it these are the
    empty field, and in columns of numbers, dates and truth values also NA, NaN, null and their like.
    """

    model_config = STRICT

    separator: Annotated[str, AfterValidator(_separator)] = "auto"
    decimal: Annotated[str, choice("a decimal mark", ("auto", ".", ","))] = "auto"
    thousands: Annotated[str, choice("a thousands mark", ("auto", "none", *choices.CSV_THOUSANDS))] = "auto"
    encoding: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_encoding)] = "auto"
    missing: Annotated[
        Annotated[Literal["auto"], TEXT] | Annotated[tuple[Annotated[str, Field(max_length=100)], ...], listed(1_000), LIST],
        by_kind('a list of words, or "auto"'),
    ] = "auto"

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal != "auto" and self.decimal == self.thousands:
            raise objection("conflict", "the decimal mark and the thousands mark are the same", at=("thousands",))
        return self


class SplitSection(BaseModel):
    """The method that chooses a share of the rows: at random, whole groups of equal `by`, or the latest by `by`.

    With `per_member`, each of several members has validation rows of its own, on which the others train: at random, or by the column `by`,
    `of` it whole groups (if it is None) or a block of time.
    """

    model_config = STRICT

    method: Annotated[str, choice("a way to split", choices.SPLIT_METHODS)] = "random"
    of: Annotated[str, choice("what a member holds out", choices.MEMBER_SPLITS)] | None = None
    by: Column | None = None

    @model_validator(mode="after")
    def _by_where_there_is_a_column(self) -> Self:
        if self.of is not None and self.method != "per_member":
            way_out = f"use `{{method: per_member, of: {self.of}, by: ...}}`"
            raise objection("conflict", "`of` belongs to `method: per_member`", hints=(way_out,), at=("of",), on_key=True)
        if self.method == "random" and self.by is not None:
            hints = ("use `method: group`, `method: time` or `method: per_member`",)
            raise objection("conflict", "`by` has no meaning for a random split", hints=hints, at=("by",), on_key=True)
        if self.rule != "random" and self.by is None:
            name = f"method: {self.method}" if self.of is None else f"of: {self.of}"
            raise objection("missing-key", f"`{name}` needs a column: `by`", at=("by",), on_key=True)
        return self

    @property
    def rule(self) -> str:
        """The rule by which rows are held out, by all members or by each: `random`, `group` or `time`."""
        if self.method != "per_member":
            return self.method
        return self.of or ("random" if self.by is None else "group")


Limit = Annotated[
    Annotated[Annotated[float, Field(ge=-1e100, le=1e100)], NUMBER] | Annotated[Column, TEXT],
    by_kind("a number, or a column"),
]


class CensoringSection(BaseModel):
    """The censoring of targets; an absent key is None.

    `limit`, a number or a column: targets at or above it are only known to reach it. `event`: 1 exact, 0 only known to be larger than the
    target. `lower`, `upper`: the truth lies between them, both included. `entry`: the row was only seen because its target is above it.
    `rounding`: the step to which exact targets were rounded.
    """

    model_config = STRICT

    limit: Limit | None = None
    event: Column | None = None
    lower: Column | None = None
    upper: Column | None = None
    entry: Column | None = None
    rounding: Annotated[float, Field(gt=0.0, le=1e100)] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        between = next((key for key in ("lower", "upper") if getattr(self, key) is not None), None)
        for key in ("event", "limit"):
            if between and getattr(self, key) is not None:
                what = f"`{key}` and `{between}` both say what is known of a target"
                hints = (f"keep one of them; an empty `{between}` leaves that end open",)
                raise objection("conflict", what, hints=hints, at=(key,), on_key=True)
        return self


def _no_number(text: str) -> str:
    # A file may well be called 2024, but not 20% or 0.2.
    if ("%" in text or "." in text or "," in text) and share_meant(text) is not None:
        raise objection("wrong-type", f"the text {display(text)} is neither a share nor the name of a file")
    return text


Part = Annotated[
    Annotated[Share, NUMBER]
    | Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_no_number), TEXT]
    | Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4_096)], ...], listed(20_000, least=1), LIST]
    | Annotated[ColumnSplit, MAPPING],
    by_kind("a share between 0 and 1, a file, a list of files, or {column, values}"),
]
TestPart = Annotated[
    Annotated[Share, NUMBER]
    | Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_no_number), TEXT]
    | Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4_096)], ...], listed(20_000, least=1), LIST]
    | Annotated[ColumnSplit, MAPPING]
    | Annotated[FoldSplit, FOLD],
    by_kind_or_fold("a share between 0 and 1, a file, a list of files, {column, values}, or {fold, folds}"),
]
Item = Annotated[Annotated[Column, TEXT] | Annotated[FeatureSection, MAPPING], by_kind("a column, or {name, type, ...}")]


def _features(value: Yaml) -> Yaml:
    if isinstance(value, str) and value != "*":
        raise objection(
            "wrong-type",
            "`features` is a list of columns",
            hints=(f'write `[{value[:60]}]`, or "*" for every column without another role',),
        )
    return value


def _offsets(value: Yaml) -> Yaml:
    if isinstance(value, str | list | tuple):
        hints = ("write `offset: {PARAMETER: COLUMN}`, such as `{rate: log_years}`",)
        raise objection("wrong-type", f"`offset` must be a mapping, not {display(value)}", hints=hints)
    return value


class DataSection(BaseModel):
    """Files, columns and rows. Paths are as given, relative to the config file."""

    model_config = STRICT

    train: Source
    validation: Part | None = 0.15
    test: TestPart | None = None
    format: Annotated[str, choice("a file format", choices.FORMATS)] = "auto"
    csv: CsvSection = CsvSection()
    filter: (
        Annotated[Annotated[Column, TEXT] | Annotated[tuple[Column, ...], listed(1_000), LIST], by_kind("a condition, or a list of them")]
        | None
    ) = None
    target: Annotated[
        Annotated[Column, TEXT] | Annotated[tuple[Column, ...], listed(10_000, least=1), LIST], by_kind("a column, or a list of columns")
    ]  # Where both ends of every target are columns, the lower one stands for it.
    features: Annotated[
        Annotated[Literal["*"], TEXT] | Annotated[tuple[Item, ...], listed(20_000), LIST],
        by_kind('a list of columns, or "*"'),
        BeforeValidator(_features),
    ]
    exclude: Columns = ()
    id: Columns = ()
    weight: Column | None = None
    exposure: Column | None = None
    offset: Annotated[dict[str, Column] | None, BeforeValidator(_offsets)] = None
    trials: Column | None = None
    censoring: CensoringSection | None = None
    split: SplitSection = SplitSection()
    missing: Annotated[str, choice("a way to treat missing values", choices.MISSING)] = "impute"
    unknown_category: Annotated[str, choice("a way to treat new categories", choices.UNKNOWN_CATEGORIES)] = "other"
    scaling: Annotated[str, choice("a scaling", choices.SCALINGS)] = "standard"

    @model_validator(mode="before")
    @classmethod
    def _target_between_its_ends(cls, value: Yaml) -> Yaml:
        censoring = value.get("censoring") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(censoring, dict) and value.get("target") is None and censoring.get("upper"):
            return {**value, "target": censoring["lower"]} if isinstance(censoring.get("lower"), str) else value
        return value

    @model_validator(mode="after")
    def _shares_for_members(self) -> Self:
        if self.split.method == "per_member" and not isinstance(self.validation, float):
            what = "each member can hold out rows of its own only where `validation` is a share"
            hints = ("such as `validation: 0.1`", "or `method: random`: one set of validation rows for all members")
            raise objection("conflict", what, hints=hints, at=("split", "method"))
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns."""
        return (self.target,) if isinstance(self.target, str) else self.target
