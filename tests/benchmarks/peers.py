"""Time to a given test NLL against CatBoost, XGBoostLSS and NGBoost, on 100,000 rows of the reference work of speed.py, one thread on one core.

    python -m tests.benchmarks.peers [--peers PYTHON] [--ngboost] [--rows N] [--batch N] [--precision P] [--write]

`--peers` is the interpreter of an environment that has them (`pip install catboost ngboost`, and `torch` before `xgboostlss`); one that it
lacks is skipped with a word. NGBoost takes minutes and is only run when asked for. Each peer is fitted with its defaults (XGBoostLSS has
no number of rounds: 500, with a learning rate of 0.05) and scored on test rows. Ours is the shortest fit, a cosine schedule over 1, 2, …
epochs, whose NLL on as many other rows, not the test rows, is below the peer's; its test NLL stands beside it. Seconds are processor time:
of fitting, and of a whole `disttrain fit`, which loads itself, reads files, scores the other rows after every epoch, and writes its folder.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from torch import Tensor

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, epochs, mean_nll
from tests.benchmarks.speed import HERE, ROOT, WIDTH, data

PEERS = {"CatBoost": "catboost", "XGBoostLSS": "xgboostlss", "NGBoost": "ngboost"}
MOST_EPOCHS, RATE = 12, 1.6e-2
CONFIG: dict[str, Any] = {
    "recipe": "plain",
    "distribution": "normal",
    "data": {"train": "train.parquet", "validation": "validation.parquet", "target": "y", "features": "*"},
    "network": {"hidden": [WIDTH, WIDTH]},
    "training": {"optimizer": {"name": "adamw", "lr": RATE}, "schedule": {"name": "cosine", "warmup_epochs": 0}},
    "evaluation": {"metrics": ["nll"]},
    "predictions": {"columns": ["parameters"], "splits": []},
}


@dataclass(frozen=True)
class Fitted:
    """A fit of ours: over how many epochs, processor seconds of training, NLL on validation and on test rows."""

    epochs: int
    seconds: float
    validation: float
    test: float


def peer(interpreter: str, module: str, folder: Path, limit: float) -> dict[str, Any]:
    """Seconds and test NLL of a peer, or why there are none: {"word": ...}."""
    command = (interpreter, "-c", _FITS, module)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"word": f"not done after {limit:.0f} s"}
    if done.returncode:
        return {"word": (done.stderr.strip().splitlines() or ["failed"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


_FITS = """
import json, sys, time
import numpy as np
x, y, test_x, test_y = (np.load(name + ".npy") for name in ("train_x", "train_y", "test_x", "test_y"))

def catboost():
    from catboost import CatBoostRegressor
    model = CatBoostRegressor(loss_function="RMSEWithUncertainty", thread_count=1, verbose=False, allow_writing_files=False)
    return model.fit(x, y), lambda: (model.predict(test_x)[:, 0], np.sqrt(model.predict(test_x)[:, 1]))

def xgboostlss():
    import xgboost
    from xgboostlss.distributions.Gaussian import Gaussian
    from xgboostlss.model import XGBoostLSS
    model = XGBoostLSS(Gaussian(response_fn="exp"))
    rows = xgboost.DMatrix(x, label=y, nthread=1)
    def made():
        found = model.predict(xgboost.DMatrix(test_x, nthread=1), pred_type="parameters")
        return found["loc"].to_numpy(), found["scale"].to_numpy()
    return model.train({"eta": 0.05, "nthread": 1}, rows, num_boost_round=500), made

def ngboost():
    from ngboost import NGBRegressor
    model = NGBRegressor(verbose=False)
    def made():
        forecast = model.pred_dist(test_x)
        return forecast.params["loc"], forecast.params["scale"]
    return model.fit(x, y), made

fit = {"catboost": catboost, "xgboostlss": xgboostlss, "ngboost": ngboost}[sys.argv[1]]
try:
    __import__(sys.argv[1])
except ImportError as fault:
    print(json.dumps({"word": f"skipped: {fault}"}))
    sys.exit()
if sys.argv[1] == "xgboostlss":
    import torch, xgboostlss.model
    torch.set_num_threads(1)
began = time.process_time()
_, made = fit()
seconds = time.process_time() - began
loc, scale = made()
nll = np.mean(np.log(scale) + 0.5 * np.log(2 * np.pi) + 0.5 * ((test_y - loc) / scale) ** 2)
print(json.dumps({"seconds": seconds, "nll": float(nll)}))
"""


def ours(x: Tensor, y: Tensor, rows: int, number: int, asked: argparse.Namespace) -> Fitted:
    """Our fit of the first `rows` rows over `number` epochs, scored on the next and on the last `rows`; the scoring is not timed."""
    family = build("normal", {})
    outputs = tuple(Output(parameter, activation_for(parameter)) for parameter in family.parameters)
    generator = torch.Generator().manual_seed(1)
    shift, spread = y[:rows].double().mean(), y[:rows].double().std()
    train, held, test = (
        RowTensors(x[start : start + rows], Outcome.exact((y[start : start + rows].double() - shift) / spread))
        for start in (0, rows, 2 * rows)
    )
    began = time.process_time()
    network = Network(Layout(x.shape[1], (), (WIDTH, WIDTH), "silu"), outputs, generator, autocast=asked.precision == "bfloat16")
    network.start({"loc": torch.zeros(()), "scale": torch.tensor(0.5)}, generator, train.x)
    for _ in epochs(network, family, train, None, Plan(number, asked.batch, OptimizerPlan("adamw", RATE, 1e-4), gradient_clip=10.0)):
        pass
    seconds = time.process_time() - began
    return Fitted(number, seconds, *(mean_nll(network, family, some) + float(spread.log()) for some in (held, test)))


def processor_seconds() -> float:
    """What the processes that were started and have ended have used."""
    times = os.times()
    return times.children_user + times.children_system


def process(folder: Path, target: float, first: int, asked: argparse.Namespace) -> tuple[float, int, float]:
    """Processor seconds of a whole `disttrain fit` whose validation NLL is below `target`, its epochs (at least `first`), and its test NLL."""
    for number in range(first, MOST_EPOCHS + 1):
        training = {**CONFIG["training"], "epochs": number, "batch_size": asked.batch, "precision": asked.precision}
        (folder / "c.yaml").write_text(yaml.safe_dump({**CONFIG, "training": training}))
        began = processor_seconds()
        subprocess.run(
            (sys.executable, "-m", "disttrain", "fit", "c.yaml", "-o", "run", "--overwrite"), cwd=folder, check=True, capture_output=True
        )
        seconds = processor_seconds() - began
        if json.loads((folder / "run" / "run.json").read_text())["scores"]["validation"] < target:
            ask = (sys.executable, "-m", "disttrain", "evaluate", "run", "--data", "test.parquet", "--metric", "nll", "--json")
            answer = subprocess.run(ask, cwd=folder, check=True, capture_output=True, text=True).stdout
            return seconds, number, json.loads(answer)["metrics"]["nll"]["value"]
    return float("nan"), MOST_EPOCHS, float("nan")


def write_rows(folder: Path, x: Tensor, y: Tensor, rows: int) -> None:
    """The rows as files, for the peers and for `disttrain fit`."""
    for name, start in (("train", 0), ("validation", rows), ("test", 2 * rows)):
        some, target = x[start : start + rows].numpy(), y[start : start + rows].numpy()
        np.save(folder / f"{name}_x.npy", some)
        np.save(folder / f"{name}_y.npy", target)
        pq.write_table(
            pa.table({f"x{place}": some[:, place] for place in range(some.shape[1])} | {"y": target}), folder / f"{name}.parquet"
        )


def line_of(name: str, found: dict[str, Any], fits: list[Fitted], folder: Path, asked: argparse.Namespace) -> str:
    """A line of the table: the peer, then ours to its NLL."""
    if "word" in found:
        return f"| {name} | {found['word']} | | | | | | |"
    shown = f"| {name} | {found['seconds']:.2f} | {found['nll']:.3f}"
    there = next((fit for fit in fits if fit.validation < found["nll"]), None)
    if there is None:
        return f"{shown} | not within {MOST_EPOCHS} epochs | | | | |"
    whole, number, nll = process(folder, found["nll"], there.epochs, asked)
    return (
        f"{shown} | {there.seconds:.2f} ({there.epochs}) | {there.test:.3f} | 1/{found['seconds'] / there.seconds:.1f} "
        f"| {whole:.2f} ({number}), NLL {nll:.3f} | 1/{found['seconds'] / whole:.1f} |"
    )


def lines_of(asked: argparse.Namespace) -> list[str]:
    """The lines of the table, printed as they come."""
    lines = [
        "| peer | fit s | test NLL | ours to that NLL: training s (epochs) | test NLL then | ratio | whole `disttrain fit` s (epochs) | ratio |",
        "|--|--|--|--|--|--|--|--|",
    ]
    x, y = data(3 * asked.rows)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_rows(folder, x, y, asked.rows)
        wanted = {name: module for name, module in PEERS.items() if name != "NGBoost" or asked.ngboost}
        found = {name: peer(asked.peers, module, folder, asked.limit) for name, module in wanted.items()}
        goal = min((one["nll"] for one in found.values() if "nll" in one), default=-np.inf)
        # The first steps of a process load parts of torch.
        ours(x, y, 2_000, 1, asked)
        fits: list[Fitted] = []
        while goal > -np.inf and len(fits) < MOST_EPOCHS and (not fits or fits[-1].validation >= goal):
            fits.append(ours(x, y, asked.rows, len(fits) + 1, asked))
        for name in PEERS:
            lines.append(line_of(name, found.get(name, {"word": "not run"}), fits, folder, asked))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--ngboost", action="store_true", help="run NGBoost too, which takes minutes")
    parser.add_argument("--limit", type=float, default=1200, help="most seconds of one peer")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32", help="of our trunk")
    parser.add_argument("--write", action="store_true", help="append the table to RESULTS.md")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines = lines_of(asked)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    machine = platform.processor() or platform.machine()
    about = f"{datetime.date.today()}, commit {commit}, {machine}, {asked.rows:,} rows, batches of {asked.batch}, {asked.precision}"
    text = "\n".join(["### Time to a test NLL", "", about, "", *lines, ""])
    print(text)
    if asked.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n" + text)


if __name__ == "__main__":
    main()
