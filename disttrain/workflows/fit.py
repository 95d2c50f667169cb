"""Fit: a config becomes a run folder with a model, its history, predictions and scores."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from disttrain import config as configs
from disttrain import storage, training
from disttrain.config import Config, Loaded
from disttrain.errors import DisttrainError, Finding, FitFailed
from disttrain.storage import Run
from disttrain.training import Epoch, NotFinite
from disttrain.workflows import records, scoring
from disttrain.workflows.best import Best
from disttrain.workflows.floors import Floor, floors
from disttrain.workflows.plans import constant_of, plan_of
from disttrain.workflows.predict import write_own
from disttrain.workflows.preparation import Prepared, prepare
from disttrain.workflows.ties import tie_notes

__all__ = ["Epoch", "Finished", "Started", "fit"]

Stop = Callable[[], str | None]


@dataclass(frozen=True)
class Started:
    """What is about to be trained: rows per split, encoded inputs, learned numbers of all members, the baseline to beat (nats per row), and warnings."""

    run: str
    distribution: str
    device: str
    threads: int
    seed: int
    rows: dict[str, int]
    inputs: int
    weights: int
    members: int
    baseline: float
    watched: str
    epochs: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """How a fit ended: `status` finished or stopped, the `reason` in words, scores per split, warnings, and the folder with everything."""

    folder: Path
    status: str
    reason: str
    stopped_by: str | None
    best_epoch: int
    epochs: int
    seconds: float
    metrics: dict[str, Any]
    predictions: int
    warnings: tuple[str, ...]


def fit(
    loaded: Loaded,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    limit: int | None = None,
    stop: Stop = lambda: None,
    command: Sequence[str] = (),
) -> Iterator[Started | Epoch | Finished]:
    """Train as the config says and yield what happens: Started, every Epoch, Finished.

    `stop` is asked after every batch; a word from it ends the fit cleanly with the best epoch kept. Raises ConfigError, DataError and
    StorageError before the first step, FitFailed where training cannot go on; the best epoch so far is then in the run folder.
    """
    config = loaded.config
    device = training.device(config.training.device)
    root = Path(config.output.folder)
    storage.require_writable(root if out is None else out.parent)
    prepared = prepare(loaded, limit)
    scoring.require_suited(loaded, prepared)
    run = storage.create(root, configs.run_name(loaded)) if out is None else storage.create_at(out, overwrite)
    with run:
        try:
            with training.deterministic(config.training.deterministic), training.threads(*_largest_product(prepared)):
                yield from _run(loaded, prepared, run, device, stop, command)
        except (KeyboardInterrupt, GeneratorExit):
            run.update(status="stopped", exit_code=130)
            raise
        except Exception as fault:
            code = fault.exit_code if isinstance(fault, DisttrainError) else 70
            records.log(run.path, "failed", {"exit_code": code, "error": str(fault), "traceback": traceback.format_exc()})
            run.update(status="failed", exit_code=code)
            raise


def _run(
    loaded: Loaded, prepared: Prepared, run: Run, device: torch.device, stop: Stop, command: Sequence[str]
) -> Iterator[Started | Epoch | Finished]:
    config, model, started = loaded.config, prepared.model, time.perf_counter()
    records.write_inputs(run, loaded, prepared, device, command)
    begun = _started(prepared, run, device)
    records.log(run.path, "started", asdict(begun))
    yield begun
    limit = _Limit(stop, config.training.time_limit, started)
    history: list[Epoch] = []
    best = Best(model, run, config.output.checkpoint_every)
    try:
        for epoch in _epochs(prepared, device, limit):
            history.append(epoch)
            best.consider(epoch)
            yield epoch
    except NotFinite as fault:
        raise _not_finite(fault, prepared, best) from None
    except (torch.OutOfMemoryError, MemoryError):
        hints = ("a smaller `training.batch_size`, or narrower `network.hidden`",)
        raise FitFailed(Finding("out-of-memory", "memory ran out", f"{device}", hints=hints, kept=best.kept())) from None
    finally:
        best.restore()
        records.write_history(run, history)
    best.save()
    reason = _reason(config, history, limit)
    predictions, metrics, low = _results(prepared, run) if limit.word is None else (0, {}, [])
    status = "finished" if limit.word is None else "stopped"
    scores = {split: found["metrics"]["nll"]["value"] for split, found in metrics.items()}
    warnings = tuple(floor.text for floor in low)
    run.update(
        status=status, exit_code={None: 0, "interrupted": 130, "terminated": 143}[limit.word], reason=reason, best_epoch=best.number,
        epochs=len(history), scores=scores, warnings=[*begun.warnings, *warnings], floors={floor.parameter: floor.rows for floor in low},
    )  # fmt: skip
    records.log(run.path, status, {"reason": reason, "best_epoch": best.number, "scores": scores})
    seconds = time.perf_counter() - started
    yield Finished(run.path, status, reason, limit.word, best.number, len(history), seconds, metrics, predictions, warnings)


def _results(prepared: Prepared, run: Run) -> tuple[int, dict[str, Any], list[Floor]]:
    """Write predictions.parquet and metrics.json: how many rows were predicted, the scores, and the parameters at their floors."""
    model = prepared.model
    predictions = write_own(model, prepared.data, run.path, run.name, model.config)
    metrics = scoring.split_metrics(prepared, run.name)
    storage.write_json(run.path / "metrics.json", metrics)
    return predictions, metrics, floors(model, list(prepared.splits.values()))


class _Limit:
    """Whether to stop after this batch: somebody said so (`word`), or the time is up."""

    def __init__(self, stop: Stop, seconds: float | None, started: float) -> None:
        self.stop, self.seconds, self.started = stop, seconds, started
        self.word: str | None = None
        self.late = False

    def __call__(self) -> bool:
        self.word = self.word or self.stop()
        self.late = self.late or (self.seconds is not None and time.perf_counter() - self.started >= self.seconds)
        return self.late or self.word is not None


def _largest_product(prepared: Prepared) -> tuple[int, int]:
    """Rows per step, once for each member, and the widest layer: what decides how many threads pay."""
    config, rows = prepared.model.config, len(prepared.splits["train"])
    step = rows if config.training.optimizer.name == "lbfgs" else plan_of(config, rows).batch_size
    return min(step, rows) * config.network.members, max([prepared.model.encoder.width, *config.network.hidden])


def _epochs(prepared: Prepared, device: torch.device, limit: _Limit) -> Iterator[Epoch]:
    model = prepared.model
    model.network.to(device)
    splits = {name: rows.to(device) for name, rows in prepared.splits.items() if name != "test"}
    validation = splits.get("validation")
    first, second = (constant_of(model.family, model.scaling, rows) for rows in (splits["train"], validation))
    plan = plan_of(model.config, len(splits["train"]), (first, second))
    return training.epochs(model.network, model.family, splits["train"], validation, plan, limit)


def _started(prepared: Prepared, run: Run, device: torch.device) -> Started:
    model, config = prepared.model, prepared.model.config
    learned = [o.parameter.name if o.fixed is None else f"{o.parameter.name} fixed" for o in model.outputs]
    watched = "validation" if "validation" in prepared.splits else "train"
    warnings = tie_notes(model.family, model.schema.target[0], prepared.observed.measured)
    return Started(
        run.name, f"{model.family.name}({', '.join(learned)})", str(device), torch.get_num_threads(), config.training.seed,
        prepared.counts(), model.encoder.width, model.network.size(), model.members, scoring.baseline_nll(prepared, watched), watched, config.training.epochs,
        warnings,
    )  # fmt: skip


def _reason(config: Config, history: Sequence[Epoch], limit: _Limit) -> str:
    if limit.word is not None:
        return f"{limit.word} in epoch {len(history)}"
    if limit.late:
        return f"time limit reached in epoch {len(history)}"
    stopping = config.training.early_stopping
    if stopping is not None and len(history) < config.training.epochs:
        watched = "train" if config.data.validation is None else "validation"
        return f"stopped after epoch {len(history)}: {watched} nll did not fall by {stopping.min_delta:g} in {stopping.patience} epochs"
    return f"all {len(history)} epochs done"


def _not_finite(fault: NotFinite, prepared: Prepared, best: Best) -> FitFailed:
    """The loop's finding in the words of the data: the row in its file, and the feature that is furthest from its mean."""
    place = int(prepared.data.part("train")[fault.row])
    x = prepared.splits["train"].x[fault.row]
    lines = [f"`{fault.parameter}` reached {fault.value:.3g} (of the standardised target) on row {prepared.data.row[place]:,}"]
    if len(x):
        worst = int(x.abs().argmax())
        lines.append(f"where `{prepared.model.encoder.columns[worst]}` is {float(x[worst]):,.1f} standard deviations from its mean")
    hints = ("`--set data.scaling=quantile`, cap the column in your data, or a lower `training.optimizer.lr`",)
    return FitFailed(replace(fault.findings[0], excerpt=tuple(lines), hints=hints, kept=best.kept()))
