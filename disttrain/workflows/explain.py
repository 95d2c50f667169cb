"""The command `explain`: it derives the loss of a config from the family, the activations and the fixed parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from disttrain.config import Config, Loaded, recipes
from disttrain.errors import DataError
from disttrain.families import Family, FamilyDoc, Parameter, activation_for, facts_of
from disttrain.messages import display
from disttrain.model import Model, family_of, settings_of
from disttrain.networks import Output
from disttrain.parameter_settings import ParameterSettings
from disttrain.preparation.censoring_text import losses_of, weights_of
from disttrain.preparation.load import is_label
from disttrain.preparation.outline import outline
from disttrain.workflows.network_summary import embedding_text, linear_path_text, parameter_networks

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_COLUMN = 17
# The number of labels that are shown, and the characters of each label.
_LABELS, _LABEL = 8, 30
_BASELINE = "the constant model of maximum likelihood: the baseline that features have to beat"
_STARTS = {
    "marginal": f"the network starts at {_BASELINE}",
    "zero": f"the network starts at raw outputs of 0; the baseline is {_BASELINE.partition(':')[0]} all the same",
    "linear": f"the network starts at {_BASELINE}; a linear fit of the linear path starts from there",
    "auto": f"the network starts at {_BASELINE}; training, at a linear fit of the linear path unless a trial from here is clearly better",
}


@dataclass(frozen=True)
class Explanation:
    """The derivation as lines of text for people and as a document for programs."""

    lines: tuple[str, ...]
    document: dict[str, Any]


def explain(loaded: Loaded) -> Explanation:
    """Derive the loss of a config. If its data are readable, the network is counted too. Raises ConfigError, and never DataError."""
    config = loaded.config
    try:
        model: Model | None = outline(loaded)
    except DataError:
        model = None
    family = model.family if model is not None else family_of(config, tuple(range(3)))
    settings = settings_of(config, family)
    doc, symbols = facts_of(family), _symbols(settings.values())
    rows = [
        ("q", f"{family.name}({', '.join(f'{p.name} = {symbols[p.name]}' for p in family.parameters)})"),
        ("target", _target_form(config, family, model)),
        *_parameter_rows(config, settings.values(), model, symbols),
        ("z", _network(config, settings.values(), model)),
        *(("", f"{name}: {text}") for name, text in (parameter_networks(model) if model is not None else {}).items()),
        ("density", _with(symbols, doc, "density")),
        ("per row", _with(symbols, doc, "loss")),
        *((f"  {part}", text) for part, text in _drops(settings, doc, symbols)),
        *((f"  {part}", text) for part, text in losses_of(config, family)),
        *_forecast(config),
        (f"{config.training.initialize} start", _STARTS[config.training.initialize]),
        ("recipe", _recipe(config)),
    ]
    head = [
        weights_of(config),
        "",
        "Cross-entropy  H(p, q) = -E_p[log q(y)] is the mean surprise, in nats, of data that come from p under the forecast q.",
        "  p, the truth, is known only through N rows: averaging over them gives the loss above.",
        "  H(p, q) = entropy of p + Kullback-Leibler divergence of q from p, so the loss is least where q = p, and never below the entropy.",
        "  The loss is -1/N times the log-likelihood of the weights W: minimising it is maximum likelihood.",
        "",
    ]
    lines = [*head, *(f"  {name:<{_COLUMN}}{text}" for name, text in rows)]
    return Explanation(tuple(lines), {"loss": head[0], "family": family.name, **_keyed(rows)})


def _recipe(config: Config) -> str:
    """The recipe of a config and the defaults that it stands for."""
    standing = recipes.standing(config.recipe, config.model_dump(mode="json"))
    return config.recipe + (f": {' · '.join(standing)}" if standing else ": the network that the config names, and nothing else")


def _forecast(config: Config) -> Iterator[tuple[str, str]]:
    """The share of the constant model in the forecast, if it may have one."""
    share = config.forecast.marginal_share
    if share:
        epsilon = "ε found on held-out rows, at most 0.05" if share == "auto" else f"ε = {share:g}"
        yield "forecast", f"(1 - ε) q + ε m, m the constant model, {epsilon}: no row costs more than under m by -log ε nats"


def _keyed(rows: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Rows by name. A row without a name continues the row before it."""
    result: dict[str, str] = {}
    last = ""
    for name, text in rows:
        last = name.strip() or last
        result[last] = f"{result[last]} {text}" if last in result else text
    return result


def _symbols(settings: Iterable[ParameterSettings]) -> dict[str, str]:
    """The symbol of each parameter: θ with a number if it is learned, its value or column if it is fixed."""
    symbols, number = {}, 0
    for one in settings:
        name, column = one.parameter.name, one.parameter.given
        if one.learned:
            number += 1
            symbols[name] = "θ" + str(number).translate(_SUBSCRIPTS)
        elif isinstance(column, str):
            symbols[name] = f"`{column}`"
        else:
            symbols[name] = str(list(one.fixed)) if isinstance(one.fixed, tuple) else f"{one.fixed:g}"
    return symbols


def _target_form(config: Config, family: Family, model: Model | None) -> str:
    columns = [display(column) for column in config.data.targets]
    if family.event:
        return f"{', '.join(f'`{column}`' for column in columns)}: one vector per row, {family.support.text('y')}"
    if not is_label(config):
        return f"`{columns[0]}`, one number per row: {family.support.text('y')}"
    class_labels = () if model is None or model.labels is None else model.labels
    some = ", ".join(display(label, _LABEL) for label in class_labels[:_LABELS]) + (", …" if len(class_labels) > _LABELS else "")
    labels = f": {some}" if class_labels else ""
    if len(columns) > 1:
        return f"one-hot: {len(columns)} columns with one 1 per row; y is the place of the 1{labels}"
    return f"`{columns[0]}`, one label per row; y is its place among the classes{labels}"


def _parameter_rows(
    config: Config, settings: Iterable[ParameterSettings], model: Model | None, symbols: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    outputs = {output.parameter.name: output for output in model.outputs} if model is not None else {}
    number = 0
    for one in settings:
        parameter = one.parameter
        symbol, output = symbols[parameter.name], outputs.get(parameter.name)
        support = parameter.support.text(symbol)
        shape = f"{_count(config, model, parameter)} numbers per row" if parameter.shape else "one number per row"
        if parameter.given is not None:
            by = "the column of each row" if isinstance(parameter.given, str) else "the family's options"
            yield parameter.name, f"= {symbol}, given by {by}"
            continue
        if not one.learned:
            yield parameter.name, f"= {symbol}, fixed: the network has no output for it"
            continue
        first, number = number + 1, number + _raw_size(parameter)
        z = (
            "z" + str(first).translate(_SUBSCRIPTS)
            if first == number
            else f"z{str(first).translate(_SUBSCRIPTS)}..{str(number).translate(_SUBSCRIPTS)}"
        )
        yield symbol, f"{parameter.name}: {shape}, {support}{_unit(output)}"
        yield "", f"= {_formula(config, one, output, z)}"


def _count(config: Config, model: Model | None, parameter: Parameter) -> str:
    """The number of values of a parameter; `K` if the number of classes is unknown."""
    one_hot = len(config.data.targets) > 1
    if model is not None or "classes" not in parameter.axes:
        return " x ".join(map(str, parameter.shape))
    return str(len(config.data.targets)) if one_hot else "K"


def _raw_size(parameter: Parameter) -> int:
    """The number of raw outputs that the default activation of a parameter takes."""
    return math.prod(activation_for(parameter).raw_shape(parameter.shape))


def _unit(output: Output | None) -> str:
    units = {
        "location": "target units", "scale": "target units", "variance": "squared target units", "rate": "1 / target units",
        "log_scale": "log target units",
    }  # fmt: skip
    role = output.parameter.role if output is not None else None
    return f", in {units[role]}" if role in units else ""


def _formula(config: Config, settings: ParameterSettings, output: Output | None, z: str) -> str:
    activation = output.activation if output is not None else settings.activation
    formula = re.sub(r"(?<![A-Za-z])z(?=[^A-Za-z]|$)", z if "_" not in activation.formula else "z", activation.formula)
    chosen = "chosen in the config" if settings.chosen else "default"
    constant = "; one learned constant for all rows" if output is not None and output.columns == () else ""
    offset = (config.data.offset or {}).get(settings.parameter.name)
    added = f"; `{offset}` is added to {z}" if offset else ""
    return f"{formula}{_exposure(config, settings.parameter)}     {activation.name} ({chosen}): {activation.remark}{constant}{added}"


def _exposure(config: Config, parameter: Parameter) -> str:
    """The text that says how the exposure changes a parameter, by the parameter's unit; empty if it does not."""
    column = config.data.exposure
    moves = {"location": ",  times `{}`", "rate": ",  divided by `{}`", "log_scale": ",  plus log `{}`"}
    moves |= dict.fromkeys(("scale", "mean"), moves["location"])
    return moves.get(parameter.role or "", "").format(column) if column is not None else ""


def _network(config: Config, settings: Iterable[ParameterSettings], model: Model | None) -> str:
    hidden = [str(width) for width in config.network.hidden]
    chain = " → ".join([str(model.encoder.width) if model is not None else "inputs", *hidden, _heads(config, settings, model)])
    kind = f"MLP {chain}, {config.network.activation}" if hidden else f"linear {chain}"
    embedding = embedding_text(config)
    kind += linear_path_text(config)
    kind += "" if not embedding else f", each number also as a {embedding} embedding"
    size = f"{model.network.size():,} weights" if model is not None else "(the data could not be read)"
    members = config.network.members
    forecast = "one distribution with the moments of their mixture" if config.network.pooling == "family" else "their equal mixture"
    return f"{kind}        {size}" + ("" if members == 1 else f"; {members} networks side by side; the forecast is {forecast}")


def _heads(config: Config, settings: Iterable[ParameterSettings], model: Model | None) -> str:
    """The number of outputs of the network. Fixed parameters and learned constants have none."""
    if model is not None:
        return str(sum(output.size for output in model.outputs if output.columns != ()))
    varying = [one.parameter for one in settings if one.learned and one.features != ()]
    counts = [_count(config, None, p) if "classes" in p.axes else str(_raw_size(p)) for p in varying]
    return "K" if "K" in counts else str(sum(map(int, counts)))


def _with(symbols: dict[str, str], doc: FamilyDoc, key: str) -> str:
    """A formula of the family with its symbols replaced by those of this config."""
    names = {symbol: symbols[parameter] for symbol, parameter in doc.symbols().items()}
    pattern = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-zΑ-Ωα-ω_])({pattern})(?![A-Za-zΑ-Ωα-ω])", lambda match: _apart(match, names[match[1]]), doc.lines[key])


def _apart(match: re.Match[str], name: str) -> str:
    """The name that replaces a symbol, with a dot before it if two numbers would run together."""
    before = match.string[match.start() - 1 : match.start()]
    return f"·{name}" if before.isdigit() and name[0].isdigit() else name


def _drops(settings: Mapping[str, ParameterSettings], doc: FamilyDoc, symbols: dict[str, str]) -> Sequence[tuple[str, str]]:
    """The terms that drop out of the loss in this config, from the family's documentation."""
    rows = []
    for line in [doc.lines[key] for key in doc.lines if key.startswith("drops")]:
        condition, _, text = line.partition(": ")
        one = settings.get(condition.removesuffix(" fixed"))
        if condition == "always" or (one is not None and one.parameter.given is None and not one.learned):
            rows.append(("drops out", _with(symbols, FamilyDoc("", {**doc.lines, "text": text}), "text")))
    return rows
