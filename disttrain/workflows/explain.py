"""Explain: the loss of a config, derived step by step from the family, its activations and what is fixed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from disttrain.config import Config, Loaded
from disttrain.errors import DataError
from disttrain.families import Family, FamilyDoc, Parameter, activation_for, facts_of
from disttrain.messages import shown
from disttrain.model import Model, family_of
from disttrain.networks import Output
from disttrain.preparation.censoring_text import losses_of, weights_of
from disttrain.preparation.load import is_label
from disttrain.preparation.outline import outline
from disttrain.workflows.network_summary import embedding_text, linear_path_text, parameter_networks

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_COLUMN = 17
# Labels that are shown, and characters of each.
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
    """The derivation in lines for people and as a document for programs."""

    lines: tuple[str, ...]
    document: dict[str, Any]


def explain(loaded: Loaded) -> Explanation:
    """How the loss of a config comes about. Where its data can be read the network is counted too. Raises ConfigError, never for data."""
    config = loaded.config
    try:
        model: Model | None = outline(loaded)
    except DataError:
        model = None
    family = model.family if model is not None else family_of(config, tuple(range(3)))
    known, symbols = facts_of(family), _symbols(family, config)
    rows = [
        ("q", f"{family.name}({', '.join(f'{p.name} = {symbols[p.name]}' for p in family.parameters)})"),
        ("target", _target_form(config, family, model)),
        *_parameter_rows(config, family, model, symbols),
        ("z", _network(config, family, model)),
        *(("", f"{name}: {text}") for name, text in (parameter_networks(model) if model is not None else {}).items()),
        ("density", _with(symbols, known, "density")),
        ("per row", _with(symbols, known, "loss")),
        *((f"  {part}", text) for part, text in _drops(config, known, symbols)),
        *((f"  {part}", text) for part, text in losses_of(config, family)),
        (f"{config.training.initialize} start", _STARTS[config.training.initialize]),
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


def _keyed(rows: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Rows by name; a row without one goes on from the row before."""
    found: dict[str, str] = {}
    last = ""
    for name, text in rows:
        last = name.strip() or last
        found[last] = f"{found[last]} {text}" if last in found else text
    return found


def _symbols(family: Family, config: Config) -> dict[str, str]:
    """θ with a number for each learned parameter, the value itself for each fixed one."""
    found, number = {}, 0
    for parameter in family.parameters:
        section = config.distribution.parameters.get(parameter.name)
        if parameter.given is not None:
            found[parameter.name] = f"`{parameter.given}`" if isinstance(parameter.given, str) else f"{parameter.given:g}"
        elif section is not None and section.fixed is not None:
            found[parameter.name] = f"{section.fixed:g}" if isinstance(section.fixed, int | float) else str(list(section.fixed))
        else:
            number += 1
            found[parameter.name] = "θ" + str(number).translate(_SUBSCRIPTS)
    return found


def _target_form(config: Config, family: Family, model: Model | None) -> str:
    columns = [shown(column) for column in config.data.targets]
    if family.event:
        return f"{', '.join(f'`{column}`' for column in columns)}: one vector per row, {family.support.text('y')}"
    if not is_label(config):
        return f"`{columns[0]}`, one number per row: {family.support.text('y')}"
    found = () if model is None or model.labels is None else model.labels
    some = ", ".join(shown(label, _LABEL) for label in found[:_LABELS]) + (", …" if len(found) > _LABELS else "")
    labels = f": {some}" if found else ""
    if len(columns) > 1:
        return f"one-hot: {len(columns)} columns with one 1 per row; y is the place of the 1{labels}"
    return f"`{columns[0]}`, one label per row; y is its place among the classes{labels}"


def _parameter_rows(config: Config, family: Family, model: Model | None, symbols: dict[str, str]) -> Iterator[tuple[str, str]]:
    outputs = {output.parameter.name: output for output in model.outputs} if model is not None else {}
    number = 0
    for parameter in family.parameters:
        symbol, output = symbols[parameter.name], outputs.get(parameter.name)
        support = parameter.support.text(symbol)
        shape = f"{_count(config, model, parameter)} numbers per row" if parameter.shape else "one number per row"
        section = config.distribution.parameters.get(parameter.name)
        if parameter.given is not None:
            by = "the column of each row" if isinstance(parameter.given, str) else "the family's options"
            yield parameter.name, f"= {symbol}, given by {by}"
            continue
        if section is not None and section.fixed is not None:
            yield parameter.name, f"= {symbol}, fixed: the network has no output for it"
            continue
        first, number = number + 1, number + _raw_size(parameter)
        z = (
            "z" + str(first).translate(_SUBSCRIPTS)
            if first == number
            else f"z{str(first).translate(_SUBSCRIPTS)}..{str(number).translate(_SUBSCRIPTS)}"
        )
        yield symbol, f"{parameter.name}: {shape}, {support}{_unit(output)}"
        yield "", f"= {_formula(config, family, parameter.name, output, z)}"


def _count(config: Config, model: Model | None, parameter: Parameter) -> str:
    """How many numbers a parameter is; `K` where neither the data nor one-hot columns say how many classes there are."""
    one_hot = len(config.data.targets) > 1
    if model is not None or "classes" not in parameter.axes:
        return " x ".join(map(str, parameter.shape))
    return str(len(config.data.targets)) if one_hot else "K"


def _raw_size(parameter: Parameter) -> int:
    """How many raw outputs its default activation takes."""
    return math.prod(activation_for(parameter).raw_shape(parameter.shape))


def _unit(output: Output | None) -> str:
    units = {
        "location": "target units", "scale": "target units", "variance": "squared target units", "rate": "1 / target units",
        "log_scale": "log target units",
    }  # fmt: skip
    role = output.parameter.role if output is not None else None
    return f", in {units[role]}" if role in units else ""


def _formula(config: Config, family: Family, name: str, output: Output | None, z: str) -> str:
    section = config.distribution.parameters.get(name)
    activation = (
        output.activation if output is not None else activation_for(family.parameter(name), None if section is None else section.activation)
    )
    formula = re.sub(r"(?<![A-Za-z])z(?=[^A-Za-z]|$)", z if "_" not in activation.formula else "z", activation.formula)
    chosen = "chosen in the config" if section is not None and section.activation else "default"
    constant = "; one learned constant for all rows" if output is not None and output.columns == () else ""
    offset = (config.data.offset or {}).get(name)
    added = f"; `{offset}` is added to {z}" if offset else ""
    return f"{formula}{_exposure(config, family, name)}     {activation.name} ({chosen}): {activation.remark}{constant}{added}"


def _exposure(config: Config, family: Family, name: str) -> str:
    """How the exposure of a row enters a parameter, by its unit: nothing where it does not."""
    column = config.data.exposure
    moves = {"location": ",  times `{}`", "rate": ",  divided by `{}`", "log_scale": ",  plus log `{}`"}
    moves |= dict.fromkeys(("scale", "mean"), moves["location"])
    return moves.get(family.parameter(name).role or "", "").format(column) if column is not None else ""


def _network(config: Config, family: Family, model: Model | None) -> str:
    hidden = [str(width) for width in config.network.hidden]
    chain = " → ".join([str(model.encoder.width) if model is not None else "inputs", *hidden, _heads(config, family, model)])
    kind = f"MLP {chain}, {config.network.activation}" if hidden else f"linear {chain}"
    spread = embedding_text(config)
    kind += linear_path_text(config)
    kind += "" if not spread else f", each number also as a {spread} embedding"
    told = f"{model.network.size():,} weights" if model is not None else "(the data could not be read)"
    members = config.network.members
    return f"{kind}        {told}" + ("" if members == 1 else f"; {members} networks side by side; the forecast is their equal mixture")


def _heads(config: Config, family: Family, model: Model | None) -> str:
    """How many outputs grow on the network: not those of fixed parameters, nor of learned constants."""
    if model is not None:
        return str(sum(output.size for output in model.outputs if output.columns != ()))
    sections = config.distribution.parameters
    constant = {name for name, section in sections.items() if section.fixed is not None or section.features == ()}
    constant |= {p.name for p in family.parameters if p.given is not None or (p.constant and p.name not in sections)}
    learned = [p for p in family.parameters if p.name not in constant]
    counts = [_count(config, None, p) if "classes" in p.axes else str(_raw_size(p)) for p in learned]
    return "K" if "K" in counts else str(sum(map(int, counts)))


def _with(symbols: dict[str, str], known: FamilyDoc, key: str) -> str:
    """A formula of the family with its symbols replaced by those of this config."""
    names = {symbol: symbols[parameter] for symbol, parameter in known.symbols().items()}
    pattern = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-zΑ-Ωα-ω_])({pattern})(?![A-Za-zΑ-Ωα-ω])", lambda match: _apart(match, names[match[1]]), known.lines[key])


def _apart(match: re.Match[str], name: str) -> str:
    """The name in the place of a symbol, with a dot where two numbers would run together."""
    before = match.string[match.start() - 1 : match.start()]
    return f"·{name}" if before.isdigit() and name[0].isdigit() else name


def _drops(config: Config, known: FamilyDoc, symbols: dict[str, str]) -> Sequence[tuple[str, str]]:
    """What drops out of the loss in this config, as the family's facts have it."""
    found = []
    for line in [known.lines[key] for key in known.lines if key.startswith("drops")]:
        condition, _, text = line.partition(": ")
        section = config.distribution.parameters.get(condition.removesuffix(" fixed"))
        if condition == "always" or (section is not None and section.fixed is not None):
            found.append(("drops out", _with(symbols, FamilyDoc("", {**known.lines, "text": text}), "text")))
    return found
