"""Ratios of speed, alternating in one run: training against a loop by hand, members against single fits, mixtures, predict, start-up.

    python -m tests.benchmarks.speed [--rounds N] [--rows N] [--write]

Reference work: an MLP 10-128-128-2 with a heteroscedastic normal head on synthetic data, one thread. Processor time where one process is
measured inside itself, wall time of whole processes. With `--write` the table goes into RESULTS.md, with date, commit and machine.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from disttrain.distributions import Mixture, Normal, equal_mixture
from disttrain.families import activation_for, build
from disttrain.metrics import crps
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, epochs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WIDTH, EPOCHS = 128, 5


def data(rows: int) -> tuple[Tensor, Tensor]:
    """Inputs (n, 10) and targets (n,) of the reference work, float32."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 10, generator=generator)
    mean = 2 * torch.sin(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 - x[:, 4] + 0.3 * x[:, 5]
    spread = nn.functional.softplus(-0.5 + 0.8 * x[:, 0] + 0.7 * torch.cos(2 * x[:, 1]) + 0.5 * x[:, 6] * x[:, 7]) + 0.05
    return x, mean + spread * torch.randn(rows, generator=generator)


def ours(x: Tensor, y: Tensor, batch: int, members: int = 1, device: str = "cpu", width: int = WIDTH, components: int = 1) -> float:
    """Row-epochs per second of our loop, with 15 % of the rows to stop by: of processor time on the CPU, of wall time elsewhere.

    The head is a normal, or a mixture of normals with more than one component.
    """
    family = build("normal", {}) if components == 1 else build("mixture", {"of": build("normal", {}), "components": components})
    outputs = tuple(Output(parameter, activation_for(parameter)) for parameter in family.parameters)
    generator = torch.Generator().manual_seed(1)
    network = Network(Layout(10, (), (width, width), "silu", members=members), outputs, generator)
    start = {"loc": torch.linspace(-2.0, 2.0, components), "scale": torch.full((components,), 0.5), "weights": torch.zeros(components)}
    network.start({o.parameter.name: start[o.parameter.name].reshape(o.raw_shape) for o in outputs}, generator, x)
    held = len(x) * 15 // 100
    rows = RowTensors(x, Outcome.exact(y.double()))
    plan = Plan(EPOCHS, batch, OptimizerPlan("adamw", 1e-3, 1e-4), patience=EPOCHS, gradient_clip=10.0)
    place, clock = torch.device(device), time.process_time if device == "cpu" else time.perf_counter
    network, rows, began = network.to(place), rows.to(place), clock()
    done = sum(1 for _ in epochs(network, family, rows[held:], rows[:held], plan))
    return done * (len(x) - held) / (clock() - began)


def by_hand(x: Tensor, y: Tensor, batch: int) -> float:
    """The same of a loop written by hand for this one task: tensors in memory, permuted once per epoch, one flat weight, fused Adam."""
    held = len(x) * 15 // 100
    shapes = ((10, WIDTH), (WIDTH,), (WIDTH, WIDTH), (WIDTH,), (WIDTH, 2), (2,))
    flat = 0.08 * torch.randn(sum(int(np.prod(shape)) for shape in shapes), generator=torch.Generator().manual_seed(1))
    weights, gradient, parts, first = nn.Parameter(flat), torch.zeros_like(flat), [], 0
    weights.grad = gradient
    for shape in shapes:
        last = first + int(np.prod(shape))
        part = nn.Parameter(torch.empty(0))
        part.data, part.grad = flat[first:last].view(shape), gradient[first:last].view(shape)
        parts.append(part)
        first = last
    descent = torch.optim.AdamW([weights], 1e-3, fused=True)

    def loss(rows: Tensor, target: Tensor) -> Tensor:
        hidden = nn.functional.silu(torch.addmm(parts[1], rows, parts[0]))
        raw = torch.addmm(parts[5], nn.functional.silu(torch.addmm(parts[3], hidden, parts[2])), parts[4])
        scale = nn.functional.softplus(raw[:, 1]) + 1e-6
        return (scale.log() + 0.5 * ((target - raw[:, 0]) / scale).square()).mean()

    began, train, target = time.process_time(), x[held:], y[held:]
    for _ in range(EPOCHS):
        order = torch.randperm(len(train))
        shuffled, targets = train[order], target[order]
        for start in range(0, len(train), batch):
            gradient.zero_()
            loss(shuffled[start : start + batch], targets[start : start + batch]).backward()  # type: ignore[no-untyped-call]
            descent.step()
        with torch.no_grad():
            float(loss(x[:held], y[:held]))
    return EPOCHS * len(train) / (time.process_time() - began)


def ratios(rounds: int, first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float, float]:
    """Median of the first, of the second, and of first / second, taken in turn."""
    pairs = [(first(), second()) for _ in range(rounds)]
    return tuple(statistics.median(column) for column in (*zip(*pairs, strict=True), [a / b for a, b in pairs]))  # type: ignore[return-value]


def mixture_lines(rounds: int, x: Tensor, y: Tensor) -> list[str]:
    """An epoch of a mixture of five normals against one of a normal head, on an MLP 10-64-64, and the CRPS of eight such mixtures."""
    lines = []
    for batch in (256, 1024):
        found = ratios(rounds, lambda b=batch: 1 / ours(x, y, b, width=64, components=5), lambda b=batch: 1 / ours(x, y, b, width=64))
        lines.append(f"| time of a mixture head of 5 against a normal head, batch {batch} | | | {found[2]:.2f} |")
    generator = torch.Generator().manual_seed(0)
    loc, raw = (torch.randn(30_000, 8, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    ensemble = equal_mixture(Mixture(Normal(loc, raw.exp()), torch.full_like(loc, 0.2)), 8)
    began = time.process_time()
    crps(ensemble, Outcome.exact(torch.zeros(30_000, dtype=torch.float64)))
    return [*lines, f"| CRPS of 8 mixtures of 5 normals, 30,000 rows, s | {time.process_time() - began:.2f} | | |"]


@contextmanager
def busy() -> Iterator[None]:
    """Another process keeps a core busy inside the block."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def busy_seconds(*command: str, cwd: Path) -> float:
    """Wall time of a whole process beside a busy one."""
    with busy():
        return seconds(*command, cwd=cwd)


def cuda_lines(rounds: int, x: Tensor, y: Tensor) -> list[str]:
    """A CUDA device against one thread of the CPU, where there is one."""
    if not torch.cuda.is_available():
        return []
    ours(x[:5_000], y[:5_000], 1024, device="cuda")
    lines = []
    for batch in (1024, 8192):
        found = ratios(rounds, lambda b=batch: ours(x, y, b, device="cuda"), lambda b=batch: ours(x, y, b))
        lines.append(f"| row-epochs/s, batch {batch}, CUDA device against CPU | {found[0]:,.0f} | {found[1]:,.0f} | {found[2]:.2f} |")
    return lines


def seconds(*command: str, cwd: Path) -> float:
    """Wall time of a whole process."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - began


def process_lines(rounds: int, rows: int) -> list[str]:
    """Start-up, a fit of 1,000 rows, and predict of `rows` rows against read, forward and write by hand, as whole processes."""
    program = (sys.executable, "-m", "disttrain")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        x, y = data(rows)
        columns = {f"x{place}": pa.array(x[:, place].numpy()) for place in range(10)} | {"y": pa.array(y.numpy())}
        table = pa.table(columns)
        pq.write_table(table, folder / "large.parquet")
        pq.write_table(table.slice(0, 1000), folder / "small.parquet")
        (folder / "c.yaml").write_text("distribution: normal\ndata: {train: small.parquet, target: y, features: '*'}\n")
        (folder / "hand.py").write_text(_BY_HAND)
        fit = [seconds(*program, "fit", "c.yaml", cwd=folder) for _ in range(rounds)]
        start = [seconds(*program, "--help", cwd=folder) - seconds(sys.executable, "-c", "pass", cwd=folder) for _ in range(rounds)]
        predict = (*program, "predict", "--data", "large.parquet", "-o", "p.parquet", "--overwrite", "--columns", "parameters")
        found = ratios(rounds, lambda: seconds(*predict, cwd=folder), lambda: seconds(sys.executable, "hand.py", cwd=folder))
        beside = ratios(rounds, lambda: busy_seconds(*predict, cwd=folder), lambda: seconds(*predict, cwd=folder))
    return [
        f"| `--help` over the interpreter, s | {statistics.median(start):.3f} | | |",
        f"| fit of 1,000 rows with defaults, whole process, s | {statistics.median(fit):.2f} | | |",
        f"| predict, {rows:,} rows x 10, whole process, s | {found[0]:.2f} | {found[1]:.2f} | {found[2]:.2f} |",
        f"| the same beside a busy process, against without one, s | {beside[0]:.2f} | {beside[1]:.2f} | {beside[2]:.2f} |",
    ]


_BY_HAND = """
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, torch
torch.set_grad_enabled(False)
net = torch.nn.Sequential(torch.nn.Linear(10, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 2))
writer = None
for batch in pq.ParquetFile("large.parquet").iter_batches(65536, columns=[f"x{i}" for i in range(10)]):
    raw = net(torch.from_numpy(np.stack([column.to_numpy() for column in batch.columns], 1)))
    made = pa.table({"loc": raw[:, 0].double().numpy(), "scale": torch.nn.functional.softplus(raw[:, 1]).double().numpy()})
    writer = writer or pq.ParquetWriter("hand.parquet", made.schema, compression="zstd")
    writer.write_table(made)
writer.close()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="append the table to RESULTS.md")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    x, y = data(50_000)
    ours(x[:5_000], y[:5_000], 256), by_hand(x[:5_000], y[:5_000], 256)
    lines = ["| what | ours | compared with | ratio |", "|--|--|--|--|"]
    for batch in (256, 1024):
        found = ratios(asked.rounds, lambda b=batch: ours(x, y, b), lambda b=batch: by_hand(x, y, b))
        lines.append(f"| row-epochs/s, batch {batch}, against a loop by hand | {found[0]:,.0f} | {found[1]:,.0f} | {found[2]:.2f} |")
    for batch in (64, 256):
        small = x[:10_000], y[:10_000]
        found = ratios(asked.rounds, lambda b=batch, s=small: 1 / ours(*s, b, 8), lambda b=batch, s=small: 8 / ours(*s, b))
        lines.append(f"| time of 8 members against 8 single fits, batch {batch} | | | {found[2]:.2f} |")
    lines += mixture_lines(asked.rounds, x[:10_000], y[:10_000])
    lines += cuda_lines(asked.rounds, x, y)
    lines += process_lines(asked.rounds, asked.rows)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    about = (
        f"{datetime.date.today()}, commit {commit}, {platform.processor() or platform.machine()}, medians of {asked.rounds} rounds in turn"
    )
    text = "\n".join(["### Speed", "", about, "", *lines, ""])
    print(text)
    if asked.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n" + text)


if __name__ == "__main__":
    main()
