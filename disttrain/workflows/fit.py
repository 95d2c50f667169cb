"""The command `fit`: it trains a model and writes a run folder with the model, its history, predictions and scores."""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import torch

from disttrain import config as configs
from disttrain import storage, training
from disttrain.config import Loaded
from disttrain.errors import STOPPED, DisttrainError, FitFailed, OutOfMemory, StorageError, enough_memory, word_of
from disttrain.evaluation.metric_selection import require_supported
from disttrain.prediction.layout import require_free_ids
from disttrain.preparation.load import SharedReads
from disttrain.preparation.prepare import Prepared, prepare
from disttrain.preparation.training_plan import plan_of
from disttrain.runs import manifest
from disttrain.runs.best_weights import BestWeights
from disttrain.runs.checkpoints import Checkpoints
from disttrain.runs.history import write_history
from disttrain.runs.open import source_files
from disttrain.runs.output_checks import require_no_input_in
from disttrain.runs.resume import Resumed, folder_of, resumed
from disttrain.storage import Run
from disttrain.training import Epoch
from disttrain.workflows import fit_events
from disttrain.workflows.fit_epochs import trained
from disttrain.workflows.fit_events import Finished, Started
from disttrain.workflows.results import LESS_MEMORY, Interruptible, Results, results
from disttrain.workflows.stop_rule import Stop, StopRule

__all__ = ["Epoch", "Finished", "Started", "fit"]


def fit(
    loaded: Loaded,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    resume: Path | bool = False,
    limit: int | None = None,
    shared: SharedReads | None = None,
    stop: Stop = lambda: None,
    interruptible: Interruptible = nullcontext,
    command: Sequence[str] = (),
) -> Generator[Started | Epoch | Finished]:
    """Train a model by a config. Yields Started, then every Epoch, then Finished.

    `resume` is the folder of a run to continue, or True for the newest run of this config's name. A resumed fit ends with the same weights
    as a fit that was never stopped. With `shared`, files that an earlier fit of this process has read are not read again. `stop` is called
    after every batch; if it returns a word, the fit ends and keeps its best epoch. Scores are computed inside `interruptible()` after the
    model is saved: a KeyboardInterrupt ends the scoring, and the fit ends with the word of `stop`.

    Raises ConfigError, DataError or StorageError before the first step, and FitFailed if training cannot continue; the run folder then has
    the best epoch so far.
    """
    config = loaded.config
    device = training.device(config.training.device)
    root, out = configs.folder_to_make(config.output.folder), None if out is None else configs.folder_to_make(out)
    resume_folder = folder_of(loaded, resume, out, overwrite)
    # Fail now if the resolved config could not be written later.
    manifest.resolved(loaded, resume_folder or out or root / "run")
    with ExitStack() as stack:
        stack.enter_context(enough_memory(*LESS_MEMORY))
        # Lock the run before reading the data, so that a second fit of the same run fails at once.
        run = None if resume_folder is None else stack.enter_context(storage.reopen(resume_folder))
        if out is not None and overwrite:
            require_no_input_in(out, source_files(loaded))
        storage.require_writable(resume_folder or (root if out is None else out.parent))
        prepared = prepare(loaded, limit, shared).lean()
        # Arrow keeps freed memory in its pool. Here this is the memory of the full table.
        pa.default_memory_pool().release_unused()
        require_supported(loaded, prepared)
        require_free_ids(loaded, prepared.model, prepared.data.arrow_schema)
        stack.enter_context(training.deterministic(config.training.deterministic))
        stack.enter_context(training.threads(*_largest_product(prepared)))
        before = Resumed() if run is None else resumed(run.path, loaded, prepared, device)
        if run is None:
            new_run = storage.create(root, configs.run_name(loaded)) if out is None else storage.create_at(out, overwrite)
            run = stack.enter_context(new_run)
        with _failure_recorded(run), enough_memory(*LESS_MEMORY):
            yield from _run(loaded, prepared, run, before, device, stop, interruptible, command)


@contextmanager
def _failure_recorded(run: Run) -> Iterator[None]:
    """Write a failure of the block into run.json and log.jsonl of the run, then raise it again.

    An interruption gets the status `stopped`, an error the status `failed`. A StorageError of these writes is suppressed.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit) as fault:
        with suppress(StorageError):
            run.update(status="stopped", exit_code=STOPPED[word_of(fault)], reason=word_of(fault))
        raise
    except Exception as fault:
        code = fault.exit_code if isinstance(fault, DisttrainError) else 70
        # The failure may be a full disk. A second error must not hide it.
        with suppress(StorageError):
            manifest.log(run.path, "failed", {"exit_code": code, "error": str(fault), "traceback": traceback.format_exc()})
            run.update(status="failed", exit_code=code)
        raise


def _run(
    loaded: Loaded, prepared: Prepared, run: Run, before: Resumed, device: torch.device, stop: Stop, interruptible: Interruptible,
    command: Sequence[str],
) -> Iterator[Started | Epoch | Finished]:  # fmt: skip
    config, model, began = loaded.config, prepared.model, time.perf_counter()
    run.update(status="running", command=list(command), config=str(loaded.path) if loaded.path else None)
    if before.training_state is None:
        manifest.write_inputs(run, loaded, prepared, device)
    run.discard("predictions.parquet", "metrics.json")
    history = list(before.history)
    started = fit_events.started(prepared, run, device, len(history), before.warnings)
    manifest.log(run.path, "resumed" if history else "started", asdict(started))
    yield started
    limit = StopRule(stop, config.training.time_limit, began)
    best = BestWeights(model, run, config.output.checkpoint_every, before.best)
    checkpoints = Checkpoints(run, config.output.checkpoint_every, history)
    with _saved(best, history, checkpoints):
        yield from trained(prepared, device, limit, history, best, checkpoints, before.training_state)
    result = Results() if limit.word else results(prepared, run, best, limit, checkpoints, interruptible)
    reason = fit_events.reason(config, len(history), started.epochs, limit.word, limit.late, scoring=limit.scoring)
    status = "finished" if limit.word is None else "stopped"
    scores = {split: evaluation.scores.total.metrics["nll"].value for split, evaluation in result.evaluations.items()}
    no_gain = fit_events.no_gain(prepared, best.snapshot.constant, best.snapshot.number, best.given_up)
    warnings = (*no_gain, *result.notes, *(floor.text for floor in result.at_floor))
    run.update(
        status=status, exit_code=STOPPED[limit.word] if limit.word else 0, reason=reason, best_epoch=best.snapshot.number, epochs=len(history), scores=scores,
        warnings=[*started.warnings, *warnings], marginal_share=result.marginal_share, floors={floor.parameter: floor.rows for floor in result.at_floor},
    )  # fmt: skip
    if not limit.should_stop:
        checkpoints.remove()
    manifest.log(
        run.path, status, {"reason": reason, "best_epoch": best.snapshot.number, "scores": scores, "marginal_share": result.marginal_share}
    )
    seconds = time.perf_counter() - began
    yield Finished(
        run.path, status, reason, limit.word, best.snapshot.number, len(history), seconds, result.evaluations, result.predictions, warnings,
        limit.should_stop, result.marginal_share,
    )  # fmt: skip


@contextmanager
def _saved(best: BestWeights, history: list[Epoch], checkpoints: Checkpoints) -> Iterator[None]:
    """Restore the network to its best epoch at the end of the block, and save that epoch and the history, even after a failure."""
    folder = best.run.path
    try:
        with enough_memory(*LESS_MEMORY, saved=lambda: _rescued(best, checkpoints)):
            yield
    except BaseException as fault:
        best.restore()
        # A full disk or exhausted memory must not hide the original error.
        with suppress(StorageError, OutOfMemory), enough_memory():
            best.save()
            write_history(folder, history)
            if not isinstance(fault, FitFailed):
                checkpoints.write()
        raise
    best.restore()
    best.save()
    try:
        write_history(folder, history)
    except BaseException:
        with suppress(StorageError):
            checkpoints.write()
        raise


def _rescued(best: BestWeights, checkpoints: Checkpoints) -> str:
    """Save as much as possible of a fit that ran out of memory. Returns the text that says what was saved."""
    best.model.network.zero_grad()
    saved = f"{best.run.path} (no model yet)"
    with suppress(StorageError, OutOfMemory), enough_memory():
        saved = best.saved_location()
        checkpoints.write()
    epoch = checkpoints.epoch
    return saved if not epoch else f"{saved}; a checkpoint after epoch {epoch}, from which `--resume` goes on"


def _largest_product(prepared: Prepared) -> tuple[int, int]:
    """The rows per step of all members together, and the widest layer. Both decide how many threads are useful."""
    config, rows = prepared.model.config, len(prepared.splits["train"])
    step = rows if config.training.optimizer.name == "lbfgs" else plan_of(config, rows).batch_size
    return min(step, rows) * config.network.members, max([prepared.model.encoder.width, *config.network.hidden])
