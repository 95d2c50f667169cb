"""Which columns there are and which part each plays; and whether a file has what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from disttrain.data.column_checks import KINDS, LABEL, fits, is_passed_over, kind_of, lookup, mistyped, unusable
from disttrain.data.column_types import AS_WRITTEN, EVENT, FORM_OF_KIND, NAME, NUMBER
from disttrain.data.filters import columns_of
from disttrain.data.io.arrow_arrays import is_text, plain
from disttrain.data.json_state import each, fields_of, flag, integer, items, named, text
from disttrain.data.messages import display, raise_any
from disttrain.data.resemblance import resembling
from disttrain.data.source import Source
from disttrain.errors import Finding

ENCODINGS = ("auto", "onehot", "embedding")
MOST_DIMENSIONS = 4096
# Columns that say what was seen of a target; the names are those of the config's `data.censoring`.
OBSERVED = ("limit", "event", "lower", "upper", "entry")


@dataclass(frozen=True)
class Feature:
    """A column that the network sees: its `kind` (numeric, categorical, boolean or datetime) and, of a categorical one, its encoding."""

    name: str
    kind: str
    encoding: str = "auto"
    dimensions: int | None = None


@dataclass(frozen=True)
class Schema:
    """The columns in use and their parts. All other columns of a file are never read.

    `known` {part: column} are the numbers that a row's distribution needs beside its features: `exposure`, and `offset.NAME` or
    `given.NAME` of a parameter. `observed` {part: column} say what was seen of the target, each part one of OBSERVED. With `label` a single
    target column holds names of classes.
    """

    features: tuple[Feature, ...]
    target: tuple[str, ...]
    weight: str | None = None
    id: tuple[str, ...] = ()
    row_inputs: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, str] = field(default_factory=dict)
    label: bool = False

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def forecast_columns(self) -> tuple[str, ...]:
        """The columns that a forecast needs, each once: features, and what is known beside them."""
        return tuple(dict.fromkeys((*self.feature_columns, *self.row_inputs.values())))

    @property
    def scored_columns(self) -> tuple[str, ...]:
        """The columns that a score needs beside those of a forecast: target, weight, and what was seen of the target."""
        weight = () if self.weight is None else (self.weight,)
        return tuple(dict.fromkeys((*self.target, *self.observed.values(), *weight)))

    @property
    def columns(self) -> tuple[str, ...]:
        """All names in use, each once."""
        return tuple(dict.fromkeys((*self.forecast_columns, *self.scored_columns, *self.id)))

    def forms(self, *, target: bool, ids: bool = True) -> dict[str, str]:
        """The form in which each column is read, whatever its type in a file; those of the target and its weight where a score needs them."""
        forms = dict.fromkeys(self.id, AS_WRITTEN) if ids else {}
        forms |= {feature.name: FORM_OF_KIND[feature.kind] for feature in self.features}
        for name in (*self.row_inputs.values(), *(self.scored_columns if target else ())):
            forms.setdefault(name, EVENT if name == self.observed.get("event") else NUMBER)
        return forms | (dict.fromkeys(self.target, NAME) if target and self.named_target else {})

    @property
    def named_target(self) -> bool:
        """Whether the target is one column of class names, and not one column of 0 and 1 for each class."""
        return self.label and len(self.target) == 1

    @staticmethod
    def resolve(section: Any, source: Source, row_inputs: Mapping[str, str] | None = None, label: bool = False) -> Resolved:
        """The schema that the config's `data` section means for the training files, with remarks.

        `known` {part: column} is what the distribution needs of each row; `label` whether the target is one of several classes.
        Raises DataError with all faults: missing, ambiguous or unusable columns, text that looks like numbers, no features left.
        """
        ids, row_inputs = names(section.id), dict(row_inputs or {})
        observed = observed_columns(section)
        schema = Schema((), tuple(section.targets), section.weight, tuple(ids), row_inputs, observed, label)
        special = dict.fromkeys((*section.targets, *names(section.weight), *ids, *row_inputs.values(), *observed.values()))
        parts = parts_of(section.weight, row_inputs, observed)
        source.require_separated((*special, *listed_features(section, (), set())[0]))
        arrow_schema, where = source.schema, source.location
        listed, starred, passed = listed_features(section, arrow_schema.names, {*special, *split_columns(section), *names(section.exclude)})
        findings = list(lookup(dict.fromkeys((*listed, *special, *other_columns(section))), arrow_schema, where, parts))
        present = [name for name in listed if len(arrow_schema.get_all_field_indices(name)) == 1]
        features, faults, warnings = resolved(section, present, source, starred)
        findings += [*faults, *schema.type_faults(arrow_schema, where, source.conflict, target=True)]
        if starred and not listed:
            findings.append(Finding("no-features", "no column is left to be a feature", where, hints=("name some in `data.features`",)))
        raise_any(dict.fromkeys(findings))
        remarks: tuple[str, ...] = ()
        if passed:
            labels = ", ".join(f"`{display(name)}`" if name.strip() else "a column without a name" for name in dict.fromkeys(passed))
            remarks = (f"passed over: {labels}",)
        resolved_schema = Schema(tuple(features), schema.target, schema.weight, schema.id, row_inputs, observed, label)
        return Resolved(resolved_schema, remarks, tuple(warnings))

    def type_faults(self, arrow_schema: Any, where: str, conflict: Any, *, target: bool) -> list[Finding]:
        """Columns beside the features whose types cannot be read as what they must be."""
        there = set(arrow_schema.names)
        numeric = dict.fromkeys((*self.row_inputs.values(), *(self.scored_columns if target else ())))
        labels = set(self.target) if self.named_target else set()
        return [
            *mistyped([name for name in numeric if name in there and name not in labels], "numeric", arrow_schema, where, conflict),
            *(mistyped(sorted(labels & there), LABEL, arrow_schema, where, conflict) if target else ()),
        ]

    def check(self, source: Source, target: bool) -> None:
        """Raise one DataError with every column that a later source lacks, or holds in a type that cannot be what it was in training.

        With `target` what a score needs must be there too.
        """
        source.require_separated(self.needed(target))
        self.check_types(source.schema, target, source.location, source.conflict)

    def needed(self, target: bool, ids: bool = True) -> tuple[str, ...]:
        """The columns that must be there to forecast, and with `target` to score, each once."""
        return tuple(dict.fromkeys((*self.forecast_columns, *(self.id if ids else ()), *(self.scored_columns if target else ()))))

    def check_types(self, arrow_schema: Any, target: bool, where: str, conflict: Any = lambda column: None, ids: bool = True) -> None:
        """The same for the columns of an Arrow schema; without `ids` those need not be there."""
        findings = list(lookup(self.needed(target, ids), arrow_schema, where, parts_of(self.weight, self.row_inputs, self.observed)))
        for feature in self.features:
            findings += mistyped([feature.name], feature.kind, arrow_schema, where, conflict)
        findings += self.type_faults(arrow_schema, where, conflict, target=target)
        raise_any(dict.fromkeys(findings))

    def state(self) -> dict[str, Any]:
        """The schema as JSON."""
        features = [asdict(feature) for feature in self.features]
        rest = {"target": list(self.target), "weight": self.weight, "id": list(self.id)}
        return {"features": features, **rest, "known": dict(self.row_inputs), "observed": dict(self.observed), "label": self.label}

    @staticmethod
    def from_state(state: Any) -> Schema:
        """The schema that `state()` described. Raises RunUnreadable where it is none."""
        keys = ("features", "target", "weight", "id", "known", "observed", "label")
        features, target, weight, ids, row_inputs, observed, label = fields_of(state, "schema", keys)
        return Schema(
            each(features, "features", feature_from),
            tuple(text(name, "target") for name in items(target, "target")),
            None if weight is None else text(weight, "weight"),
            tuple(text(name, "id") for name in items(ids, "id")),
            named(row_inputs, "known"),
            named(observed, "observed", OBSERVED),
            flag(label, "label"),
        )


@dataclass(frozen=True)
class Resolved:
    """The schema of the training files, how they are read, and what is odd in them."""

    schema: Schema
    remarks: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def feature_from(state: Any) -> Feature:
    name, kind, encoding, dimensions = fields_of(state, "a feature", ("name", "kind", "encoding", "dimensions"))
    return Feature(
        text(name, "name"),
        text(kind, "kind", tuple(KINDS)),
        text(encoding, "encoding", ENCODINGS),
        None if dimensions is None else integer(dimensions, "dimensions", 1, MOST_DIMENSIONS),
    )


def observed_columns(section: Any) -> dict[str, str]:
    """The columns of `data.censoring`, by part; a limit may be a number, which is none."""
    options = {part: getattr(section.censoring, part, None) for part in OBSERVED}
    return {part: column for part, column in options.items() if isinstance(column, str)}


def parts_of(weight: str | None, row_inputs: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """What each column beside features and targets is there for, by the key that names it: {column: words}."""
    keys = {"weight": weight} | {f"censoring.{part}": column for part, column in observed.items()} | dict(row_inputs)
    return {
        column: f"the {key.partition('.')[2]} of each row" if key.startswith("given.") else f"`data.{key}`"
        for key, column in keys.items()
        if column is not None
    }


def names(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def described(section: Any) -> list[Any]:
    """The features that the config says more of than their name."""
    return [] if section.features == "*" else [part for part in section.features if not isinstance(part, str)]


def listed_features(section: Any, there: Sequence[str], excluded: set[str]) -> tuple[list[str], bool, list[str]]:
    """The names of the features, whether `*` is among them (all columns that have no other part), and the columns that it passes over."""
    items = ["*"] if section.features == "*" else list(section.features)
    listed = [part if isinstance(part, str) else part.name for part in items]
    if "*" not in listed:
        return listed, False, []
    # Those that are named stay where they are; the star stands for the others.
    apart = excluded | set(listed)
    rest = [name for name in dict.fromkeys(there) if name not in apart and not is_passed_over(name)]
    passed = [name for name in there if name not in apart and is_passed_over(name)]
    where = listed.index("*")
    return [*listed[:where], *rest, *listed[where + 1 :]], True, passed


def split_columns(section: Any) -> list[str]:
    """Columns that say which rows are held out."""
    by = getattr(section.split, "by", None)
    listed_by = [getattr(part, "column", None) for part in (section.validation, section.test)]
    return [name for name in (by, *listed_by) if name is not None]


def other_columns(section: Any) -> list[str]:
    return [*split_columns(section), *columns_of(names(section.filter)), *names(section.exclude)]


def resolved(section: Any, present: Sequence[str], source: Source, starred: bool) -> tuple[list[Feature], list[Finding], list[str]]:
    """The features among the columns that are `present`, what is wrong with them, and what is odd."""
    options = {part.name: part for part in described(section)}
    declared = {name: part.type for name, part in options.items() if getattr(part, "type", None) not in (None, "auto")}
    native_types = source.native_types([name for name in present if name not in declared])
    features, findings = [], []
    for name in present:
        stored = plain(source.schema.field(name).type)
        kind = declared[name] if name in declared else kind_of(native_types[name])
        if kind is None or not fits(kind, stored):
            findings.append(unusable(name, stored, kind, source.location, starred=starred))
            continue
        if (differing := source.conflict(name)) is not None and (name not in declared or kind != "categorical"):
            findings.append(differing)
        option = options.get(name)
        features.append(Feature(name, kind, getattr(option, "encoding", None) or "auto", getattr(option, "dimensions", None)))
    undeclared = [feature.name for feature in features if feature.name not in declared and is_text(native_types[feature.name])]
    odd, warnings = resembling(source, undeclared, starred)
    return features, [*findings, *odd], warnings
