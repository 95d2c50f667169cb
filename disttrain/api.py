"""The Python interface: fit a config, load a run, and use it on data frames, with the same engine as the command line."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch.distributions import Distribution

from disttrain import config as configs
from disttrain.config.remote import remote
from disttrain.data import COMPARED, Origin, columns_of, imposed, located, rows_from
from disttrain.data.frames import FRAME, batches_of, like, table_of
from disttrain.errors import DataWarning, Finding, Interrupted, RunUnreadable, UsageError
from disttrain.evaluation.result import EvaluationDocument, ScoreDocument
from disttrain.metrics import Moments
from disttrain.model import Model
from disttrain.prediction.batches import BLOCK
from disttrain.prediction.columns import forecast
from disttrain.prediction.feature_notes import IN_PYTHON, FeatureNotes
from disttrain.prediction.selection import ColumnSelection, requested_selection
from disttrain.preparation.load import filters_of
from disttrain.runs.open import open_run
from disttrain.validation.config import configuration, configuration_of
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate_table
from disttrain.workflows.fit import Epoch, Finished, Started
from disttrain.workflows.fit import fit as fit_events

if TYPE_CHECKING:
    import pandas as pd

_FRAME = Origin((FRAME,))
# A data frame of a user's library; forecasts come in the same kind of frame.
Frame = TypeVar("Frame")
_Value = TypeVar("_Value", str, float)


class Evaluation(dict[str, ScoreDocument]):
    """Scores by metric: {metric: {value, se, baseline, gain, gain_se}}, as `evaluate --json` prints under `metrics`.

    `rows` is the number of scored rows. `residuals` are mean, variance, skewness and kurtosis of the quantile residuals, and `histogram`
    counts PIT values in ten equal parts of [0, 1]; both are None if the target has no order. `notes` are the warnings of the call.

    >>> evaluation = disttrain.load("runs/norris").evaluate(pd.read_csv("sample_data/nist_norris.csv"), metrics="nll")
    >>> list(evaluation), evaluation.rows, round(evaluation.residuals.variance, 4)
    (['nll'], 36, 1.0)
    """

    rows: int
    residuals: Moments | None
    histogram: tuple[float, ...] | None
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class FittedRun:
    """A finished run: its `path` (a run folder or a model folder), its `name`, and the model.

    A frame is a pandas or polars DataFrame, an Arrow table, record batch or reader, or any object with `__arrow_c_stream__`. Lines that the
    command line marks with a `!` are DataWarnings here.

    >>> disttrain.load("runs/norris")
    <FittedRun norris: normal(loc, scale) of 1 features, train nll 1.2680 (gain 5.9911); runs/norris>
    """

    path: Path
    name: str
    model: Model

    def predict(
        self,
        frame: Frame,
        columns: Sequence[str] | str | None = None,
        quantiles: Sequence[float] | float | None = None,
        samples: int = 0,
        times: Sequence[float] | float | None = None,
        unknown: str = "error",
    ) -> Frame:
        """Predict the distribution of every row of a frame. Returns the same kind of frame, with its own index.

        The default columns are parameters, mean, standard deviation and quantiles. `times`, in target units, are the times of the columns
        `survival` and `hazard`. `quantiles` and `times` request their columns too.

        Raises DataError if columns are missing or of the wrong type, or if all values of a feature are unknown categories and `unknown` is
        not "ok". Raises UsageError if a requested column does not exist.

        >>> run = disttrain.load("runs/norris")
        >>> run.predict(pd.DataFrame({"x": [0.0, 100.0]}, index=["zero", "hundred"]), columns="mean", quantiles=0.9).round(2)
                   mean     q90
        zero      -0.26    0.84
        hundred   99.95  101.05
        """
        selection, notes = self._selection(columns, quantiles, samples, times, unknown), FeatureNotes()
        predicted = self._forecast(self._table(frame, target=False), selection, notes, 0)
        if unknown == "error":
            notes.require_known(self.model, FRAME, IN_PYTHON)
        _warn(notes.texts(self.model.encoder.missing))
        result: Frame = like(frame, predicted)
        return result

    def predict_batches(
        self,
        batches: Iterable[Frame],
        columns: Sequence[str] | str | None = None,
        quantiles: Sequence[float] | float | None = None,
        samples: int = 0,
        times: Sequence[float] | float | None = None,
    ) -> Iterator[Frame]:
        """Predict an iterable of Arrow batches (or other frames) one by one. The numbers are those of `predict` for all rows together.

        `batches` may be an Arrow reader or table too. Raises as `predict` does, for each batch in turn.

        >>> table = pa.table({"x": [0.0, 100.0, 200.0]})
        >>> batches = disttrain.load("runs/norris").predict_batches(table.to_batches(max_chunksize=2), columns="mean")
        >>> [batch.num_rows for batch in batches]
        [2, 1]
        """
        return self._batches(batches_of(batches), self._selection(columns, quantiles, samples, times))

    def distribution(self, frame: object) -> Distribution:
        """The distribution of every row's target, in target units: batch shape (n,). Raises DataError as `predict` does.

        >>> distribution = disttrain.load("runs/norris").distribution(pd.DataFrame({"x": [0.0, 100.0]}))
        >>> distribution.mean, distribution.cdf(torch.tensor([0.0, 100.0]))
        (tensor([-0.2623, 99.9494], dtype=torch.float64), tensor([0.6198, 0.5235], dtype=torch.float64))
        """
        table, notes = self._table(frame, target=False), FeatureNotes()
        notes.add(self.model.encoder.notes(table), table.num_rows)
        with located(_FRAME):
            distribution = self.model.distribution(table)
        _warn(notes.texts(self.model.encoder.missing))
        return distribution

    def evaluate(
        self, frame: object, metrics: Sequence[str] | str = (), levels: Sequence[float] | float = (), unknown: str = "error"
    ) -> Evaluation:
        """Score the model on a frame with the target: {metric: {value, se, baseline, gain, gain_se}}.

        Rows that `data.filter` or `missing: drop` of the config exclude are not scored. Raises DataError as `predict` does, UsageError if a
        metric does not exist or cannot score the family.

        >>> scores = disttrain.load("runs/norris").evaluate(pd.read_csv("sample_data/nist_norris.csv"), metrics=["nll", "crps"])
        >>> {metric: round(score["value"], 3) for metric, score in scores.items()}
        {'nll': 1.268, 'crps': 0.478}
        """
        options = EvaluateOptions(metrics=_several(metrics), levels=_several(levels), unknown=unknown)
        scores = evaluate_table(self.model, self._table(frame, target=True), _FRAME, options)
        evaluation, calibration = Evaluation(scores.total.document()["metrics"]), scores.calibration
        evaluation.rows, evaluation.notes = scores.total.rows, scores.notes
        evaluation.residuals = None if calibration is None else calibration.residuals
        evaluation.histogram = None if calibration is None else calibration.histogram
        _warn(scores.notes)
        return evaluation

    @property
    def config(self) -> dict[str, Any]:
        """The config with all defaults, as a mapping that `disttrain.fit` accepts. A model folder has no data sources.

        >>> disttrain.load("runs/norris").config["training"]["optimizer"]
        {'name': 'lbfgs', 'lr': 1.0, 'weight_decay': 0.0, 'momentum': None}
        """
        path = self.path / "config.resolved.yaml"
        config = configuration(path).config if os.path.isfile(path) else self.model.config
        return config.model_dump(mode="json", warnings=False)

    @property
    def metrics(self) -> dict[str, EvaluationDocument]:
        """The scores of each split from the fit: {split: {rows, metrics, ...}}. Raises RunUnreadable if there are none.

        >>> round(disttrain.load("runs/norris").metrics["train"]["metrics"]["nll"]["value"], 4)
        1.268
        """
        path = self.path / "metrics.json"
        try:
            metrics: dict[str, EvaluationDocument] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise _without(path, "scores") from None
        return metrics

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch, as a pandas DataFrame: epoch, train_nll, validation_nll, .... Raises RunUnreadable if there is none.

        >>> disttrain.load("runs/norris").history[["epoch", "train_nll"]].tail(1).round(4)
            epoch  train_nll
        19     20      1.268
        """
        path = self.path / "history.parquet"
        try:
            history: pd.DataFrame = pq.read_table(path).to_pandas()
        except (OSError, pa.ArrowException):
            raise _without(path, "history") from None
        return history

    def __repr__(self) -> str:
        family, features = self.model.family, len(self.model.schema.features)
        parameters = ", ".join(parameter.name for parameter in family.parameters)
        members = f" x {self.model.members} members" if self.model.members > 1 else ""
        return f"<FittedRun {self.name}: {family.name}({parameters}){members} of {features} features{_score_line(self)}; {self.path}>"

    def _selection(
        self,
        columns: Sequence[str] | str | None,
        quantiles: Sequence[float] | float | None,
        samples: int,
        times: Sequence[float] | float | None,
        unknown: str = "error",
    ) -> ColumnSelection:
        options = PredictOptions(
            columns=None if columns is None else _several(columns),
            quantiles=None if quantiles is None else _several(quantiles),
            times=None if times is None else _several(times),
            samples=samples,
            unknown=unknown,
        )
        return requested_selection(self.model, options)

    def _forecast(self, table: pa.Table, selection: ColumnSelection, notes: FeatureNotes, first: int) -> pa.Table:
        """The forecast of a table whose first row has the number `first`, block by block as for a file."""
        blocks = []
        for start in range(0, max(1, table.num_rows), BLOCK):
            block = rows_from(table, start, BLOCK)
            notes.add(self.model.encoder.notes(block), block.num_rows)
            index = np.arange(first + start, first + start + block.num_rows)
            with located(_FRAME.at(first + start)):
                blocks.append(pa.table(forecast(self.model, block, selection, index)))
        return pa.concat_tables(blocks)

    def _batches(self, batches: Iterator[Frame], selection: ColumnSelection) -> Iterator[Frame]:
        notes, first = FeatureNotes(), 0
        for batch in batches:
            table = self._table(batch, target=False)
            yield like(batch, self._forecast(table, selection, notes, first))
            first += table.num_rows
        _warn(notes.texts(self.model.encoder.missing))

    def _table(self, frame: object, *, target: bool) -> pa.Table:
        schema = self.model.schema
        scored = (*schema.scored_columns, *columns_of(filters_of(self.model.config))) if target else ()
        table = table_of(frame, {*schema.forecast_columns, *scored})
        schema.check_types(table.schema, target, FRAME, ids=False)
        with located(_FRAME):
            result = imposed(table, schema.forms(target=target, ids=False))
        for name in columns_of(filters_of(self.model.config)) if target else ():
            if name in table.column_names:
                result = result.append_column(COMPARED + name, table.column(name))
        return result


def fit(
    config: str | Path | Mapping[str, object],
    set: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    resume: str | Path | bool = False,
    data: str | Path | None = None,
) -> FittedRun:
    """Train a model by a config file, or by a mapping of the same form.

    `set` overrides keys, `out` names the run folder, and `data` replaces `data.train`. `resume` names a run to continue; True means the
    newest stopped run of this config. Lines that the command line marks with a `!` are DataWarnings here.

    Raises the errors that the command line reports: ConfigError, DataError, FitFailed, StorageError.

    A linear model with one standard deviation has the least-squares coefficients, which NIST certifies for these data as -0.2623 and 1.0021:

    >>> config = {
    ...     "distribution": {"family": "normal", "parameters": {"scale": {"features": []}}},
    ...     "data": {"train": "sample_data/nist_norris.csv", "target": "y", "features": ["x"], "validation": None},
    ...     "network": {"hidden": []},
    ...     "training": {"optimizer": "lbfgs", "epochs": 20, "early_stopping": None},
    ... }
    >>> run = disttrain.fit(config, out="runs/norris")
    >>> at_zero, at_one = run.distribution(pd.DataFrame({"x": [0.0, 1.0]})).mean.tolist()
    >>> round(at_zero, 4), round(at_one - at_zero, 4)
    (-0.2623, 1.0021)
    """
    key_values: object = set
    if key_values is not None and not isinstance(key_values, Mapping):
        what = f"`set` is a mapping of keys to values, not a `{type(key_values).__name__}`"
        raise UsageError(Finding("bad-option", what, "set", hints=('such as `{"training.epochs": 50}`',)))
    overrides = [configs.override(key, value) for key, value in (set or {}).items()]
    if data is not None:
        overrides.append(configs.override("data.train", _source(data)))
    loaded = _loaded(config, overrides)
    resume_from = resume if isinstance(resume, bool) else Path(resume)
    event: Started | Epoch | Finished | None = None
    for event in fit_events(loaded, out=None if out is None else Path(out), resume=resume_from):
        if isinstance(event, Started | Finished):
            _warn(event.warnings)
    if not isinstance(event, Finished):
        raise Interrupted(Finding("stopped", "the fit did not end"))
    return load(event.folder)


def _loaded(config: object, overrides: Sequence[str]) -> configs.Loaded:
    if isinstance(config, Mapping):
        return configuration_of(config, overrides)
    if isinstance(config, str | Path):
        return configuration(Path(config), overrides)
    what = f"a config is the path of a file or a mapping, not a `{type(config).__name__}`"
    raise UsageError(Finding("bad-option", what, "config", hints=("data are named inside it: `data.train`",)))


def _source(data: object) -> str:
    """The absolute path of a file of training rows; a remote address unchanged. Raises UsageError for anything else."""
    if isinstance(data, str) and remote(data) is not None:
        return data
    if isinstance(data, str | Path):
        return str(Path(data).absolute())
    what = f"the training rows are a file, as a run must be able to read them again, not a `{type(data).__name__}`"
    hints = ("write the frame first: `frame.to_parquet('train.parquet')`, and `data='train.parquet'`",)
    raise UsageError(Finding("bad-option", what, "data", hints=hints))


def load(path: str | Path | None = None) -> FittedRun:
    """The run or model folder at `path`, or the newest finished run under ./runs. Raises RunUnreadable.

    >>> disttrain.load().name  # after the example of `disttrain.fit`
    'norris'
    """
    run = open_run(None if path is None else Path(path), Path("runs"))
    return FittedRun(run.folder or Path(str(path)), run.name, run.model)


def _warn(texts: Iterable[str]) -> None:
    """Warn of each text at the line of the user's call."""
    for text in texts:
        warnings.warn(text, DataWarning, stacklevel=3)


def _several(values: Sequence[_Value] | _Value) -> tuple[_Value, ...]:
    """One value or several values as a tuple."""
    return (values,) if isinstance(values, str | int | float) else tuple(values)


def _score_line(run: FittedRun) -> str:
    """The nll of the last scored split with its gain; empty if there is none."""
    try:
        split, scores = list(run.metrics.items())[-1]
        nll = scores["metrics"]["nll"]
        return f", {split} nll {nll['value']:.4f} (gain {nll['gain']:.4f})"
    except (RunUnreadable, KeyError, IndexError, TypeError, AttributeError):
        return ""


def _without(path: Path, what: str) -> RunUnreadable:
    hints = (
        "a model folder alone has none: load the run folder",
        "a fit that was stopped has no scores: `disttrain.fit(..., resume=True)`",
    )
    return RunUnreadable(Finding("no-run", f"the run has no {what} that can be read", str(path), hints=hints))
