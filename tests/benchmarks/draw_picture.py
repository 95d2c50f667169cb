"""Draw the README's picture: fit configs/gaussian.yaml and show its 90 % interval over the data.

python -m tests.benchmarks.draw_picture .github/wave.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

import disttrain

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]


def draw(target: Path) -> None:
    """Write the picture to `target`."""
    with tempfile.TemporaryDirectory() as folder:
        run = disttrain.fit(ROOT / "configs" / "gaussian.yaml", out=Path(folder) / "run")
        data = pd.read_parquet(ROOT / "sample_data" / "wave.parquet")
        grid = pd.DataFrame({"x": np.linspace(data["x"].min(), data["x"].max(), 400)})
        predicted = run.predict(grid, quantiles=[0.05, 0.25, 0.5, 0.75, 0.95])
    figure, axes = plt.subplots(figsize=(8, 3.6), dpi=130, layout="constrained")
    axes.scatter(data["x"], data["y"], s=4, color="0.55", linewidths=0, label="2,000 rows")
    axes.fill_between(grid["x"], predicted["q05"], predicted["q95"], color="tab:blue", alpha=0.18, linewidth=0, label="90 % interval")
    axes.fill_between(grid["x"], predicted["q25"], predicted["q75"], color="tab:blue", alpha=0.30, linewidth=0, label="50 % interval")
    axes.plot(grid["x"], predicted["loc"], color="tab:blue", label="mean")
    axes.set(xlabel="x", ylabel="y", title="disttrain fit configs/gaussian.yaml")
    axes.legend(loc="upper left", frameon=False, ncols=2)
    figure.savefig(target)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
