"""Public sets whose targets are counts, classes, shares, durations …: held-out NLL of a recipe, of a linear model, of the marginal baseline.

    python -m tests.benchmarks.public [SET ...] [--recipe FILE] [--members K] [--rows N] [--inner] [--jobs N] [--set KEY=VALUE ...] [--write]

Each fold is fitted on the other folds' rows alone, of which the recipe holds some out to stop by; test rows are scored once, after the
fit, and choose nothing: recipes are compared with `--inner` on the sets that choose (halves.py), where the first fold is left out and
folds of the other rows are scored. The linear model has the same family, all its parameters linear in the inputs, fitted to convergence on
all those rows; a second one, as in classical regression, keeps the shape or the spread constant, and ours is held against the better of
the two. The baseline is the best model without features on the same rows. The recipe is a config of which `network`, `training` and how
`data` holds rows out and scales them count. Sets of more than `--rows` rows are a random sample of so many. With `--write` the table goes
into RESULTS.md beside this file, with the date, the commit and the machine.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.benchmarks.halves import inner_sets
from tests.benchmarks.public_sets import CASES, SHARED, Case, classical, family_of, rows_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SMALL = 200


# All rows of the fold's training part, to convergence: nothing is held out, and nothing else is tuned.
LINEAR = {"network": {"hidden": []}, "training": {"epochs": 100, "optimizer": "lbfgs", "early_stopping": None}}

Scores = dict[str, Any]


def document_of(case: Case, recipe: Mapping[str, Any], path: Path, held: Mapping[str, Any]) -> dict[str, Any]:
    """The config of one fold: `path` has its rows, with a column `part`; `held` says which of them are held out to stop by."""
    data = {
        "train": str(path), "target": case.target, "features": case.features, "test": {"column": "part", "values": ["test"]},
        "exclude": list(case.exclude), **held, **(case.roles or {}),
    }  # fmt: skip
    kept = {key: recipe[key] for key in ("recipe", "network", "training") if key in recipe}
    written = {"evaluation": {"metrics": ["nll"]}, "predictions": {"columns": ["parameters"], "splits": []}}
    return {"name": "public", "distribution": case.distribution, "data": data, **kept, **written}


def scores(task: tuple[Case, int, int, int, dict[str, Any], dict[str, Any], bool]) -> Scores:
    """Of each test row of one fold the NLL under each model and whether our 90 % interval holds it; seconds of our fit, and its best epoch."""
    case, most, fold, folds, recipe, overrides, inner = task
    import torch

    import disttrain

    torch.set_num_threads(1)
    table = rows_of(case, most)
    fold_of = np.random.default_rng(1).permutation(table.num_rows) % folds
    if inner:
        table = table.filter(pa.array(fold_of != 0))
        fold_of = np.random.default_rng(2).permutation(table.num_rows) % folds
    table = table.append_column("part", pa.array(np.where(fold_of == fold, "test", "train")))
    held = {key: recipe["data"][key] for key in ("validation", "split", "scaling") if key in recipe.get("data", {})}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows.parquet"
        pq.write_table(table, path)
        document = document_of(case, recipe, path, held)
        began = time.perf_counter()
        ours = disttrain.fit(document, set={"training.seed": fold, **overrides}, out=Path(place) / "ours")
        seconds = time.perf_counter() - began
        best = json.loads((ours.path / "run.json").read_text())["best_epoch"]
        references = {
            name: _linear(document_of(made, LINEAR, path, {"validation": None}), Path(place) / name)
            for name, made in (("linear", case), ("classical", classical(case)))
        }
    test = table.filter(pa.array(fold_of == fold))
    linear = {name: row_scores(run, test) for name, run in references.items()}
    nll = {"marginal": linear["linear"]["marginal"], **{name: found["nll"] for name, found in linear.items()}}
    mine = row_scores(ours, test)
    return {**nll, "ours": mine["nll"], "cover": mine["cover"], "seconds": seconds, "epoch": best}


def _linear(document: dict[str, Any], out: Path) -> Any:
    """The linear fit; where it runs out of numbers on its way to an infinite likelihood, at the best epoch before."""
    import disttrain
    from disttrain.errors import FitFailed

    try:
        return disttrain.fit(document, out=out)
    except FitFailed:
        return disttrain.load(out / "model")


def row_scores(run: Any, table: pa.Table) -> Scores:
    """Of each row (n,) its NLL under a run and under the run's marginal model, and whether the 90 % interval holds it: nan for classes."""
    from disttrain.evaluation.scoring import Forecast
    from disttrain.metrics import METRICS
    from disttrain.preparation.observations import observed_of

    seen = observed_of(run.model, table)
    forecast = Forecast(run.model.forecaster, run.model.parameters(table)).distribution()
    baseline = Forecast.of_baseline(run.model, seen).distribution()
    nll, coverage = METRICS["nll"].score, METRICS["coverage"]
    cover = coverage.score(forecast, seen.outcome, 0.9).numpy() if coverage.applies(forecast, seen.outcome) else np.full(len(seen), np.nan)
    return {"nll": nll(forecast, seen.outcome).numpy(), "marginal": nll(baseline, seen.outcome).numpy(), "cover": cover}


COLUMNS = (
    "set", "family", "rows", "folds", "marginal", "linear", "linear, shape constant", "ours", "ours − better linear ± SE", "",
    "ours − marginal ± SE", "90 % cover", "s / fold", "best epoch",
)  # fmt: skip


def line_of(name: str, whole: int, found: list[Scores]) -> str:
    """A line of the table; `whole` is how many rows the set has."""
    nll = {key: np.concatenate([one[key] for one in found]) for key in ("marginal", "linear", "classical", "ours")}
    cover = np.concatenate([one["cover"] for one in found])
    seconds, epoch = (np.mean([one[key] for one in found]) for key in ("seconds", "epoch"))
    better = min(nll["linear"], nll["classical"], key=np.mean)
    (gap, gap_error), (gain, gain_error) = paired(nll["ours"] - better), paired(nll["ours"] - nll["marginal"])
    rows = f"{len(cover):,}" + (f" of {whole:,}" if whole > len(cover) else "")
    cells = (
        name, family_of(CASES[name]), rows, str(len(found)), *(f"{values.mean():.4f}" for values in nll.values()),
        f"{gap:+.4f} ± {gap_error:.4f}", "!" if gap > gap_error else "", f"{gain:+.4f} ± {gain_error:.4f}",
        "" if np.isnan(cover).any() else f"{100 * cover.mean():.1f} %", f"{seconds:.1f}", f"{epoch:.0f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def paired(differences: Any) -> tuple[float, float]:
    """The mean of the rows' differences and its standard error."""
    return float(differences.mean()), float(differences.std(ddof=1) / len(differences) ** 0.5)


def measured(asked: argparse.Namespace, recipe: dict[str, Any], overrides: dict[str, Any]) -> Iterator[str]:
    """The lines of the table, each as soon as its folds are fitted."""
    tasks = {}
    for name in asked.sets:
        case, most = CASES[name], asked.rows or sys.maxsize
        rows = rows_of(case, most).num_rows
        folds = 10 if rows < SMALL else 5
        tasks[name] = [(case, most, fold, folds, recipe, overrides, asked.inner) for fold in range(folds)]
    with ProcessPoolExecutor(asked.jobs) as pool:
        waiting = {name: [pool.submit(scores, task) for task in some] for name, some in tasks.items()}
        for name, some in waiting.items():
            yield line_of(name, rows_of(CASES[name], sys.maxsize).num_rows, [one.result() for one in some])


def arguments() -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sets", nargs="*", default=list(CASES), metavar="SET", help=", ".join(CASES))
    parser.add_argument("--recipe", type=Path, default=ROOT / "configs" / "best.yaml")
    parser.add_argument("--members", type=int, help="the same as --set network.members=K")
    parser.add_argument("--rows", type=int, default=5_000, help="most rows of a set; 0: all")
    parser.add_argument("--inner", action="store_true", help="choose by this: the first fold is left out of everything")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--write", action="store_true", help="append the table to RESULTS.md")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if not SHARED.is_dir():
        sys.exit(f"the public sets lie beside the repository, in {SHARED}, and here they do not")
    if unknown := [name for name in asked.sets if name not in CASES]:
        sys.exit(f"{', '.join(unknown)}: not among {', '.join(CASES)}")
    asked.sets = inner_sets(asked.sets) if asked.inner else asked.sets
    asked.set += [] if asked.members is None else [f"network.members={asked.members}"]
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in asked.set)}
    lines = [f"| {' | '.join(COLUMNS)} |", "|--" * len(COLUMNS) + "|"]
    print("\n".join(lines), flush=True)
    for line in measured(asked, yaml.safe_load(asked.recipe.read_text()), overrides):
        lines.append(line)
        print(line, flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    title = f"### Public sets{', inner rows' if asked.inner else ''}, {asked.recipe.name}{' ' + ' '.join(asked.set) if asked.set else ''}"
    about = (
        f"{datetime.date.today()}, commit {commit}, {platform.processor() or platform.machine()}, {asked.jobs} processes of one thread. "
        "Held-out NLL in nats per row; `!`: worse than the better linear model by more than one standard error of the difference."
    )
    if asked.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n" + "\n".join([title, "", about, "", *lines, ""]))


if __name__ == "__main__":
    main()
