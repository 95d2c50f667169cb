"""Public sets whose targets are counts, classes, shares, durations …: held-out NLL of a recipe, of a linear model, of the marginal baseline.

    python tests/benchmarks/public.py [SET ...] [--recipe FILE] [--members K] [--rows N] [--jobs N] [--set KEY=VALUE ...] [--write]

Each fold is fitted on the other folds' rows alone, of which the recipe holds some out to stop by; test rows are scored once, after the
fit, and choose nothing. The linear model has the same family, all its parameters linear in the inputs, fitted to convergence on all those
rows, and the baseline is the best model without features on them. The recipe is a config of which `network`, `training` and the share of
validation rows count. Sets of more than `--rows` rows are a random sample of so many. With `--write` the table goes into RESULTS.md
beside this file, with the date, the commit and the machine.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared" / "data"
SMALL = 200


@dataclass(frozen=True)
class Case:
    """A set: its file, the `distribution` of its target, and the roles of its columns; `*` are all that have none but the file's `fold`."""

    file: str
    distribution: Any
    target: Any
    features: Any = "*"
    exclude: tuple[str, ...] = ()
    roles: Mapping[str, Any] | None = None
    above_zero: bool = False


def categories(*names: str) -> list[dict[str, str]]:
    """Columns whose numbers are codes."""
    return [{"name": name, "type": "categorical"} for name in names]


def event(column: str) -> dict[str, Any]:
    """The roles of a duration that ended (1) or goes on (0)."""
    return {"censoring": {"event": column}}


POLICY = ["VehValue", "VehAge", "VehBody", "Gender", "DrivAge"]
HIRED = [*categories("season", "mnth", "hr", "weekday", "weathersit"), "yr", "holiday", "workingday", "temp", "atemp", "hum", "windspeed"]
FREQUENCY = {"family": "poisson", "parameters": {"rate": {"activation": "exp"}}}
ZEROS = {"family": "zero_inflated", "of": "negative_binomial"}
CASES = {
    "bike hires": Case("bike_sharing_hour.parquet", "negative_binomial", "cnt", HIRED),
    "doctor visits": Case("randhie.parquet", "negative_binomial", "mdvis"),
    "doctor visits, zeros": Case("randhie.parquet", ZEROS, "mdvis"),
    "claim counts": Case("au_vehicle_insurance.parquet", FREQUENCY, "ClaimNb", POLICY, roles={"exposure": "Exposure"}),
    "claim sizes": Case("au_vehicle_insurance.parquet", "gamma", "ClaimAmount", POLICY, above_zero=True),
    "rent": Case("munich_rent99.parquet", "gamma", "rent", exclude=("rentsqm", "district")),
    "abalone rings": Case("abalone.parquet", "gamma", "rings"),
    "auto mpg": Case("auto_mpg.parquet", "log_normal", "mpg", exclude=("name",)),
    "credit": Case("german_credit.parquet", "bernoulli", "bad", exclude=("foreign_worker", "personal_status")),
    "breast cancer": Case("breast_cancer_wdbc.parquet", "bernoulli", "malignant"),
    "iris": Case("iris.parquet", "categorical", "species"),
    "wine cultivars": Case("wine_cultivars.parquet", "categorical", "cultivar"),
    "party": Case("anes96.parquet", "ordinal", "PID", ["popul", "selfLR", "age", "educ", "income"]),
    "food share": Case("food_expenditure.csv", "beta", "share", ["income", "persons"]),
    "methylation": Case("methylation.csv", "beta", "methylation", ["gender", "age", "CpG"]),
    "stakes": Case("loss_aversion.parquet", "zero_one_inflated_beta", "invest"),
    "lake sediment": Case("arctic_lake.csv", "dirichlet", ["sand", "silt", "clay"], ["depth"]),
    "gbsg2": Case("gbsg2.parquet", "log_normal", "time", roles=event("cens")),
    "lung cancer": Case("lung_cancer.parquet", "weibull", "time", exclude=("inst",), roles=event("status")),
    "rearrest": Case("rossi_recidivism.parquet", "weibull", "week", roles=event("arrest")),
    "unemployment": Case(
        "unemployment_duration.parquet", "weibull", "spell", exclude=("censor2", "censor3", "censor4"), roles=event("censor1")
    ),
    "abdomen": Case("abdom.parquet", "student_t", "y"),
    "motorcycle": Case("mcycle.csv", "normal", "accel"),
    "food expenses": Case("engel.parquet", "normal", "foodexp"),
    "DAX returns": Case("eu_stock_returns.parquet", "student_t", "DAX", exclude=("SMI", "CAC", "FTSE")),
    "wind direction": Case(
        "marylebone_air.parquet", {"family": "von_mises", "unit": "degrees"}, "wd", ["ws", "nox", "no2", "o3", "pm10", "so2", "co", "hour"]
    ),
}
# All rows of the fold's training part, to convergence: nothing is held out, and nothing else is tuned.
LINEAR = {"network": {"hidden": []}, "training": {"epochs": 100, "optimizer": "lbfgs", "early_stopping": None}}

Scores = dict[str, Any]


def rows_of(case: Case, most: int) -> pa.Table:
    """The rows of a set, or a random sample of `most` of them."""
    path = SHARED / case.file
    table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    if case.above_zero:
        table = table.filter(pa.compute.greater(table[case.target], 0.0))
    chosen = np.random.default_rng(0).permutation(table.num_rows)[:most]
    return table.take(np.sort(chosen)).drop_columns([name for name in ("fold",) if name in table.column_names])


def document_of(case: Case, recipe: Mapping[str, Any], path: Path, validation: float | None) -> dict[str, Any]:
    """The config of one fold: `path` has its rows, with a column `part`."""
    data = {
        "train": str(path), "target": case.target, "features": case.features, "test": {"column": "part", "values": ["test"]},
        "exclude": list(case.exclude), "validation": validation, **(case.roles or {}),
    }  # fmt: skip
    kept = {key: recipe[key] for key in ("network", "training") if key in recipe}
    written = {"evaluation": {"metrics": ["nll"]}, "predictions": {"columns": ["parameters"], "splits": []}}
    return {"name": "public", "distribution": case.distribution, "data": data, **kept, **written}


def scores(task: tuple[Case, int, int, int, dict[str, Any], dict[str, Any]]) -> Scores:
    """The NLL of each test row of one fold under each model, whether our 90 % interval holds it, seconds of our fit, and its best epoch."""
    case, most, fold, folds, recipe, overrides = task
    import torch

    import disttrain

    torch.set_num_threads(1)
    table = rows_of(case, most)
    fold_of = np.random.default_rng(1).permutation(table.num_rows) % folds
    table = table.append_column("part", pa.array(np.where(fold_of == fold, "test", "train")))
    share = recipe.get("data", {}).get("validation", 0.15)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows.parquet"
        pq.write_table(table, path)
        document = document_of(case, recipe, path, share if isinstance(share, float) else 0.15)
        began = time.perf_counter()
        ours = disttrain.fit(document, set={"training.seed": fold, **overrides}, out=Path(place) / "ours")
        seconds = time.perf_counter() - began
        linear = disttrain.fit(document_of(case, LINEAR, path, None), out=Path(place) / "linear")
        best = yaml.safe_load((ours.path / "run.json").read_text())["best_epoch"]
    test = table.filter(pa.array(fold_of == fold))
    mine, theirs = row_scores(ours, test), row_scores(linear, test)
    return {**theirs, "linear": theirs["nll"], "ours": mine["nll"], "cover": mine["cover"], "seconds": seconds, "epoch": best}


def row_scores(run: Any, table: pa.Table) -> Scores:
    """Of each row (n,) its NLL under a run and under the run's marginal model, and whether the 90 % interval holds it: nan for classes."""
    from disttrain.data import Origin
    from disttrain.metrics import METRICS
    from disttrain.workflows.observing import observed_of
    from disttrain.workflows.scoring import Forecast

    seen = observed_of(run.model, table, Origin())
    forecast = Forecast(run.model.forecaster, run.model.parameters(table, Origin())).distribution()
    baseline = Forecast.of_baseline(run.model, seen).distribution()
    nll, coverage = METRICS["nll"].score, METRICS["coverage"]
    cover = coverage.score(forecast, seen.outcome, 0.9).numpy() if coverage.applies(forecast, seen.outcome) else np.full(len(seen), np.nan)
    return {"nll": nll(forecast, seen.outcome).numpy(), "marginal": nll(baseline, seen.outcome).numpy(), "cover": cover}


HEADER = (
    "| set | family | rows | folds | marginal | linear | ours | ours − linear ± SE | | ours − marginal ± SE | 90 % cover | s / fold | best epoch |\n"
    "|--|--|--|--|--|--|--|--|--|--|--|--|--|"
)


def line_of(name: str, whole: int, found: list[Scores]) -> str:
    """A line of the table; `whole` is how many rows the set has."""
    ours, linear, marginal, cover = (np.concatenate([one[key] for one in found]) for key in ("ours", "linear", "marginal", "cover"))
    seconds, epoch = (np.mean([one[key] for one in found]) for key in ("seconds", "epoch"))
    gap, gap_error = paired(ours - linear)
    gain, gain_error = paired(ours - marginal)
    rows = f"{len(ours):,}" + (f" of {whole:,}" if whole > len(ours) else "")
    covered = "" if np.isnan(cover).any() else f"{100 * cover.mean():.1f} %"
    return (
        f"| {name} | {family_of(CASES[name])} | {rows} | {len(found)} | {marginal.mean():.4f} | {linear.mean():.4f} | {ours.mean():.4f} "
        f"| {gap:+.4f} ± {gap_error:.4f} | {'!' if gap > gap_error else ''} | {gain:+.4f} ± {gain_error:.4f} | {covered} | {seconds:.1f} | {epoch:.0f} |"
    )


def paired(differences: Any) -> tuple[float, float]:
    """The mean of the rows' differences and its standard error."""
    return float(differences.mean()), float(differences.std(ddof=1) / len(differences) ** 0.5)


def family_of(case: Case) -> str:
    """The family in words."""
    section = case.distribution
    return section if isinstance(section, str) else f"{section['family']}{' ' + section['of'] if 'of' in section else ''}"


def measured(asked: argparse.Namespace, recipe: dict[str, Any], overrides: dict[str, Any]) -> Iterator[str]:
    """The lines of the table, each as soon as its folds are fitted."""
    tasks = {}
    for name in asked.sets:
        case, most = CASES[name], asked.rows or sys.maxsize
        rows = rows_of(case, most).num_rows
        folds = 10 if rows < SMALL else 5
        tasks[name] = [(case, most, fold, folds, recipe, overrides) for fold in range(folds)]
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
    asked.set += [] if asked.members is None else [f"network.members={asked.members}"]
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in asked.set)}
    lines = []
    print(HEADER)
    for line in measured(asked, yaml.safe_load(asked.recipe.read_text()), overrides):
        lines.append(line)
        print(line, flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    title = f"### Public sets, {asked.recipe.name}{' ' + ' '.join(asked.set) if asked.set else ''}"
    about = (
        f"{datetime.date.today()}, commit {commit}, {platform.processor() or platform.machine()}, {asked.jobs} processes of one thread. "
        "Held-out NLL in nats per row; `!`: worse than the linear model by more than one standard error of the difference."
    )
    if asked.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n" + "\n".join([title, "", about, "", HEADER, *lines, ""]))


if __name__ == "__main__":
    main()
