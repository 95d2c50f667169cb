"""The sections of a config as frozen models: strict types, bounded numbers, no unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from disttrain import choices
from disttrain.config.messages import display
from disttrain.config.recipes import UNNAMED, with_recipe
from disttrain.config.sections.data import DataSection
from disttrain.config.sections.field_types import (
    LIST,
    NUMBER,
    STRICT,
    TEXT,
    Column,
    Columns,
    Filename,
    Levels,
    Name,
    Times,
    Widths,
    by_kind,
    choice,
    each_choice,
    listed,
    objection,
)  # fmt: skip
from disttrain.config.sections.training import TrainingSection
from disttrain.config.yaml.scalars import Yaml

Bound = Annotated[float, Field(ge=-1e300, le=1e300)]


class ParameterSection(BaseModel):
    """The settings of one parameter; None leaves a setting to the family."""

    model_config = STRICT

    activation: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    hidden: Widths | None = None
    features: Annotated[tuple[Column, ...], listed(20_000)] | None = None
    bounds: Annotated[tuple[Bound | None, Bound | None], listed(2, least=2)] | None = None
    fixed: (
        Annotated[
            Annotated[Bound, NUMBER] | Annotated[tuple[Bound, ...], listed(1_000, least=1), LIST], by_kind("a number, or a list of numbers")
        ]
        | None
    ) = None


class DistributionSection(BaseModel):
    """The family and its parameters; every further key is an option of the family."""

    model_config = ConfigDict(**(STRICT | {"extra": "allow"}))
    __pydantic_extra__: dict[str, JsonValue]

    family: Annotated[str, Field(min_length=1, max_length=100)]
    parameters: dict[str, ParameterSection] = {}

    @property
    def options(self) -> Mapping[str, Any]:
        """The keys beside `family` and `parameters`, such as `components`."""
        return dict(self.__pydantic_extra__ or {})


def _long_form(value: Yaml) -> Yaml:
    return {"family": value} if isinstance(value, str) else value


class NetworkSection(BaseModel):
    """The trunk and the heads; with `linear_path` the heads see the encoded inputs beside the hidden values."""

    model_config = STRICT

    hidden: Widths = (64, 64)
    activation: Annotated[str, choice("an activation of hidden layers", choices.TRUNK_ACTIVATIONS)] = "silu"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    normalization: Annotated[str, choice("a normalization", choices.NORMALIZATIONS)] = "none"
    residual: bool = False
    numeric_embedding: Annotated[str, choice("an embedding of numbers", choices.NUMERIC_EMBEDDINGS)] = "none"
    linear_path: bool = False
    heads: Annotated[str, choice("a form of heads", choices.HEADS)] = "shared"
    members: Annotated[int, Field(ge=1, le=1_000)] = 1
    pooling: Annotated[str, choice("a way to pool members", choices.POOLINGS)] = "mixture"


def _auto(word: str) -> str:
    if word != "auto":
        raise objection("wrong-type", f"`marginal_share` must be a number from 0 to below 1, or `auto`, not {display(word)}")
    return word


class ForecastSection(BaseModel):
    """The forecast. `marginal_share` is the weight of the constant model in it; `auto` finds it by likelihood on held-out rows."""

    model_config = STRICT

    marginal_share: Annotated[
        Annotated[float, Field(ge=0.0, lt=1.0), NUMBER] | Annotated[str, AfterValidator(_auto), TEXT],
        by_kind("a number from 0 to below 1, or `auto`"),
    ] = 0.0


class EvaluationSection(BaseModel):
    """The scores after a fit. If `metrics` is None, the family chooses them."""

    model_config = STRICT

    metrics: Annotated[tuple[str, ...], each_choice("a metric", choices.METRICS), listed(100)] | None = None
    levels: Levels = (0.5, 0.9)
    by: Columns = ()


class PredictionsSection(BaseModel):
    """The predicted columns, and the splits to predict. `times`, in target units, belong to `survival` and `hazard`."""

    model_config = STRICT

    columns: Annotated[tuple[str, ...], each_choice("a prediction column", choices.PREDICTION_COLUMNS), listed(100)] = (
        "parameters",
        "mean",
        "std",
        "quantiles",
    )
    quantiles: Levels = (0.05, 0.5, 0.95)
    times: Times = ()
    splits: Annotated[tuple[str, ...], each_choice("a split", choices.SPLITS), listed(100)] = choices.SPLITS

    @model_validator(mode="after")
    def _times_with_what_happens_then(self) -> Self:
        timed = [name for name in self.columns if name in choices.TIMED_COLUMNS]
        if timed and not self.times:
            hints = ("such as `times: [30, 365]`, in the target's unit",)
            raise objection("missing-key", f"the column `{timed[0]}` needs times: `times`", hints=hints, at=("columns",))
        if self.times and not timed:
            hints = ("add `survival` or `hazard` to `columns`",)
            raise objection("conflict", "`times` belong to the columns `survival` and `hazard`", hints=hints, at=("times",), on_key=True)
        return self


class OutputSection(BaseModel):
    """The output of runs; `folder` is relative to the working folder."""

    model_config = STRICT

    folder: Filename = "runs"
    checkpoint_every: Annotated[int, Field(ge=1, le=10_000_000)] = 10
    report: bool = False


def _version(number: int) -> int:
    if number != 1:
        what = f"config format {number} is not known to this version, which reads format 1"
        raise objection("out-of-range", what, hints=("install a newer disttrain",) if number > 1 else ())
    return number


class Config(BaseModel):
    """A config: target, data, network and training. Frozen, with every default filled in."""

    model_config = STRICT

    version: Annotated[int, AfterValidator(_version)] = 1
    name: Name | None = None
    recipe: Annotated[str, choice("a recipe", choices.RECIPES)] = UNNAMED
    distribution: Annotated[DistributionSection, BeforeValidator(_long_form)]
    data: DataSection
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection.model_validate({})
    forecast: ForecastSection = ForecastSection()
    evaluation: EvaluationSection = EvaluationSection()
    predictions: PredictionsSection = PredictionsSection()
    output: OutputSection = OutputSection()
    tune: dict[str, JsonValue] | None = None

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: Yaml) -> Yaml:
        """Fill in the defaults of the recipe, and those that depend on the network: batch normalisation turns weight averaging off."""
        if not isinstance(value, dict):
            return value
        value = with_recipe(value)
        network, training = (value.get(key) for key in ("network", "training"))
        if isinstance(network, dict) and network.get("normalization") == "batch" and (training is None or isinstance(training, dict)):
            return {**value, "training": {"averaging": 0.0, **(training or {})}}
        return value

    @model_validator(mode="after")
    def _linear_path_has_its_place(self) -> Self:
        head_widths = [section.hidden for section in self.distribution.parameters.values()]
        if self.network.linear_path and not self.network.hidden and not any(head_widths):
            what = "with `hidden: []` the network is linear already"
            raise objection("conflict", what, hints=("leave `linear_path` out",), at=("network", "linear_path"), on_key=True)
        if self.training.initialize in {"linear", "auto"} and not self.network.linear_path:
            what = f"`initialize: {self.training.initialize}` may start at a linear fit, and this network has no linear path to hold it"
            hints = ("`network.linear_path: true`",)
            raise objection("conflict", what, hints=hints, at=("training", "initialize"), on_key=True)
        return self

    @model_validator(mode="after")
    def _averages_fit_the_network(self) -> Self:
        if self.training.averaging and self.network.normalization == "batch":
            what = "batch normalisation follows the rows that the weights saw, and averaged weights saw none"
            hints = ("`network.normalization: layer`, or leave `averaging` out",)
            raise objection("conflict", what, hints=hints, at=("training", "averaging"), on_key=True)
        return self
