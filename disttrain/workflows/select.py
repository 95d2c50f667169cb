"""The command `select`: it compares families, and the parameters worth a network, on the same held-out rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disttrain import storage
from disttrain.choices import SPLITS
from disttrain.config import Loaded, Yaml, is_source
from disttrain.data.splits import FOLDS_KEY, VALIDATION, group_ranks
from disttrain.errors import DataError, Finding, FitFailed, StorageError, UsageError
from disttrain.preparation.load import SharedReads
from disttrain.preparation.observations import weight_of
from disttrain.selection.candidates import Candidates, Target, candidates
from disttrain.selection.comparison import HeldOutScores, RowWeights
from disttrain.selection.nested import Step, steps_of, without_features
from disttrain.selection.ranking import BLOCKS
from disttrain.selection.trial_configs import distribution_of, fold_of, trial_text
from disttrain.validation.select_options import AUTO, SelectOptions, distribution_named
from disttrain.workflows import select_folder
from disttrain.workflows.select_folder import State
from disttrain.workflows.select_results import FamilyRow, ParameterRow, Selection, family_rows, parameter_rows
from disttrain.workflows.select_trial import FAILED, STOPPED, UNWRITTEN, Trial, is_done, scores_of
from disttrain.workflows.select_workers import Workers, cores

__all__ = ["Begun", "Interrupted", "Selection", "StageBegun", "TrialEnded", "select"]

Stop = Callable[[], str | None]


@dataclass(frozen=True)
class Begun:
    """The start of a selection: its folder, the held-out rows, the folds with their method, and the candidates; None without families."""

    folder: Path
    target: str
    rows: int
    folds: int
    method: str
    workers: int
    candidates: Candidates | None
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class StageBegun:
    """The start of a comparison of `families` or `parameters`: its trials, and how many of them were done before."""

    stage: str
    trials: int
    done: int


@dataclass(frozen=True)
class TrialEnded:
    """The end of a trial: its candidate, its fold, its mean held-out nats, or the reason why it failed, and the trials done so far."""

    candidate: str
    fold: int
    nll: float | None
    reason: str
    done: int
    trials: int


@dataclass(frozen=True)
class Interrupted:
    """The end of a selection by the word of a request to stop. `done` of the `trials` of this comparison have ended."""

    word: str
    folder: Path
    done: int
    trials: int


Event = Begun | StageBegun | TrialEnded | Interrupted | Selection


@dataclass
class _Run:
    """A selection that is running: its folder, its rows, and what the trials came to.

    `fits` are the candidates by name with their `distribution` blocks, `scores` their held-out scores, and `failed` the reasons of those
    that have none.
    """

    loaded: Loaded
    target: Target
    folder: Path
    options: SelectOptions
    stop: Stop
    workers: Workers
    fits: dict[str, dict[str, Yaml]] = field(default_factory=dict)
    scores: dict[str, HeldOutScores] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def trial(self, name: str, fold: int) -> Trial:
        """The trial of a candidate without one fold."""
        config = trial_text(self.loaded, self.fits[name], fold_of(self.loaded, fold, self.options.folds))
        return Trial(self.folder / f"{_slug(name)}-fold-{fold}", config, self.loaded.base)

    def weights(self, rows: NDArray[np.int64]) -> RowWeights:
        """The weights and the groups of rows at these positions."""
        data, section = self.target.rows, self.loaded.config.data
        order = np.argsort(data.position)
        index = order[np.searchsorted(data.position[order], rows)]
        weight = weight_of(data.table, data.schema)
        grouped = section.split.method == "group" and section.split.by is not None
        cluster = group_ranks(data.table, section.split.by, 0, ()).view(np.int64)[index] if grouped else None
        return RowWeights(np.ones(len(rows)) if weight is None else weight[index], cluster)


def select(loaded: Loaded, options: SelectOptions, *, stop: Stop = lambda: None) -> Generator[Event]:
    """Compare families and parameters by a config. Yields Begun, the trials of each comparison, and at last Selection or Interrupted.

    `stop` is called while trials run; if it returns a word, they save their state, and a later call with `options.resume` goes on.

    Raises ConfigError, DataError, UsageError or OutputExists before the first trial, StorageError if a trial cannot be written, and
    FitFailed if no candidate can be fitted.
    """
    _require_files(loaded)
    folder = select_folder.folder_for(loaded, options)
    try:
        target = Target.of(loaded, options.folds, SharedReads())
    except DataError as fault:
        # The number of folds is an option here, and no key of the config.
        raise DataError(*(replace(one, where="--folds") if one.where == FOLDS_KEY else one for one in fault.findings)) from None
    state = State.of(loaded, options, target.rows)
    if options.resume:
        state.require_same(select_folder.read_state(folder), loaded, target.rows, folder)
    suited = None
    if options.families:
        suited = candidates(
            target, None if options.families == (AUTO,) else [(name, distribution_named(name)) for name in options.families]
        )
    steps = [] if suited is not None or not options.parameters else _steps(target, distribution_of(loaded))
    with select_folder.locked(folder), Workers(options.workers or cores()) as workers:
        run = _Run(loaded, target, folder, options, stop, workers)
        storage.write_bytes(folder / "config.yaml", loaded.text)
        storage.write_json(folder / select_folder.STATE, state.document)
        yield _begun(run, suited)
        yield from _comparisons(run, suited, steps)


def _require_files(loaded: Loaded) -> None:
    """Raise UsageError if rows come from standard input, which only one process can read."""
    sources = [source for source in (getattr(loaded.config.data, name) for name in SPLITS) if is_source(source)]
    if any("-" in ((source,) if isinstance(source, str) else source) for source in sources):
        what = "`select` fits in several processes, and only one can read standard input"
        raise UsageError(Finding("bad-option", what, "data", hints=("write the rows to a file, and name it in `data.train`",)))


def _begun(run: _Run, suited: Candidates | None) -> Begun:
    rows, split = run.target.rows, run.loaded.config.data.split
    # A share for validation is taken of the rows of other folds.
    folded = rows.split != VALIDATION if not isinstance(run.loaded.config.data.validation, float) else np.ones(len(rows.split), dtype=bool)
    method = split.method if split.by is None else f"{split.method} (`{split.by}`)"
    return Begun(
        run.folder, ", ".join(rows.schema.target), int(folded.sum()), run.options.folds, method, run.workers.most, suited, rows.remarks,
        (*rows.warnings, *(() if suited is None else suited.remarks)),
    )  # fmt: skip


def _comparisons(run: _Run, suited: Candidates | None, steps: list[Step]) -> Generator[Event]:
    """Compare families, then parameters, and end with the selection."""
    block = distribution_of(run.loaded)
    name = run.target.admitted(block).name if suited is None else ""
    rows: tuple[FamilyRow, ...] = ()
    parameters: tuple[ParameterRow, ...] = ()
    if suited is not None:
        if not (yield from _trials(run, "families", {one.name: one.distribution for one in suited.fitted})):
            return
        rows = family_rows(suited.fitted, run.scores, run.weights)
        if not rows:
            raise _nothing_fitted(run)
        name = _winner(rows)
        block = run.fits[name]
    if run.options.parameters:
        steps = steps or _steps(run.target, block)
        names = [_trial_name(run, name, step) for step in steps]
        if not (yield from _trials(run, "parameters", {one: step.distribution for one, step in zip(names, steps, strict=True)})):
            return
        parameters = parameter_rows(steps, [run.scores.get(one) for one in names], run.weights)
        if not parameters:
            raise _nothing_fitted(run)
        best = next(row for row in parameters if row.chosen)
        block = without_features(run.target.admitted(block), block) if best.step is None else best.step.distribution
    document = select_folder.selected_document(run.loaded, block)
    path = select_folder.write_selected(run.loaded, document, run.folder)
    selection = Selection(run.folder, run.options.folds, rows, suited, dict(run.failed), name, parameters, document, path)
    storage.write_json(run.folder / select_folder.RESULT, selection.document)
    yield selection


def _steps(target: Target, block: Mapping[str, Yaml]) -> list[Step]:
    """The nested models of a `distribution` block. Raises UsageError if no parameter may vary, ConfigError or DataError if it is unsuited."""
    family, features = target.admitted(block), [feature.name for feature in target.rows.schema.features]
    steps = steps_of(family, block, features) if features else []
    if steps:
        return steps
    what = f"no parameter of {family.name} may vary: all are fixed or constant by the config" if features else "there are no features"
    raise UsageError(Finding("bad-option", what, "--parameters", hints=("leave `--parameters` out",)))


def _trial_name(run: _Run, family: str, step: Step) -> str:
    """The name of the trials of a nested model: those of the family itself if it is that model and has been fitted."""
    known = next((name for name, block in run.fits.items() if block == step.distribution), None)
    return known or f"{family} {step.label}"


def _winner(rows: Sequence[FamilyRow]) -> str:
    """The best family of the table that has the config's family, else of the largest table: tables are not compared with each other."""
    own = [row.block for row in rows if row.own]
    blocks = [row.block for row in rows]
    block = own[0] if own else max(BLOCKS, key=blocks.count)
    return next(row.name for row in rows if row.block == block)


def _nothing_fitted(run: _Run) -> FitFailed:
    reasons = tuple(f"{name}: {reason}" for name, reason in run.failed.items())
    hints = ("`disttrain fit CONFIG` says more of the config's own distribution",)
    return FitFailed(Finding("no-fit", "none of the candidates could be fitted in all folds", str(run.folder), reasons[:10], hints=hints))


def _trials(run: _Run, stage: str, fits: Mapping[str, dict[str, Yaml]]) -> Generator[Event, None, bool]:
    """Do the trials of a comparison that are not done, and keep their scores in `run`. Returns False if it was interrupted."""
    run.fits |= fits
    folds = range(1, run.options.folds + 1)
    trials = {run.trial(name, fold): (name, fold) for name in fits for fold in folds}
    ended = {trial for trial in trials if is_done(trial.folder)}
    failures: dict[str, dict[int, str]] = {}
    yield StageBegun(stage, len(trials), len(ended))
    open_trials = [trial for trial in trials if trial not in ended]
    for trial, result in run.workers.results(open_trials, run.stop, lambda trial: trials[trial][0] not in failures):
        name, fold = trials[trial]
        if result.status == UNWRITTEN:
            raise StorageError(*result.findings)
        if result.status == STOPPED:
            continue
        ended.add(trial)
        if result.status == FAILED:
            failures.setdefault(name, {})[fold] = result.reason
        # The other folds of a candidate that failed are not needed.
        count = sum(trial in ended or trials[trial][0] in failures for trial in trials)
        nll = None if result.status == FAILED else float(scores_of(trial.folder).nll.mean())
        yield TrialEnded(name, fold, nll, result.reason, count, len(trials))
    if any(trial not in ended and name not in failures for trial, (name, _) in trials.items()):
        yield Interrupted(run.stop() or "interrupted", run.folder, len(ended), len(trials))
        return False
    run.failed |= {name: f"fold {min(reasons)}: {reasons[min(reasons)]}" for name, reasons in failures.items()}
    for name in (name for name in fits if name not in failures):
        _keep_scores(run, name, HeldOutScores.joined([scores_of(run.trial(name, fold).folder) for fold in folds]))
    return True


def _keep_scores(run: _Run, name: str, scores: HeldOutScores) -> None:
    """Keep the scores of a candidate, or the reason why they cannot be compared."""
    counted = run.weights(scores.row).weight > 0
    wrong = int((~np.isfinite(scores.nll) & counted).sum())
    if wrong:
        run.failed[name] = f"its held-out nll is not finite on {wrong:,} of {len(scores.row):,} rows"
    else:
        run.scores[name] = scores


def _slug(name: str) -> str:
    """The name of a candidate as part of the name of a folder."""
    return re.sub(r"[^\w.]+", "-", name).strip("-")
