"""The synthetic data sets: each is drawn from a distribution whose parameters are known functions of the features.

Run `python make_samples.py [FOLDER]`; the tables are written beside this file unless a folder is given. Columns named
`true_*` hold the parameters each row was drawn from, under the family's own parameter names, so that the entropy of the truth,
the smallest NLL any model can reach, can be computed. They are never features. `fold` (0-9) splits the rows. The last five were not
seen exactly, or come with a number that is known of each row: `policies` an exposure, `losses` a deductible below which nothing is seen
and, of some, a limit above which nothing more is, `rounded` a step, `trials` a number of trials, `survey` the persons a row stands for.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 20240229
REGIONS = np.array(["north", "east", "south", "west", "capital"])
VARIETIES = ("amber", "bronze", "copper")


def wave_truth(x):
    """Normal: the mean is a tilted sine, the standard deviation grows from 0.1 to 0.7 with x."""
    return {"loc": 2 * np.sin(1.5 * x) + 0.3 * x, "scale": 0.1 + 0.6 / (1 + np.exp(-1.5 * x))}


def claims_truth(age, power, region, month, telematics):
    """Gamma: the mean is log-additive with a season, telematics makes amounts less dispersed; age NaN acts like 45, no region like 0."""
    age = np.where(np.isnan(age), 45, age)
    effect = np.select([region == name for name in REGIONS], [0.0, 0.1, -0.2, 0.15, 0.4], default=0.0)
    mean = np.exp(6.4 + 0.5 * np.exp(-(age - 18) / 8) + 0.06 * power + effect + 0.2 * np.cos(2 * np.pi * month / 12))
    concentration = 1.4 + 0.05 * power + 1.2 * telematics
    return {"concentration": concentration, "rate": concentration / mean}


def returns_truth(volatility, spread):
    """Student t: 4 degrees of freedom, the scale follows yesterday's volatility index, the location a term spread."""
    return {"df": np.full(len(volatility), 4.0), "loc": 0.05 + 0.1 * spread, "scale": 0.2 + 0.8 * volatility}


def visits_truth(age, chronic, insured):
    """Negative binomial with variance mean + mean^2 / concentration: visits rise with age, illness and insurance."""
    return {"mean": np.exp(-0.4 + 0.012 * age + 0.45 * chronic + 0.5 * insured), "concentration": 0.8 + 0.6 * chronic}


def admissions_truth(score, experience):
    """Bernoulli: the score matters more for those with experience."""
    return {"probs": 1 / (1 + np.exp(0.5 - score - 0.4 * score * experience))}


def grains_truth(length, width):
    """Categorical: softmax of one linear and two curved scores, in the order of VARIETIES."""
    scores = np.stack([1.5 * length, 0.5 - width**2, 0.8 * width - 0.6 * length**2], axis=1)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return {f"probs_{name}": p for name, p in zip(VARIETIES, (weights / weights.sum(axis=1, keepdims=True)).T, strict=True)}


def policies_truth(age, urban, power, years):
    """Poisson: claims of `years` under cover, whose frequency per year falls with age and is higher in towns and for strong engines."""
    return {"rate": years * np.exp(-2.6 + 1.4 * np.exp(-(age - 18) / 12) + 0.6 * urban + 0.08 * power)}


def losses_truth(area, wooden):
    """Log-normal: damage rises with the area of a building, and that to wooden ones is larger and more dispersed."""
    return {"loc": 5.0 + 0.5 * np.log(area) + 0.4 * wooden, "scale": 0.9 + 0.3 * wooden}


def rounded_truth(hour, cloud):
    """Normal: a temperature with a daily wave, which clouds flatten; clear hours scatter more. The thermometer shows whole degrees."""
    return {"loc": 14 + 6 * (1 - 0.6 * cloud) * np.sin(2 * np.pi * (hour - 9) / 24), "scale": 0.3 + 0.5 * (1 - cloud)}


def trials_truth(temperature, treated):
    """Binomial: the share of seeds that germinate is highest at 21 degrees, and treatment helps where it is cold."""
    return {"probs": 1 / (1 + np.exp(-1.5 + ((temperature - 21) / 5) ** 2 - treated * (temperature < 18)))}


def survey_truth(age, town):
    """Gamma by its mean: spending is higher in towns, where it rises with age; elsewhere it falls."""
    return {"mean": np.exp(3.0 + 0.3 * town + (1.0 * town - 0.6) * (age - 45) / 30), "concentration": np.where(town, 3.0, 2.0)}


def stored(truth):
    """Eight significant digits: drawn from as stored, and the same on processors whose `exp` differs in the last bit."""
    return {name: np.array([float(f"{value:.8g}") for value in values]) for name, values in truth.items()}


def table(features, target, truth, fold):
    return pa.table({**features, **target, **{f"true_{name}": values for name, values in truth.items()}, "fold": fold.astype(np.int8)})


def wave(rng, n=2000):
    x = rng.uniform(-3, 3, n).round(4)
    truth = stored(wave_truth(x))
    return table({"x": x}, {"y": rng.normal(truth["loc"], truth["scale"]).round(6)}, truth, np.arange(n) % 10)


def claims(rng, n=4000):
    age = np.where(rng.random(n) < 0.04, np.nan, rng.integers(18, 86, n))
    power, telematics = rng.integers(4, 16, n), rng.random(n) < 0.3
    region = np.where(rng.random(n) < 0.02, None, REGIONS[rng.choice(5, n, p=[0.25, 0.2, 0.2, 0.2, 0.15])])
    start = np.datetime64("2021-01-01T00", "h") + rng.integers(0, 3 * 365 * 24, n)
    month = start.astype("datetime64[M]").astype(int) % 12
    truth = stored(claims_truth(age, power, region, month, telematics))
    amount = rng.gamma(truth["concentration"], 1 / truth["rate"]).round(2)
    features = {"policy_id": np.arange(100_001, 100_001 + n), "driver_age": pa.array(age, mask=np.isnan(age)), "vehicle_power": power}
    features |= {"region": pa.array(region, pa.string()), "policy_start": start.astype("datetime64[ms]"), "telematics": telematics}
    return table(features, {"claim_amount": amount}, truth, np.arange(n) % 10)


def returns(rng, n=3000):
    shocks, log_volatility = rng.normal(0, 0.15, n), np.zeros(n)
    for day in range(1, n):
        log_volatility[day] = 0.95 * log_volatility[day - 1] + shocks[day]
    volatility, spread = np.exp(log_volatility).round(4), rng.normal(0, 1, n).round(4)
    date = np.busday_offset("2012-01-02", np.arange(n)).astype("datetime64[ms]")
    truth = stored(returns_truth(volatility, spread))
    value = (truth["loc"] + truth["scale"] * rng.standard_t(truth["df"])).round(6)
    return table({"date": date, "volatility": volatility, "spread": spread}, {"return": value}, truth, np.arange(n) * 10 // n)


def visits(rng, n=3000):
    age, chronic, insured = rng.integers(18, 91, n), rng.binomial(3, 0.25, n), rng.random(n) < 0.7
    truth = stored(visits_truth(age, chronic, insured))
    count = rng.poisson(rng.gamma(truth["concentration"], truth["mean"] / truth["concentration"]))
    return table({"age": age, "chronic": chronic, "insured": insured}, {"visits": count}, truth, np.arange(n) % 10)


def admissions(rng, n=2000):
    score, experience = rng.normal(0, 1.2, n).round(3), rng.integers(0, 6, n)
    truth = stored(admissions_truth(score, experience))
    return table({"score": score, "experience": experience}, {"admitted": rng.random(n) < truth["probs"]}, truth, np.arange(n) % 10)


def grains(rng, n=1500):
    length, width = rng.normal(0, 1.2, n).round(3), rng.normal(0, 1.2, n).round(3)
    truth = stored(grains_truth(length, width))
    code = (rng.random(n)[:, None] > np.cumsum(np.stack(list(truth.values()), axis=1), axis=1)[:, :2]).sum(axis=1)
    one_hot = {name: (code == k).astype(np.int8) for k, name in enumerate(VARIETIES)}
    return table({"length": length, "width": width}, {"variety": np.array(VARIETIES)[code], **one_hot}, truth, np.arange(n) % 10)


def policies(rng, n=4000):
    age, urban, power = rng.integers(18, 86, n), rng.random(n) < 0.4, rng.integers(4, 16, n)
    years = np.where(rng.random(n) < 0.5, 1.0, rng.uniform(0.02, 1, n).round(3))
    truth = stored(policies_truth(age, urban, power, years))
    return table(
        {"age": age, "urban": urban, "power": power, "years": years}, {"claims": rng.poisson(truth["rate"])}, truth, np.arange(n) % 10
    )


def losses(rng, n=3000):
    # Every damage there was; the file has the first `n` above their deductible.
    area, wooden = rng.uniform(40, 400, 2 * n).round(), rng.random(2 * n) < 0.35
    deductible, limit = rng.choice([250.0, 500.0, 1000.0], 2 * n), rng.choice([5000.0, 20000.0, np.nan], 2 * n)
    truth = stored(losses_truth(area, wooden))
    damage = np.exp(truth["loc"] + truth["scale"] * rng.normal(size=2 * n)).round(2)
    seen = np.flatnonzero(damage > deductible)[:n]
    features = {"area": area[seen], "wooden": wooden[seen], "deductible": deductible[seen]}
    features["limit"] = pa.array(limit[seen], from_pandas=True)
    truth = {name: values[seen] for name, values in truth.items()}
    return table(features, {"loss": np.fmin(damage, limit)[seen]}, truth, np.arange(n) % 10)


def rounded(rng, n=2000):
    hour, cloud = rng.integers(0, 24, n), rng.random(n).round(2)
    truth = stored(rounded_truth(hour, cloud))
    return table({"hour": hour, "cloud": cloud}, {"reading": rng.normal(truth["loc"], truth["scale"]).round()}, truth, np.arange(n) % 10)


def trials(rng, n=2000):
    temperature, treated, seeds = rng.uniform(8, 32, n).round(1), rng.random(n) < 0.5, rng.integers(0, 21, n)
    truth = stored(trials_truth(temperature, treated))
    germinated = rng.binomial(seeds, truth["probs"])
    return table({"temperature": temperature, "treated": treated, "seeds": seeds}, {"germinated": germinated}, truth, np.arange(n) % 10)


def survey(rng, n=2000):
    # One person in forty was asked in towns, one in six hundred elsewhere.
    age, town = rng.integers(18, 80, n), rng.random(n) < 0.8
    truth = stored(survey_truth(age, town))
    spending = rng.gamma(truth["concentration"], truth["mean"] / truth["concentration"]).round(2)
    return table({"age": age, "town": town, "persons": np.where(town, 40, 600)}, {"spending": spending}, truth, np.arange(n) % 10)


SAMPLES = {
    "wave": wave, "claims": claims, "returns": returns, "visits": visits, "admissions": admissions, "grains": grains,
    "policies": policies, "losses": losses, "rounded": rounded, "trials": trials, "survey": survey,
}  # fmt: skip


def main(folder: Path) -> None:
    for name, sample in SAMPLES.items():
        # Seeded by name: a new set leaves the others as they are.
        pq.write_table(sample(np.random.default_rng([SEED, *name.encode()])), folder / f"{name}.parquet", compression="zstd")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
