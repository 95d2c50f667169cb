"""The 20-split protocol of Hernández-Lobato & Adams (2015) on UCI sets: test NLL, CRPS and RMSE in the target's units, seconds per split.

    python -m tests.benchmarks.uci [SET ...] [--recipe FILE] [--head YAML] [--splits A:B] [--inner] [--jobs N] [--set KEY=VALUE ...] [--write]

Each split is fitted on its training rows alone, of which the recipe holds some out to stop by; test rows are scored once, after the fit,
and choose nothing: recipes are compared with `--inner`, which never sees them, on the sets that choose (halves.py). The recipe is a config
of which `distribution`, `network`, `training` and how `data` holds rows out and scales them count. With `--write` the table goes into
RESULTS.md beside this file, with the date, the commit and the machine.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.benchmarks.halves import inner_sets

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared" / "data"
TARGETS = {"concrete": "strength", "energy": "heating_load", "yacht": "residuary_resistance", "wine_red": "quality"}
NOT_FEATURES = {"energy": ["cooling_load"]}
# Mean test NLL as their authors give it, on the same splits.
PUBLISHED = {
    "linear mean and log scale": (3.61, 2.24, 1.81, 0.98),
    "MC dropout": (2.93, 1.21, 1.25, 0.93),
    "Deep Ensembles": (3.06, 1.38, 1.18, 0.94),
    "NGBoost": (3.04, 0.60, 0.20, 0.91),
    "Evidential regression": (3.01, 1.39, 1.03, 0.89),
    "WGBoost": (2.83, 0.53, 0.16, 0.95),
    "XGBoost, Gaussian": (2.88, 0.26, 1.04, 0.84),
    "TabResFlow": (2.89, 0.64, 0.56, None),
    "TabPFN v2": (2.21, 0.15, -0.73, None),
}
METRICS = ["nll", "crps", "coverage", "pit", "rmse"]


def split_file(name: str, split: int, folder: Path, inner: bool) -> Path:
    """The rows of a set with a column `part`: train or test in this split; `inner`, a tenth of its training rows stands for the test rows."""
    table = pq.read_table(SHARED / f"uci_{name}.parquet")
    splits = pq.read_table(SHARED / f"uci_{name}_splits.parquet").to_pandas()
    chosen = splits[splits["split"] == split]
    part = np.full(table.num_rows, "unused", dtype=object)
    test = chosen["is_test"].to_numpy()
    part[chosen["row"]] = np.where(test, "unused" if inner else "test", "train")
    if inner:
        train = chosen["row"].to_numpy()[~test]
        judges = np.random.default_rng(1_000 + split).permutation(train)[: round(0.1 * len(train))]
        part[judges] = "test"
    path = folder / f"{name}_{split}.parquet"
    pq.write_table(table.append_column("part", pa.array(part)), path)
    return path


def document_of(recipe: dict[str, Any], name: str, path: Path, split: int, folder: Path) -> dict[str, Any]:
    """The config of one split."""
    data = {
        "train": str(path), "target": TARGETS[name], "features": "*", "exclude": NOT_FEATURES.get(name, []),
        "test": {"column": "part", "values": ["test"]}, "filter": "part != 'unused'",
        **{key: recipe["data"][key] for key in ("validation", "split", "scaling") if key in recipe.get("data", {})},
    }  # fmt: skip
    training = {**recipe.get("training", {}), "seed": split}
    evaluation = {"metrics": METRICS, "levels": [0.9]}
    kept = {key: recipe[key] for key in ("recipe", "distribution", "network") if key in recipe}
    document = {**kept, "name": name, "data": data, "training": training, "evaluation": evaluation}
    return {**document, "predictions": {"columns": ["parameters"], "splits": []}, "output": {"folder": str(folder / "runs")}}


def scores(task: tuple[dict[str, Any], str, int, tuple[str, ...], bool]) -> dict[str, float]:
    """The scores of the test rows of one split, seconds and epochs of its fit."""
    recipe, name, split, overrides, inner = task
    import torch

    import disttrain

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        document = document_of(recipe, name, split_file(name, split, folder, inner), split, folder)
        began = time.perf_counter()
        run = disttrain.fit(document, set=_parsed(overrides), out=folder / "run")
        seconds = time.perf_counter() - began
        found = json.loads((run.path / "metrics.json").read_text())
        record = json.loads((run.path / "run.json").read_text())
    test = {metric: found["test"]["metrics"][metric]["value"] for metric in METRICS}
    return {**test, "seconds": seconds, "epochs": record["epochs"]}


def _parsed(overrides: tuple[str, ...]) -> dict[str, Any]:
    return {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in overrides)}


def table_of(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """The means over splits with their standard errors, one line for each set."""
    lines = [
        "| set | splits | test NLL ± SE | CRPS | RMSE | 90 % cover | PIT error | s / split | epochs |",
        "|--|--|--|--|--|--|--|--|--|",
    ]
    for name, rows in found.items():
        mean = {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}
        error = statistics.stdev(row["nll"] for row in rows) / len(rows) ** 0.5 if len(rows) > 1 else float("nan")
        lines.append(
            f"| {name} | {len(rows)} | {mean['nll']:.3f} ± {error:.3f} | {mean['crps']:.3f} | {mean['rmse']:.3f} | {100 * mean['coverage']:.1f} % "
            f"| {mean['pit']:.3f} | {mean['seconds']:.1f} | {mean['epochs']:.0f} |"
        )
    return lines


def published() -> list[str]:
    """Test NLL of other methods on the same splits, as published."""
    shown = [
        f"| {name} | " + " | ".join("" if value is None else f"{value:.2f}" for value in row) + " |" for name, row in PUBLISHED.items()
    ]
    return [f"| published | {' | '.join(TARGETS)} |", "|--|--|--|--|--|", *shown]


def arguments() -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sets", nargs="*", default=list(TARGETS))
    parser.add_argument("--recipe", type=Path, default=ROOT / "configs" / "best.yaml")
    parser.add_argument("--head", type=yaml.safe_load, help="the distribution, in the place of the recipe's: normal, or a mapping")
    parser.add_argument("--splits", default="0:20", help="first and one past last")
    parser.add_argument(
        "--inner", action="store_true", help="choose by this: test rows are left out, a tenth of the training rows is scored"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--write", action="store_true", help="append the table to RESULTS.md")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if not SHARED.is_dir():
        sys.exit(f"the UCI sets lie beside the repository, in {SHARED}, and here they do not")
    recipe = yaml.safe_load(asked.recipe.read_text())
    recipe |= {} if asked.head is None else {"distribution": asked.head}
    asked.sets = inner_sets(asked.sets) if asked.inner else asked.sets
    first, last = map(int, asked.splits.split(":"))
    found: dict[str, list[dict[str, float]]] = {}
    with ProcessPoolExecutor(asked.jobs) as pool:
        for name in asked.sets:
            tasks = [(recipe, name, split, tuple(asked.set), asked.inner) for split in range(first, last)]
            found[name] = list(pool.map(scores, tasks))
            print(table_of({name: found[name]})[-1], flush=True)
    head = json.dumps(recipe.get("distribution"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    title = (
        f"### UCI{', inner rows' if asked.inner else ''}, {asked.recipe.name}, head {head}{' ' + ' '.join(asked.set) if asked.set else ''}"
    )
    about = f"{datetime.date.today()}, commit {commit}, {platform.processor() or platform.machine()}, {asked.jobs} processes of one thread"
    lines = [title, "", about, "", *table_of(found), "", *published(), ""]
    print("\n".join(lines))
    if asked.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
