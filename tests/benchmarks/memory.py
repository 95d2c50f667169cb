"""Peak memory and time of whole commands on large files: fit on 1 million rows x 11 columns, predict on 1 and on N million rows.

    python -m tests.benchmarks.memory [N]

Makes its data in a temporary folder (about 90 MB per million rows) and prints a line per command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCRIPT = Path(__file__).resolve()
CONFIG = """
recipe: plain
distribution: normal
data: {train: m1.parquet, target: y, features: "*"}
network: {hidden: [128, 128]}
training: {epochs: 1, batch_size: 1024}
"""


def table(seed: int, rows: int = 1_000_000) -> pa.Table:
    """A heteroscedastic normal target of ten features."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 10))
    mean = 2 * np.sin(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 - x[:, 4] + 0.3 * x[:, 5]
    scale = np.logaddexp(0, -0.5 + 0.8 * x[:, 0] + 0.7 * np.cos(2 * x[:, 1]) + 0.5 * x[:, 6] * x[:, 7]) + 0.05
    return pa.table({**{f"x{i}": x[:, i] for i in range(10)}, "y": mean + scale * generator.normal(size=rows)})


def write(path: Path, millions: int) -> None:
    """Write a file of so many million rows, a million to a row group."""
    with pq.ParquetWriter(path, table(0, 1).schema, compression="zstd") as writer:
        for seed in range(millions):
            writer.write_table(table(seed))


def measure(*arguments: str) -> None:
    """Run a command and print its wall time and its own peak memory."""
    began = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, "-m", "disttrain", *arguments, "--quiet"], os.environ)
    _, status, usage = os.wait4(child, 0)
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(f"{' '.join(arguments):<60} {time.perf_counter() - began:6.1f} s  {peak:6.0f} MiB  exit {os.waitstatus_to_exitcode(status)}")


def main(most: int) -> None:
    """Make the data, run the commands, print what they took."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("big.yaml").write_text(CONFIG)
        for name, millions in (("m1.parquet", 1), ("many.parquet", most)):
            # In a process of its own: a child starts with the peak of whoever starts it.
            subprocess.run([sys.executable, str(SCRIPT), "--make", name, str(millions)], check=True)
        measure("fit", "big.yaml")
        measure("predict", "--data", "m1.parquet", "-o", "p1.parquet", "--columns", "parameters")
        measure("predict", "--data", "many.parquet", "-o", "p.parquet", "--columns", "parameters")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
