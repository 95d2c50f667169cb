"""Fit: a config becomes a run folder with a model, its history, predictions and scores."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from disttrain import config as configs
from disttrain import storage, training
from disttrain.config import Loaded
from disttrain.errors import DisttrainError, Finding, FitFailed, StorageError
from disttrain.storage import Run
from disttrain.training import Epoch, NotFinite, Plan, Rows, Standing
from disttrain.workflows import events, records, scoring
from disttrain.workflows.best import Best
from disttrain.workflows.events import Finished, Started
from disttrain.workflows.floors import Floor, floors
from disttrain.workflows.impossible import impossible_of_splits
from disttrain.workflows.plans import constant_of, plan_of
from disttrain.workflows.predict import write_own
from disttrain.workflows.preparation import Prepared, prepare
from disttrain.workflows.resuming import Checkpoints, Resumed, folder_of, resumed

__all__ = ["Epoch", "Finished", "Started", "fit"]

Stop = Callable[[], str | None]


def fit(
    loaded: Loaded,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    resume: Path | bool = False,
    limit: int | None = None,
    stop: Stop = lambda: None,
    command: Sequence[str] = (),
) -> Iterator[Started | Epoch | Finished]:
    """Train as the config says and yield what happens: Started, every Epoch, Finished.

    `resume` is the folder of a run to go on with, or True for the newest of this config's name: it ends in the very weights of a fit
    that was never stopped. `stop` is asked after every batch; a word from it ends the fit cleanly with the best epoch kept.

    Raises ConfigError, DataError and StorageError before the first step, FitFailed where training cannot go on; the best epoch so far
    is then in the run folder.
    """
    config = loaded.config
    device = training.device(config.training.device)
    root, going_on = Path(config.output.folder), folder_of(loaded, resume, out, overwrite)
    with ExitStack() as held:
        # Locked before the work of reading: of two that want one run, the second hears of it at once.
        run = None if going_on is None else held.enter_context(storage.reopen(going_on))
        storage.require_writable(going_on or (root if out is None else out.parent))
        prepared = prepare(loaded, limit).lean()
        # Arrow keeps what it is given back for itself, and it was all of the table.
        pa.default_memory_pool().release_unused()
        scoring.require_suited(loaded, prepared)
        held.enter_context(training.deterministic(config.training.deterministic))
        held.enter_context(training.threads(*_largest_product(prepared)))
        before = Resumed() if run is None else resumed(run.path, loaded, prepared, device)
        if run is None:
            made = storage.create(root, configs.run_name(loaded)) if out is None else storage.create_at(out, overwrite)
            run = held.enter_context(made)
        with _told(run):
            yield from _run(loaded, prepared, run, before, device, stop, command)


@contextmanager
def _told(run: Run) -> Iterator[None]:
    """Makes run.json and log.jsonl of the run tell of a fault in the block, as far as the disk lets them."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        run.update(status="stopped", exit_code=130)
        raise
    except Exception as fault:
        code = fault.exit_code if isinstance(fault, DisttrainError) else 70
        # A full disk is what may have gone wrong, and must not hide behind a second fault.
        with suppress(StorageError):
            records.log(run.path, "failed", {"exit_code": code, "error": str(fault), "traceback": traceback.format_exc()})
            run.update(status="failed", exit_code=code)
        raise


def _run(
    loaded: Loaded, prepared: Prepared, run: Run, before: Resumed, device: torch.device, stop: Stop, command: Sequence[str]
) -> Iterator[Started | Epoch | Finished]:
    config, model, began = loaded.config, prepared.model, time.perf_counter()
    run.update(status="running", command=list(command), config=str(loaded.path) if loaded.path else None)
    if before.standing is None:
        records.write_inputs(run, loaded, prepared, device)
    run.discard("predictions.parquet", "metrics.json")
    history = list(before.history)
    begun = events.started(prepared, run, device, len(history), before.warnings)
    records.log(run.path, "resumed" if history else "started", asdict(begun))
    yield begun
    limit = _Limit(stop, config.training.time_limit, began)
    best = Best(model, run, config.output.checkpoint_every, before.best)
    checkpoints = Checkpoints(run, config.output.checkpoint_every, history)
    yield from _trained(prepared, device, limit, history, best, checkpoints, before.standing)
    best.save()
    reason = events.reason(config, len(history), limit.word, limit.late)
    predictions, metrics, low = _results(prepared, run) if limit.word is None else (0, {}, [])
    status = "finished" if limit.word is None else "stopped"
    scores = {split: found["metrics"]["nll"]["value"] for split, found in metrics.items()}
    impossible = impossible_of_splits(prepared) if limit.word is None else ()
    warnings = (*impossible, *(floor.text for floor in low))
    run.update(
        status=status, exit_code={None: 0, "interrupted": 130, "terminated": 143}[limit.word], reason=reason, best_epoch=best.number,
        epochs=len(history), scores=scores, warnings=[*begun.warnings, *warnings], floors={floor.parameter: floor.rows for floor in low},
    )  # fmt: skip
    if not limit.reached:
        checkpoints.remove()
    records.log(run.path, status, {"reason": reason, "best_epoch": best.number, "scores": scores})
    seconds = time.perf_counter() - began
    yield Finished(run.path, status, reason, limit.word, best.number, len(history), seconds, metrics, predictions, warnings, limit.reached)


def _trained(
    prepared: Prepared, device: torch.device, limit: _Limit, history: list[Epoch], best: Best, checkpoints: Checkpoints,
    standing: Standing | None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train and yield every epoch, which also goes to `history` and `best`; whichever way it ends, the network is the best then."""
    try:
        train, validation, plan = _work(prepared, device)
        network, family = prepared.model.network, prepared.model.family
        initialize = prepared.model.config.training.initialize
        if standing is None and initialize in {"linear", "auto"}:
            linear = training.start_linear(network, family, train, validation, plan, limit, trial=initialize == "auto")
            records.log(checkpoints.folder.parent, "begun", {"initialize": "linear" if linear else "marginal"})
            best.begin()
            if limit.reached:
                # A start that was cut short is not that of an unbroken fit: one that goes on begins anew.
                return
        for epoch in training.epochs(
            network, family, train, validation, plan, limit, standing, lambda now: checkpoints.keep(now, best.state())
        ):
            history.append(epoch)
            best.consider(epoch)
            yield epoch
        if limit.reached:
            checkpoints.write()
    except (KeyboardInterrupt, GeneratorExit):
        checkpoints.write()
        raise
    except NotFinite as fault:
        raise events.not_finite(fault, prepared, best.kept()) from None
    except (torch.OutOfMemoryError, MemoryError):
        hints = ("a smaller `training.batch_size`, or narrower `network.hidden`",)
        raise FitFailed(Finding("out-of-memory", "memory ran out", f"{device}", hints=hints, kept=best.kept())) from None
    finally:
        best.restore()
        records.write_history(checkpoints.folder.parent, history)


def _results(prepared: Prepared, run: Run) -> tuple[int, dict[str, Any], list[Floor]]:
    """Write predictions.parquet and metrics.json: how many rows were predicted, the scores, and the parameters at their floors."""
    model = prepared.model
    # Scoring takes more memory than writing, which leaves some behind.
    metrics = scoring.split_metrics(prepared, run.name)
    predictions = write_own(prepared, run.path, run.name)
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
        return self.reached

    @property
    def reached(self) -> bool:
        """Whether it said so."""
        return self.late or self.word is not None


def _largest_product(prepared: Prepared) -> tuple[int, int]:
    """Rows per step, once for each member, and the widest layer: what decides how many threads pay."""
    config, rows = prepared.model.config, len(prepared.splits["train"])
    step = rows if config.training.optimizer.name == "lbfgs" else plan_of(config, rows).batch_size
    return min(step, rows) * config.network.members, max([prepared.model.encoder.width, *config.network.hidden])


def _work(prepared: Prepared, device: torch.device) -> tuple[Rows, Rows | None, Plan]:
    """What the loop is given, the network moved to the device: training rows, validation rows and plan."""
    model = prepared.model
    model.network.to(device)
    splits = {name: rows.to(device) for name, rows in prepared.splits.items() if name != "test"}
    train, held = splits["train"], prepared.held
    validation = splits.get("validation") if held is None else train.seated(held)
    watched = validation if held is None else train[held.flatten().to(device)]
    constants = tuple(constant_of(model.family, model.scaling, rows) for rows in (train, watched))
    train = train if held is None else train.but(held)
    return train, validation, plan_of(model.config, len(train), (constants[0], constants[1]))
