"""The `training` section of a config: the optimisation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from disttrain import choices
from disttrain.config.messages import display
from disttrain.config.sections.field_types import NUMBER, STRICT, TEXT, Seconds, by_kind, choice, objection
from disttrain.config.yaml.scalars import Yaml

Count = Annotated[int, Field(ge=1, le=10_000_000)]


def _filled(value: Yaml, usual: str, table: Mapping[str, Mapping[str, float]], otherwise: Mapping[str, float]) -> Yaml:
    """The long form of a section whose short form is its name, with the defaults of that name for keys that are absent or null.

    `usual` is the name of a section without one, `otherwise` the defaults of a name that the table lacks.
    """
    section: Yaml = {"name": value} if isinstance(value, str) else value
    if not isinstance(section, dict):
        return section
    section = {"name": usual, **section}
    name = section["name"]
    defaults = table.get(name, otherwise) if isinstance(name, str) else otherwise
    return section | {key: number for key, number in defaults.items() if section.get(key) is None}


class OptimizerSection(BaseModel):
    """The optimizer; the short form is its name. `lr` and `weight_decay` have defaults for each optimizer."""

    model_config = STRICT

    name: Annotated[str, choice("an optimizer", choices.OPTIMIZERS)] = "adamw"
    lr: Annotated[float, Field(gt=0.0, le=1_000.0)]
    weight_decay: Annotated[float, Field(ge=0.0, le=1_000.0)]
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Yaml) -> Yaml:
        # An unknown name is judged by its field; its numbers by those of any optimizer.
        return _filled(value, "adamw", choices.OPTIMIZER_DEFAULTS, choices.OPTIMIZER_DEFAULTS["adamw"])

    @model_validator(mode="after")
    def _only_what_it_has(self) -> Self:
        if self.momentum is not None and self.name not in choices.MOMENTUM_OPTIMIZERS:
            raise objection(
                "conflict", f"`{self.name}` has no `momentum`", hints=("use `sgd`, or leave it out",), at=("momentum",), on_key=True
            )
        if self.name == "lbfgs" and self.weight_decay:
            raise objection("conflict", "`lbfgs` has no `weight_decay`", hints=("leave it out",), at=("weight_decay",), on_key=True)
        return self


class ScheduleSection(BaseModel):
    """The schedule of the learning rate: `warmup_epochs` of warm-up, then the schedule `name`. Keys of other schedules are None."""

    model_config = STRICT

    name: Annotated[str, choice("a schedule", choices.SCHEDULES)] = "cosine"
    warmup_epochs: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    step_size: Count | None = None
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    patience: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Yaml) -> Yaml:
        return _filled(value, "cosine", choices.SCHEDULE_DEFAULTS, {})

    @model_validator(mode="after")
    def _only_what_it_has(self) -> Self:
        for name, keys in choices.SCHEDULE_DEFAULTS.items():
            for key in keys:
                if name != self.name and getattr(self, key) is not None:
                    what = f"`{key}` belongs to the schedule `{name}`, not to `{self.name}`"
                    raise objection("conflict", what, at=(key,), on_key=True)
        return self


class StoppingSection(BaseModel):
    """Stop when `metric` of the validation rows has not fallen by `min_delta` (nats) for `patience` epochs."""

    model_config = STRICT

    metric: Annotated[str, choice("a metric to stop by", choices.STOPPING_METRICS)] = "nll"
    patience: Count = 20
    min_delta: Annotated[float, Field(ge=0.0, le=1e6)] = 1e-4


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", name):
        raise objection("unknown-choice", f"{display(name)} is not a device", hints=("use `auto`, `cpu`, `cuda`, `cuda:1` or `mps`",))
    return name


def _automatic(key: str) -> AfterValidator:
    """A validator of the word `auto`; `key` is named in the message."""

    def check(word: str) -> str:
        if word != "auto":
            shown = f'the text `"{display(word)[1:-1]}"`' if word[:1].isdigit() else display(word)
            raise objection("wrong-type", f"`{key}` must be a whole number or `auto`, not {shown}")
        return word

    return AfterValidator(check)


class TrainingSection(BaseModel):
    """The optimisation. `averaging` is the decay of the moving average of the weights per step; `time_limit` is in seconds."""

    model_config = STRICT

    epochs: Annotated[Annotated[Count, NUMBER] | Annotated[str, _automatic("epochs"), TEXT], by_kind("a whole number or `auto`")] = 300
    batch_size: Annotated[
        Annotated[int, Field(ge=1, le=2**31 - 1), NUMBER] | Annotated[str, _automatic("batch_size"), TEXT],
        by_kind("a whole number or `auto`"),
    ] = "auto"
    optimizer: OptimizerSection = OptimizerSection.model_validate({})
    schedule: ScheduleSection
    early_stopping: StoppingSection | None = StoppingSection()
    averaging: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    refit_intercepts: bool = False
    gradient_clip: Annotated[float, Field(gt=0.0, le=1e12)] | None = 10.0
    initialize: Annotated[str, choice("a way to begin", choices.INITIALIZATIONS)] = "marginal"
    device: Annotated[str, AfterValidator(_device)] = "auto"
    precision: Annotated[str, choice("a precision", choices.PRECISIONS)] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0
    deterministic: bool = True
    time_limit: Seconds | None = None

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: Yaml) -> Yaml:
        """Fill in defaults that depend on the optimizer: L-BFGS needs exact gradients, and its line search sets the steps."""
        if not isinstance(value, dict):
            return value
        optimizer = value.get("optimizer")
        name = optimizer.get("name") if isinstance(optimizer, dict) else optimizer
        if name == "lbfgs":
            return {"precision": "float64", "schedule": {"name": "constant"}, "averaging": 0.0, **value}
        return {"schedule": {"name": "cosine", "warmup_epochs": 5}, **value}

    @model_validator(mode="after")
    def _full_batch(self) -> Self:
        if self.optimizer.name == "lbfgs" and self.batch_size != "auto":
            what = "`lbfgs` always takes all rows at once"
            raise objection("conflict", what, hints=("leave `batch_size` out",), at=("batch_size",), on_key=True)
        if self.optimizer.name == "lbfgs" and self.averaging:
            what = "`lbfgs` ends where its steps end; there is no average of them"
            raise objection("conflict", what, hints=("leave `averaging` out",), at=("averaging",), on_key=True)
        return self
