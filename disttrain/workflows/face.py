"""The Python face: fit a config, load a run, and use it on pandas frames; the same engine as the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from torch.distributions import Distribution

from disttrain import config as configs
from disttrain import data as rooms
from disttrain.data import Origin
from disttrain.errors import DataError, Finding, Interrupted
from disttrain.model import Model
from disttrain.workflows.configuration import configuration, configuration_of
from disttrain.workflows.dataset import filters_of
from disttrain.workflows.fit import Finished
from disttrain.workflows.fit import fit as fit_events
from disttrain.workflows.forecasts import forecast
from disttrain.workflows.observing import observed_of
from disttrain.workflows.predict import wanted_by
from disttrain.workflows.requests import Question, Request, require_question, require_request
from disttrain.workflows.runs import open_run
from disttrain.workflows.scoring import Forecast, mean_scores, settings_of

__all__ = ["FittedRun", "fit", "load"]

_FRAME = Origin(("frame",))


@dataclass(frozen=True)
class FittedRun:
    """A finished run: its `path` (a run folder or a model folder), its `name`, and the model."""

    path: Path
    name: str
    model: Model

    def predict(
        self,
        frame: pd.DataFrame,
        columns: Sequence[str] | None = None,
        quantiles: Sequence[float] | None = None,
        samples: int = 0,
        times: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """The forecast of every row of a frame: parameters, mean, standard deviation and quantiles, with the frame's own index.

        `times`, in target units, are those of the columns `survival` and `hazard`; `quantiles` and `times` stand for their columns too.

        Raises DataError where columns are missing or of the wrong type, UsageError where what is asked for does not exist.
        """
        levels, at = (None if given is None else tuple(given) for given in (quantiles, times))
        request = Request(columns=None if columns is None else tuple(columns), quantiles=levels, times=at, samples=samples)
        require_request(request)
        made = forecast(self.model, self._table(frame, target=False), wanted_by(self.model, request), 0, _FRAME)
        predicted: pd.DataFrame = pa.table(made).to_pandas()
        return predicted.set_index(frame.index)

    def distribution(self, frame: pd.DataFrame) -> Distribution:
        """The distribution of every row's target, in target units: batch shape (n,). Raises DataError as predict does."""
        return self.model.distribution(self._table(frame, target=False), _FRAME)

    def evaluate(self, frame: pd.DataFrame, metrics: Sequence[str] = (), levels: Sequence[float] = ()) -> dict[str, Any]:
        """Scores on a frame with the target: {metric: {value, se, baseline, gain, gain_se}}.

        Rows that `data.filter` or `missing: drop` of the config leave out are not scored. Raises DataError for the frame, UsageError
        for metrics that do not exist or cannot score the family.
        """
        require_question(Question(metrics=tuple(metrics), levels=tuple(levels)))
        settings_of(self.model.config, self.model.example(), metrics, levels)
        table = self._table(frame, target=True)
        keep = rooms.keep(table, filters_of(self.model.config)) & self.model.encoder.usable(table)
        if not keep.any():
            raise DataError(Finding("no-rows", "there is no row to score", "frame"))
        table, origin = table.filter(rooms.boolean_column(keep)), _FRAME.rows(np.flatnonzero(keep))
        seen = observed_of(self.model, table, origin)
        settings = settings_of(self.model.config, self.model.example(), metrics, levels, seen.outcome)
        forecast = Forecast(self.model.forecaster, self.model.parameters(table, origin))
        baseline = Forecast.of_baseline(self.model, seen)
        return mean_scores(forecast.distribution(), baseline.distribution(), seen.outcome, seen.weight, settings)

    def _table(self, frame: pd.DataFrame, *, target: bool) -> pa.Table:
        schema = self.model.schema
        scored = (*schema.scored_columns, *rooms.columns_of(filters_of(self.model.config))) if target else ()
        wanted = (*schema.forecast_columns, *scored)
        table = pa.Table.from_pandas(frame[[name for name in dict.fromkeys(wanted) if name in frame.columns]], preserve_index=False)
        schema.check_types(table.schema, target, "frame", ids=False)
        return rooms.imposed(table, schema.forms(target=target, ids=False), _FRAME)


def fit(
    config: str | Path | Mapping[str, Any],
    set: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | bool = False,
) -> FittedRun:
    """Train as a config file, or a mapping like one, says; `set` overrides keys, `out` names the run folder.

    `resume` names a run to go on with; True means the newest of this config that was stopped before its end.

    Raises what the command line reports: ConfigError, DataError, FitFailed, StorageError.
    """
    overrides = [configs.override(key, value) for key, value in (set or {}).items()]
    loaded = configuration_of(config, overrides) if isinstance(config, Mapping) else configuration(Path(config), overrides)
    going_on = resume if isinstance(resume, bool) else Path(resume)
    events = list(fit_events(loaded, out=None if out is None else Path(out), resume=going_on))
    finished = events[-1]
    if not isinstance(finished, Finished):
        raise Interrupted(Finding("stopped", "the fit did not end"))
    return load(finished.folder)


def load(path: str | Path | None = None) -> FittedRun:
    """The run or model folder at `path`, or the newest finished run under ./runs. Raises RunUnreadable."""
    run = open_run(None if path is None else Path(path), Path("runs"))
    return FittedRun(run.folder or Path(str(path)), run.name, run.model)
