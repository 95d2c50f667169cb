"""The public sets of public.py: which file, which family suits the target, and what its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq

SHARED = Path(__file__).parents[3] / "shared" / "data"


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
# What a classical regression keeps constant over rows: one linear predictor, or one for each class or share.
CONSTANT = {
    "negative_binomial": ("concentration",), "zero_inflated": ("concentration", "gate"), "gamma": ("concentration",), "log_normal": ("scale",),
    "zero_one_inflated_beta": ("precision", "zero", "one"), "weibull": ("concentration",), "student_t": ("df", "scale"), "normal": ("scale",),
    "von_mises": ("concentration",),
}  # fmt: skip


def classical(case: Case) -> Case:
    """The same set with the parameters constant that a classical regression keeps constant."""
    section = case.distribution if isinstance(case.distribution, dict) else {"family": case.distribution}
    kept = {name: {"features": []} for name in CONSTANT.get(section["family"], ())}
    return replace(case, distribution={**section, "parameters": {**section.get("parameters", {}), **kept}})


def rows_of(case: Case, most: int) -> pa.Table:
    """The rows of a set, or a random sample of `most` of them."""
    path = SHARED / case.file
    table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    if case.above_zero:
        table = table.filter(pa.compute.greater(table[case.target], 0.0))
    chosen = np.random.default_rng(0).permutation(table.num_rows)[:most]
    return table.take(np.sort(chosen)).drop_columns([name for name in ("fold",) if name in table.column_names])


def family_of(case: Case) -> str:
    """The family in words."""
    section = case.distribution
    return section if isinstance(section, str) else f"{section['family']}{' ' + section['of'] if 'of' in section else ''}"
