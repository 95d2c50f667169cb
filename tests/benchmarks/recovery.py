"""Recovery: targets drawn from every family with a known truth linear in x are fitted by a small network; its test NLL beside the truth's.

`python tests/benchmarks/recovery.py [FAMILY ...]` prints one line per family: NLL of the truth and of the fit on the same test rows, the
difference in nats (the target is 0.02), and seconds. It takes some minutes for all.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from small_runs import fitted, options_of, target_of, write_config

from disttrain.families import FAMILIES, activation_for, build
from disttrain.networks import Output, activated

ROWS = 20_000
TARGET = 0.02


def truth(name: str, x: torch.Tensor) -> torch.distributions.Distribution:
    """The distribution of each row: every raw output is a constant plus a slope times x."""
    family = build(name, {"classes": 3, "targets": 2, **options_of(name)})
    outputs = [Output(parameter, activation_for(parameter), fixed=parameter.given) for parameter in family.parameters]
    generator, raw = torch.Generator().manual_seed(1), {}
    for output in outputs:
        if output.size:
            start = 0.5 * torch.randn(output.raw_shape, generator=generator, dtype=torch.float64) + 0.5
            slope = 0.0 if output.parameter.constant else 0.5
            raw[output.parameter.name] = start + slope * x.reshape(-1, *(1 for _ in output.raw_shape))
    return family.distribution(**activated(outputs, raw, len(x)), validate_args=False)


def recovered(name: str, folder: Path) -> tuple[float, float, float]:
    """Test NLL of the truth and of the fit, nats per row, and the seconds it took."""
    x = torch.from_numpy(np.random.default_rng(5).uniform(-1.0, 1.0, ROWS))
    torch.manual_seed(6)
    made = truth(name, x)
    y = made.sample()
    columns = [target_of(name)] if isinstance(target_of(name), str) else target_of(name)
    numbers = y.reshape(ROWS, -1).double().numpy()
    labels = name in ("categorical", "ordinal")
    table = {column: numbers[:, place].astype(int) if labels else numbers[:, place] for place, column in enumerate(columns)}
    fold = np.arange(ROWS) % 4
    pq.write_table(pa.table({"x": x.numpy(), "fold": fold, **table}), folder / f"{name}.parquet")
    document = {
        "distribution": {"family": name, **options_of(name)},
        "data": {
            "train": str(folder / f"{name}.parquet"),
            "target": target_of(name),
            "features": ["x"],
            "test": {"column": "fold", "values": [0]},
        },
        "network": {"hidden": [16]},
        "training": {"epochs": 30, "batch_size": 256, "early_stopping": {"metric": "nll", "patience": 8}},
        "evaluation": {"metrics": ["nll"]},
        "predictions": {"columns": ["parameters"]},
    }
    started = time.perf_counter()
    run = fitted(write_config(folder / f"{name}.yaml", document), folder / name)
    own = -made.log_prob(y)[torch.from_numpy(fold == 0)].mean()
    return float(own), run.nll("test"), time.perf_counter() - started


if __name__ == "__main__":
    for family in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                own, found, seconds = recovered(family, Path(folder))
                sign = "" if found - own < TARGET else "   <-- above the target"
                print(f"{family:28} truth {own:9.4f}  fit {found:9.4f}  difference {found - own:8.4f}  {seconds:5.1f} s{sign}", flush=True)
            except Exception as fault:
                print(f"{family:28} {type(fault).__name__}: {str(fault)[:120]}", flush=True)
