"""Recovery: targets drawn from every family with a known truth in x are fitted by a small network; its test NLL beside the truth's.

`python -m tests.benchmarks.recovery [CASE ...]` prints one line per case: NLL of the truth and of the fit on the same test rows, the
difference in nats (the target is 0.02), and seconds. A case is a family or one of NESTED, whose raw outputs are linear in x; with `sine`
in front they follow a whole wave of the sine instead. Without a case it runs all of CASES, which takes some minutes.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from disttrain.families import FAMILIES, Family, activation_for, build
from disttrain.networks import Output, activated
from tests.small_runs import fitted, options_of, write_config

ROWS = 20_000
TARGET = 0.02
NESTED: dict[str, dict[str, Any]] = {
    "mixture of hurdle gammas": {"family": "mixture", "of": {"family": "hurdle", "of": "gamma"}, "components": 2},
    "zero-inflated negative binomial": {"family": "zero_inflated", "of": "negative_binomial"},
    "truncated normal": {"family": "truncated", "of": "normal", "lower": 0.0},
    "discretized gamma": {"family": "discretized", "of": "gamma"},
    "independent gammas": {"family": "independent", "of": "gamma"},
    "normal of low rank": {"family": "multivariate_normal", "rank": 2},
}
# How many targets a family of vectors has where it is not two.
TARGETS = {"normal of low rank": 4}
SINE = (
    "normal", "gamma", "student_t", "negative_binomial", "beta", "hurdle", "mixture", "multivariate_normal", "mixture of hurdle gammas",
    "zero-inflated negative binomial", "truncated normal", "discretized gamma", "independent gammas", "normal of low rank",
)  # fmt: skip
CASES = (*FAMILIES, *NESTED, *(f"sine {name}" for name in SINE))


def section_of(case: str) -> dict[str, Any]:
    """The `distribution` of a case's config."""
    name = case.removeprefix("sine ")
    return NESTED.get(name) or {"family": name, **options_of(name)}


def family_of(case: str, section: Mapping[str, Any]) -> Family:
    """The family of a case: of three classes."""
    return build(section["family"], {"classes": 3, "targets": TARGETS.get(case.removeprefix("sine "), 2), **section})


def truth(family: Family, wave: torch.Tensor) -> torch.distributions.Distribution:
    """The distribution of each row: every raw output is a constant plus a slope times the row's `wave`."""
    outputs = [Output(parameter, activation_for(parameter), fixed=parameter.given) for parameter in family.parameters]
    generator, raw = torch.Generator().manual_seed(1), {}
    for output in outputs:
        if output.size:
            start = 0.5 * torch.randn(output.raw_shape, generator=generator, dtype=torch.float64) + 0.5
            slope = 0.0 if output.parameter.constant else 0.5
            raw[output.parameter.name] = start + slope * wave.reshape(-1, *(1 for _ in output.raw_shape))
    return family.distribution(**activated(outputs, raw, len(wave)), validate_args=False)


def recovered(case: str, folder: Path) -> tuple[float, float, float]:
    """Test NLL of the truth and of the fit, nats per row, and the seconds it took."""
    section, sine = section_of(case), case.startswith("sine ")
    family = family_of(case, section)
    x = torch.from_numpy(np.random.default_rng(5).uniform(-1.0, 1.0, ROWS))
    torch.manual_seed(6)
    made = truth(family, torch.sin(math.pi * x) if sine else x)
    y = made.sample()
    numbers = y.reshape(ROWS, -1).double().numpy()
    labels = section["family"] in ("categorical", "ordinal")
    columns = {f"y{place}": column.astype(int) if labels else column for place, column in enumerate(numbers.T)}
    fold = np.arange(ROWS) % 4
    pq.write_table(pa.table({"x": x.numpy(), "fold": fold, **columns}), folder / "data.parquet")
    document = {
        "recipe": "plain",
        "distribution": section,
        "data": {
            "train": str(folder / "data.parquet"),
            "target": list(columns) if family.event else "y0",
            "features": ["x"],
            "test": {"column": "fold", "values": [0]},
        },
        "network": {"hidden": [32, 32] if sine else [16]},
        "training": {"epochs": 30, "batch_size": 256, "early_stopping": {"metric": "nll", "patience": 8}},
        "evaluation": {"metrics": ["nll"]},
        "predictions": {"columns": ["parameters"]},
    }
    started = time.perf_counter()
    run = fitted(write_config(folder / "case.yaml", document), folder / "run")
    own = -made.log_prob(y)[torch.from_numpy(fold == 0)].mean()
    return float(own), run.nll("test"), time.perf_counter() - started


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                own, found, seconds = recovered(case, Path(folder))
                sign = "" if found - own < TARGET else "   <-- above the target"
                print(f"{case:36} truth {own:9.4f}  fit {found:9.4f}  difference {found - own:8.4f}  {seconds:5.1f} s{sign}", flush=True)
            except Exception as fault:
                print(f"{case:36} {type(fault).__name__}: {str(fault)[:300]}", flush=True)
