"""The command `check`: it inspects everything that `fit` inspects before its first step, and returns remarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from disttrain import config as configs
from disttrain.config import Loaded
from disttrain.evaluation.metric_selection import require_supported
from disttrain.evaluation.scoring import baseline_nll
from disttrain.messages import display
from disttrain.prediction.layout import require_free_ids
from disttrain.preparation.censoring_text import censoring_counts
from disttrain.preparation.prepare import Prepared, prepare
from disttrain.preparation.ties import tie_notes
from disttrain.runs import manifest
from disttrain.workflows.fit_events import share_notes
from disttrain.workflows.network_summary import count_of, parameter_networks, summary_of

_LEAK = 0.98
_FEW = 30
_MOST_NAMES = 12


@dataclass(frozen=True)
class Remark:
    """The result of one check: its topic, its text, and True as `warning` if it is a warning."""

    topic: str
    text: str
    warning: bool = False


def check(loaded: Loaded, limit: int | None = None, detailed: bool = False, out: Path | None = None) -> list[Remark]:
    """Return remarks on the files, target, support, split, features and network of a config. Raises what `fit` raises before training.

    `detailed` adds the inputs that each feature becomes. `out` is the run folder; without it, the next run folder is assumed.
    """
    manifest.resolved(loaded, configs.expanded(out or loaded.config.output.folder + "/run"))
    prepared = prepare(loaded, limit)
    require_supported(loaded, prepared)
    require_free_ids(loaded, prepared.model, prepared.data.arrow_schema)
    return [
        *_files(prepared),
        *_few(prepared),
        *_target(prepared),
        *_censoring(prepared),
        *_conditions(prepared),
        *_features(prepared),
        *(_inputs(prepared) if detailed else ()),
        *_leaks(prepared),
        *_network(prepared),
        *(Remark("forecast", note, True) for note in share_notes(prepared)),
    ]


def _files(prepared: Prepared) -> list[Remark]:
    rows = prepared.data
    size = sum(file.stat().st_size for file in rows.files if file.is_file())
    counts = " · ".join(f"{split} {count:,}" for split, count in prepared.counts().items() if count)
    per_member = f", of which each member holds out {prepared.held_out_counts}" if prepared.held_out_counts else ""
    names = ", ".join(display(file.name) for file in rows.files[:3]) + (" ..." if len(rows.files) > 3 else "")
    return [
        Remark("files", f"{len(rows.files)} file{'s' if len(rows.files) > 1 else ''}, {size / 1e6:,.1f} MB        {names}"),
        *(Remark("read as", remark) for remark in rows.remarks),
        Remark("split", f"{counts}{per_member}"),
        *(Remark("data", warning, True) for warning in rows.warnings),
    ]


def _target(prepared: Prepared) -> list[Remark]:
    rows, family, y = prepared.data, prepared.model.family, prepared.observed.outcome.value.numpy()
    name = ", ".join(map(display, rows.schema.target))
    out = f", {rows.filtered:,} filtered out" if rows.filtered else ""
    counts = censoring_counts(prepared.observed.outcome)
    remarks = [
        Remark("target", f"{name}: {len(y):,} used{out}{f': {counts}' if counts else ''}"),
        Remark("support", f"all targets fit {family.name} ({family.support.text('y')})"),
        Remark("baseline", f"marginal {family.name}: nll {baseline_nll(prepared, 'train'):.4f} nats per row on the training rows"),
    ]
    distinct = len(np.unique(y))
    remarks += [Remark("ties", note, True) for note in tie_notes(family, name, prepared.observed.measured)]
    if distinct == 1:
        remarks.append(Remark("target", f"{name} is the same in every row: the scale will shrink to its floor", True))
    return remarks


def _censoring(prepared: Prepared) -> list[Remark]:
    """Warnings if `data.censoring` censors no row, or if measurements are not multiples of the rounding step."""
    section, outcome = prepared.model.config.data.censoring, prepared.observed.outcome
    if section is None:
        return []
    remarks = []
    if (section.event is not None or section.limit is not None) and not bool(outcome.upper.isinf().any()):
        what = "no `event` is 0" if section.limit is None else "no target reaches the `limit`"
        remarks.append(Remark("censoring", f"{what}: no row is right-censored", True))
    if section.rounding is not None:
        # Measurements that are rounded or truncated are multiples of the step, or half-way between two multiples.
        measured = ((outcome.upper - outcome.lower) / section.rounding - 1.0).abs() < 1e-6
        halves = 2.0 * outcome.value[measured] / section.rounding
        off = int(((halves - halves.round()).abs() > 1e-6 * halves.abs().clamp(min=1.0)).sum())
        if off:
            what = f"{off:,} of {len(halves):,} targets are no multiples of `rounding: {section.rounding:g}`"
            remarks.append(Remark("censoring", what, True))
    return remarks


def _few(prepared: Prepared) -> list[Remark]:
    """A warning if there are too few training rows to learn anything from."""
    rows = len(prepared.data.part("train"))
    if rows >= _FEW:
        return []
    return [Remark("rows", f"only {rows} training rows: the scores will say little", True)]


def _features(prepared: Prepared) -> list[Remark]:
    encoder, rows = prepared.model.encoder, prepared.data
    remarks = [
        Remark("features", f"`{display(name)}` has one value in all training rows and can explain nothing", True)
        for name in encoder.constants
    ]
    for name, note in encoder.notes(rows.table).items():
        if note.missing:
            share = 100 * note.missing / rows.table.num_rows
            what = {"impute": _filled(prepared, name), "drop": "dropped", "error": "refused"}[encoder.missing]
            remarks.append(Remark("features", f"{display(name)}: {note.missing:,} missing ({share:.1f} %), {what}", True))
        if note.unseen:
            remarks.append(Remark("features", f"{display(name)}: {note.unseen:,} rows with a category that no training row has", True))
    return [*_kinds(prepared), *remarks]


def _filled(prepared: Prepared, name: str) -> str:
    """The text that says how missing values of a feature are filled."""
    if prepared.model.encoder.categories(name):
        return "a category of their own"
    part = next(part for part in prepared.model.encoder.parts if part.name == name)
    return "filled in, and an input says where" if part.indicator else "filled in"


def _inputs(prepared: Prepared) -> list[Remark]:
    """One remark per feature: the network inputs that it becomes."""
    embedded = {embedding.column: embedding for embedding in prepared.model.encoder.embeddings}
    remarks = []
    for part, start, stop in prepared.model.encoder.spans():
        columns = ", ".join(display(column, 40) for column in part.columns[:_MOST_NAMES]) + (" ..." if stop - start > _MOST_NAMES else "")
        counted = f"{stop - start} input{'s' if stop - start > 1 else ''}: {columns}"
        how = f"an embedding of {embedded[start].dimensions} numbers" if start in embedded else counted
        remarks.append(Remark("inputs", f"{display(part.name, 40)} -> {how}"))
    return remarks


def _kinds(prepared: Prepared) -> list[Remark]:
    """One remark per kind of feature: the features of that kind."""
    kinds: dict[str, list[str]] = {}
    encoder = prepared.model.encoder
    for feature in prepared.data.schema.features:
        name = display(feature.name, 40)
        counted = f"{name} ({len(encoder.categories(feature.name)):,})" if feature.kind == "categorical" else name
        kinds.setdefault(feature.kind, []).append(counted)
    titles = {"numeric": "numbers", "categorical": "categories", "boolean": "true or false", "datetime": "dates"}
    listed = {kind: (", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES) for kind, names in kinds.items()}
    return [
        Remark("features", f"{titles[kind]}: {names}{f' and {more:,} more' if more > 0 else ''}") for kind, (names, more) in listed.items()
    ] or [Remark("features", "none: one constant for each parameter")]


def _leaks(prepared: Prepared) -> list[Remark]:
    """Warnings about features that almost equal the target. Such features are often known only after the target."""
    family = prepared.model.family
    if prepared.model.labels is not None or family.support.discrete or family.event:
        return []
    train = prepared.splits["train"]
    y = train.outcome.value
    if not train.x.shape[1] or len(y) < 10 or not y.std() > 0:
        return []
    x = train.x.double()
    centred = (x - x.mean(0)) / x.std(0).clamp(min=1e-12)
    correlations = (centred * ((y - y.mean()) / y.std())[:, None]).mean(0)
    names = prepared.model.encoder.columns
    strong = [(names[i], float(c)) for i, c in enumerate(correlations) if abs(float(c)) >= _LEAK]
    return [Remark("leakage", f"`{display(name)}` correlates {value:.2f} with the target; it is a feature", True) for name, value in strong]


def _network(prepared: Prepared) -> list[Remark]:
    """A summary of the network, and one remark per parameter if the parameters have different networks."""
    model = prepared.model
    number = len(model.schema.features)
    text = f"{number} feature{'s' if number != 1 else ''} -> {summary_of(model)}: {count_of(model)}"
    return [Remark("network", text), *(Remark("network", f"{name}: {chain}") for name, chain in parameter_networks(model).items())]


def _conditions(prepared: Prepared) -> list[Remark]:
    """The conditions of each row besides its features: exposure, offsets, parameters from a column, and weights."""
    schema, observed = prepared.model.schema, prepared.observed
    numbers = {"exposure": observed.conditions.exposure, "weight": observed.weight}
    numbers |= {f"offset.{name}": column for name, column in observed.conditions.offsets.items()}
    numbers |= {f"given.{name}": column for name, column in observed.conditions.given.items()}
    columns = {**schema.row_inputs, "weight": schema.weight}
    return [
        Remark(
            part.partition(".")[0],
            f"{part.partition('.')[2] or part}: `{display(columns[part])}`, {float(v.min()):g} .. {float(v.max()):g}",
        )
        for part, v in numbers.items()
        if v is not None
    ]
