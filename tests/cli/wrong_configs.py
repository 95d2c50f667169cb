"""Configs as people write them first, each with one mistake: the exit code, where it is shown, what is found, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLAIMS = """\
distribution: gamma
data:
  train: claims.csv
  target: y
  features: [x, region]
"""


@dataclass(frozen=True)
class Wrong:
    """A config with a mistake. `where` begins the place, `words` stand somewhere on the screen."""

    text: str
    where: str
    words: tuple[str, ...]
    code: int = 2


def claims() -> str:
    """A CSV file of 120 rows: y > 0, a number x, a region, a date, a count n, and an amount that is 0 in places."""
    rng = np.random.default_rng(0)
    y, x, n = rng.gamma(2.0, 1.0, 120) + 0.01, rng.normal(size=120), rng.poisson(2.0, 120)
    rows = [f"{y[i]:.4f},{x[i]:.4f},{'NS'[i % 2]},2024-01-{i % 28 + 1:02d},{n[i]},{max(0.0, y[i] - 1):.3f}" for i in range(120)]
    return "\n".join(["y,x,region,date,n,paid", *rows]) + "\n"


def with_(old: str, new: str) -> str:
    assert old in CLAIMS
    return CLAIMS.replace(old, new)


def and_(text: str) -> str:
    return CLAIMS + text


LR = "`training: {optimizer: {lr: 0.001}}`"
WRONG = {
    "lr beside the optimizer": Wrong(and_("training: {lr: 0.001}\n"), ":6:12", ("unknown key `lr`", LR)),
    "learning_rate": Wrong(and_("training:\n  learning_rate: 0.001\n"), ":7:3", ("is `training.optimizer.lr` here", LR)),
    "learning_rate at the margin": Wrong(and_("learning_rate: 0.001\n"), ":6:1", (LR,)),
    "max_depth": Wrong(and_("max_depth: 6\n"), ":6:1", ("`network: {hidden: [64, 64]}`",)),
    "num_leaves": Wrong(and_("num_leaves: 31\n"), ":6:1", ("networks have not",)),
    "n_estimators": Wrong(and_("n_estimators: 100\n"), ":6:1", ("`training: {epochs: 300}`",)),
    "objective": Wrong(and_("objective: gamma\n"), ":6:1", ("`distribution: gamma`",)),
    "target at the margin": Wrong(and_("target: y\n"), ":6:1", ("`target` belongs to `data`: `data: {target: y}`",)),
    "trainer": Wrong(and_("trainer: {epochs: 10}\n"), ":6:1", ("did you mean `training`?",)),
    "input_features": Wrong(and_("input_features: [x]\n"), ":6:1", ("`data: {features: [x]}`",)),
    "hidden_size": Wrong(and_("network: {hidden_size: 64}\n"), ":6:11", ("did you mean `hidden`?",)),
    "batch": Wrong(and_("training: {batch: 32}\n"), ":6:12", ("did you mean `batch_size`?",)),
    "batch size at the margin": Wrong(and_("batch_size: 32\n"), ":6:1", ("`training: {batch_size: 32}`",)),
    "validation_split": Wrong(and_("  validation_split: 0.2\n"), ":6:3", ("did you mean `validation`?",)),
    "a width": Wrong(and_("network: {hidden: 64}\n"), ":6:19", ("must be a list, not `64`", "write `hidden: [64]`")),
    "widths as text": Wrong(and_('network: {hidden: "64,64"}\n'), ":6:19", ("write `hidden: [64, 64]`",)),
    "widths as text in brackets": Wrong(and_('network: {hidden: "[64, 64]"}\n'), ":6:19", ("write `hidden: [64, 64]`",)),
    "per cent": Wrong(and_("  validation: 20%\n"), ":6:15", ("neither a share nor the name of a file", "write `validation: 0.2`")),
    "per cent without the sign": Wrong(and_("  validation: 20\n"), ":6:15", ("write `validation: 0.2`",)),
    "a share in quotes": Wrong(and_('  validation: "0.2"\n'), ":6:15", ("write `validation: 0.2`, without quotes",)),
    "no share": Wrong(and_("  validation: 0\n"), ":6:15", ("write `validation: null`",)),
    "dropout in per cent": Wrong(and_("network: {dropout: 20}\n"), ":6:20", ("must be less than 1, not `20`", "write `dropout: 0.2`")),
    "a tab": Wrong(and_("network:\n\thidden: [64]\n"), ":7:1", ("a tab", "indent with spaces")),
    "features one level out": Wrong(with_("  features", "features"), ":5:1", ("`data: {features: [x, region]}`",)),
    "uneven": Wrong(with_("  target", " target"), ":4:2", ("begin in the same column",)),
    "a path of Windows": Wrong(
        with_("claims.csv", '"C:\\Users\\me\\claims.csv"'), ":3:", (r"`'C:\Users\me\claims.csv'`", "`C:/Users/me/claims.csv`")
    ),
    "another path of Windows": Wrong(with_("claims.csv", '"D:\\data\\claims.csv"'), ":3:", (r"`'D:\data\claims.csv'`",)),
    "no blank": Wrong(with_("distribution: gamma", "distribution:gamma"), ":1:1", ("no blank behind the colon", "write `distribution: gamma`")),
    "no blank further in": Wrong(with_("target: y", "target:y"), ":4:3", ("write `target: y`",)),
    "no blank in braces": Wrong(and_("network: {dropout:0.1}\n"), ":6:11", ("write a blank behind the colon: `dropout: 0.1`",)),
    "the family as a key": Wrong(with_(" gamma", "\n  gamma: {}"), ":2:3", ("`gamma` is a family", "write `family: gamma`")),
    "parameters as a list": Wrong(
        with_(" gamma", "\n  family: gamma\n  parameters: [{name: rate, activation: exp}]"), ":3:15", ("`parameters: {rate: {activation: exp}}`",)
    ),
    "a link": Wrong(with_(" gamma", " {family: gamma, parameters: {rate: {link: log}}}"), ":1:", ("write `activation: exp`",)),
    "a link of the family": Wrong(with_(" gamma", " {family: gamma, link: log}"), ":1:", ("inverse of a log link",)),
    "gamlss": Wrong(with_("gamma", "GA"), ":1:15", ("did you mean `gamma`", "GA of gamlss")),
    "gamlss with zeros": Wrong(with_("gamma", "ZAGA"), ":1:15", ("did you mean `{family: hurdle, of: gamma}`?",)),
    "scipy": Wrong(with_("gamma", "lognorm"), ":1:15", ("did you mean `log_normal`?", "lognorm of scipy.stats")),
    "scipy in full": Wrong(with_("gamma", "scipy.stats.expon"), ":1:15", ("did you mean `exponential`?",)),
    "torch": Wrong(with_("gamma", "LogNormal"), ":1:15", ("did you mean `log_normal`?",)),
    "gaussian": Wrong(with_("gamma", "Gaussian"), ":1:15", ("did you mean `normal`?",)),
    "batch 0": Wrong(and_("training: {batch_size: 0}\n"), ":6:", ("leave it out for its default, `batch_size: auto`",)),
    "seed auto": Wrong(and_("training: {seed: auto}\n"), ":6:", ("leave it out for its default, `seed: 0`",)),
    "epochs as a float": Wrong(and_("training: {epochs: 1e2}\n"), ":6:", ("write `epochs: 100`",)),
    "minutes": Wrong(and_("training: {time_limit: 30min}\n"), ":6:", ("write `time_limit: 30m`",)),
    "patience alone": Wrong(and_("training: {early_stopping: 10}\n"), ":6:", ("write `early_stopping: {patience: 10}`",)),
    "no stopping": Wrong(and_("training: {early_stopping: false}\n"), ":6:", ("write `early_stopping: null`",)),
    "yes": Wrong(and_("training: {deterministic: yes}\n"), ":6:", ("write `deterministic: true`",)),
    "true in quotes": Wrong(and_('training: {deterministic: "true"}\n'), ":6:", ('not the text `"true"`', "write `deterministic: true`, without quotes")),
    "a number in quotes": Wrong(and_('training: {epochs: "50"}\n'), ":6:", ('not the text `"50"`', "write `epochs: 50`, without quotes")),
    "None": Wrong(and_("training: {gradient_clip: None}\n"), ":6:", ("write `gradient_clip: null`",)),
    "features as a mapping": Wrong(
        with_("[x, region]", "{x: numeric, region: categorical}"), ":5:13",
        ("write `features: [{name: x, type: numeric}, {name: region, type: categorical}]`",),
    ),
    "features with options as a mapping": Wrong(
        with_("[x, region]", "\n    x:\n    region: {type: categorical}"), ":5:3", ("`features: [x, {name: region, type: categorical}]`",)
    ),
    "two conditions": Wrong(and_("  filter: y > 0 && x < 3\n"), ":6:11", ("write `filter: [y > 0, x < 3]`",)),
    "a filter of no column": Wrong(and_("  filter: z > 0\n"), "claims.csv; named in wrong.yaml:6:11", ("no column `z`",), 3),
    "an anchor": Wrong(and_("network: &n {hidden: [3]}\n"), ":6:10", ("leave it out",)),
    "a decimal comma": Wrong(and_("training: {optimizer: {name: adamw, lr: 0,001}}\n"), ":6:", ("write a decimal point: `lr: 0.001`",)),
    "a decimal comma in a block": Wrong(and_("network:\n  dropout: 0,1\n"), ":7:12", ("write `dropout: 0.1`",)),
    "a key twice": Wrong(and_("  target: n\n"), ":6:3", ("already on line 4",)),
    "a capital": Wrong(with_("distribution", "Distribution"), ":1:1", ("did you mean `distribution`?",)),
    "AdamW": Wrong(and_("training: {optimizer: AdamW}\n"), ":6:", ("did you mean `adamw`?",)),
    "linear": Wrong(and_("network: {activation: linear}\n"), ":6:", ("did you mean `identity`?",)),
    "no schedule": Wrong(and_("training: {schedule: none}\n"), ":6:", ("did you mean `constant`?",)),
    "poisson on money": Wrong(with_("gamma", "poisson"), "claims.csv", ("families that can",), 3),
    "gamma on zeros": Wrong(with_("target: y", "target: paid"), "claims.csv", ("hurdle", "data.filter: paid > 0"), 3),
    "no target": Wrong(with_("  target: y\n", ""), ":2:1", ("add `target: ...` below `data`",)),
    "empty": Wrong("", "wrong.yaml", ("the config is empty", "`distribution: gamma`")),
    "the target as a feature": Wrong(with_("[x, region]", "[x, y]"), ":5:17", ("`y` is the target",)),
    "a capital in a column": Wrong(with_("[x, region]", "[X, region]"), "claims.csv; named in wrong.yaml:5:14", ("did you mean `x`?",), 3),
    "float": Wrong(with_("[x,", "[{name: x, type: float},"), ":5:", ("did you mean `numeric`?",)),
    "date": Wrong(with_("[x,", "[{name: date, type: date},"), ":5:", ("did you mean `datetime`?",)),
    "a folder too many": Wrong(with_("claims.csv", "data/claims.csv"), ":3:10", ("did you mean `claims.csv`?", "relative to this file"), 3),
    "a capital in a file": Wrong(with_("claims.csv", "Claims.csv"), ":3:10", ("did you mean `claims.csv`?",), 3),
    "a file of a list": Wrong(with_("claims.csv", "[claims.csv, nope.csv]"), ":3:23", ("nope.csv", "relative to this file"), 3),
    "a test file": Wrong(and_("  test: nope.csv\n"), ":6:9", ("nope.csv", "relative to this file"), 3),
    "a home folder": Wrong(with_("claims.csv", "~/no/such/claims.csv"), ":3:10", ("`~` is the home folder",), 3),
    "s3": Wrong(with_("claims.csv", "s3://bucket/claims.parquet"), ":3:10", ("not on this machine", "`aws s3 cp s3://bucket/claims.parquet .`")),
    "https": Wrong(with_("claims.csv", "https://example.org/c.csv"), ":3:10", ("`curl -LO https://example.org/c.csv`",)),
    "gs in a list": Wrong(with_("claims.csv", "[claims.csv, gs://b/c.csv]"), ":3:23", ("gcloud storage cp",)),
    "a file address": Wrong(with_("claims.csv", "file:///tmp/c.csv"), ":3:10", ("write `/tmp/c.csv`",)),
    "sql": Wrong(with_("claims.csv", "{sql: SELECT 1, uri: 'sqlite:///a.db'}"), ":3:3", ("a database is not read",)),
    "a dotted key": Wrong(and_("training.optimizer.lr: 0.001\n"), ":6:1", (LR,)),
    "a dotted key of a list": Wrong(and_("network.hidden: [3]\n"), ":6:1", ("`network: {hidden: [3]}`",)),
    "a list of one family": Wrong(with_("gamma", "[gamma]"), ":1:15", ("write `distribution: gamma`",)),
    "metric": Wrong(and_("evaluation: {metric: [nll]}\n"), ":6:14", ("did you mean `metrics`?",)),
    "mse": Wrong(and_("evaluation: {metrics: [mse]}\n"), ":6:24", ("did you mean `rmse`?",)),
    "an open quote": Wrong(with_("claims.csv", "'claims.csv"), ":3:10", ("is never closed", "ends with the quote")),
}  # fmt: skip
