"""The cross-entropy loss as a torch module, for any network."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from disttrain.errors import DataError, Finding, UsageError
from disttrain.families import (
    ACTIVATIONS,
    FAMILIES,
    Family,
    InvalidOption,
    Parameter,
    activation_for,
    bounded,
    build,
    objection,
    takes_exposure,
)
from disttrain.families import options as known_options
from disttrain.families.other_names import hint_to_family
from disttrain.likelihood import cross_entropy
from disttrain.networks import Conditions, Output, activated
from disttrain.outcomes import Outcome
from disttrain.parameter_settings import Rule, resolved, violations

_NONE = Conditions()
_KEYS = ("activation", "bounds", "fixed")
# The rules of a parameter block that bind this loss, the first to tell of first: it takes fixed vectors, and shares no softmax.
_RULES: tuple[Rule, ...] = (
    "given", "fixed-alone", "fixed-no-number", "fixed-shape", "fixed-support", "activation-no-text", "activation-unknown", "activation-support",
    "bounds-shape", "bounds-no-pair", "bounds-range",
)  # fmt: skip
# Rows that a message shows.
_MOST_ROWS = 3


class CrossEntropy(nn.Module):
    """The empirical cross-entropy of a family: raw outputs (n, outputs) and targets (n,) to the mean negative log-likelihood in nats.

    `family` is a name of the table (with its options, such as `classes=3`) or a Family; `parameters` may give a parameter `activation`,
    `bounds` or `fixed`, as in a config. `outputs` is the number of raw outputs of a row. Activation and likelihood run in float64 for raw
    outputs of any dtype. The constructor raises UsageError for unknown names and for values and shapes that are not possible. The loss
    raises DataError for targets outside the support, unless `check_support` is false: the check waits for a GPU in each step.

    >>> loss = disttrain.CrossEntropy("normal", {"scale": {"fixed": 1.0}})
    >>> loss.outputs
    1
    >>> loss(torch.tensor([[0.0], [0.0]]), torch.tensor([0.0, 2.0]))  # log(2 π)/2 + (0² + 2²)/4
    tensor(1.9189, dtype=torch.float64)
    """

    def __init__(
        self,
        family: str | Family,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        check_support: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        self.family = _family(family, options)
        self.check_support = check_support
        settings = dict(parameters or {})
        names = [parameter.name for parameter in self.family.parameters]
        for unknown in sorted(settings.keys() - set(names)):
            raise _refusal(f"`{unknown}` is not a parameter of {self.family.name}", _nearest(unknown, names))
        self.parts = tuple(_output(self.family, parameter, settings.get(parameter.name, {})) for parameter in self.family.parameters)
        self.outputs = sum(part.size for part in self.parts)
        if not self.outputs:
            raise _refusal("every parameter is fixed; there is nothing left to learn")

    def extra_repr(self) -> str:
        """The family, the activation of each parameter and the number of raw outputs, in one line.

        >>> disttrain.CrossEntropy("gamma").extra_repr()
        'gamma, concentration=softplus(z) + 1e-6, rate=softplus(z) + 1e-6, outputs=2'
        """
        formulas = (f"{p.parameter.name}={p.activation.formula if p.fixed is None else f'{p.fixed} fixed'}" for p in self.parts)
        return f"{self.family.name}, {', '.join(formulas)}, outputs={self.outputs}"

    def forward(
        self,
        raw: Tensor,
        y: Tensor | Outcome,
        weight: Tensor | None = None,
        conditions: Conditions = _NONE,
        check_support: bool | None = None,
    ) -> Tensor:
        """The mean of -log q(y) over rows, weighted by `weight` (n,) if it is given: a scalar, float64.

        `y` (n, *event) are targets observed exactly, or an Outcome for targets that are censored, in an interval or truncated.
        `conditions` hold the exposures, the offsets and the parameters that a column gives. `check_support` overrides that of the loss in
        this call. Raises UsageError for other shapes and for inexact rows of a family without a likelihood of intervals, DataError for
        targets outside the support.

        The mean is Σ w (-log q) / Σ w of these rows. For steps on batches of weighted rows, multiply it by the mean weight of the batch
        over that of all training rows. Otherwise heavy rows count for too little.

        >>> loss, raw = disttrain.CrossEntropy("exponential", {"rate": {"activation": "exp"}}), torch.zeros(2, 1)  # rates of exp(0) = 1
        >>> loss(raw, torch.tensor([1.0, 3.0])), loss(raw, torch.tensor([1.0, 3.0]), weight=torch.tensor([3.0, 1.0]))
        (tensor(2.0000, dtype=torch.float64), tensor(1.5000, dtype=torch.float64))
        >>> loss(raw, disttrain.Outcome.of_events(torch.tensor([1.0, 3.0]), event=torch.tensor([1, 0])))  # -log q(1), -log P(Y > 3)
        tensor(2.0000, dtype=torch.float64)
        """
        outcome = y.map(Tensor.double) if isinstance(y, Outcome) else Outcome.exact(y.double())
        distribution = self._distribution(raw, conditions, logits=True)
        expected = (len(raw), *distribution.event_shape)
        if tuple(outcome.lower.shape) != expected:
            raise _refusal(f"targets have shape {tuple(outcome.lower.shape)}; these raw outputs need {expected}")
        if weight is not None and tuple(weight.shape) != (len(raw),):
            raise _refusal(f"weights have shape {tuple(weight.shape)}; these raw outputs need {(len(raw),)}")
        if self.check_support if check_support is None else check_support:
            _require_inside(self.family, outcome, conditions)
        return cross_entropy(distribution, outcome, weight)

    def distribution(self, raw: Tensor, conditions: Conditions = _NONE) -> Distribution:
        """The distribution of each row under its conditions: batch shape (n,).

        >>> disttrain.CrossEntropy("normal").distribution(torch.tensor([[1.0, 0.0]])).mean
        tensor([1.], dtype=torch.float64)
        """
        return self._distribution(raw, conditions, logits=False)

    def _distribution(self, raw: Tensor, conditions: Conditions, *, logits: bool) -> Distribution:
        if raw.ndim != 2 or raw.shape[1] != self.outputs:
            raise _refusal(f"raw outputs have shape {tuple(raw.shape)}; {self.family.name} needs (n, {self.outputs})")
        learned = [part for part in self.parts if part.size]
        pieces = torch.split(raw.double(), [part.size for part in learned], 1)
        shaped = {part.parameter.name: piece.reshape(len(raw), *part.raw_shape) for part, piece in zip(learned, pieces, strict=True)}
        self._require_conditions(conditions, len(raw))
        missing = sorted(self.family.by_column.keys() - conditions.given.keys())
        if missing:
            raise _refusal(f"`{missing[0]}` is known of each row: conditions=Conditions(given={{{missing[0]!r}: ...}})")
        double_conditions = conditions.map(Tensor.double)
        return self.family.distribution(**activated(self.parts, shaped, len(raw), double_conditions, logits=logits), validate_args=False)

    def _require_conditions(self, conditions: Conditions, rows: int) -> None:
        """Raise UsageError for conditions that the family does not use, or of another shape than (rows,)."""
        name, learned = self.family.name, {part.parameter.name for part in self.parts if part.size}
        if conditions.exposure is not None and not takes_exposure(self.family):
            raise _refusal(f"{name} has no parameter that its mean is proportional to, so that it takes no exposure")
        for wrong in sorted(conditions.offsets.keys() - learned):
            raise _refusal(f"an offset is added to a learned parameter of {name}, and `{wrong}` is none: {', '.join(sorted(learned))}")
        for wrong in sorted(conditions.given.keys() - self.family.by_column.keys()):
            raise _refusal(f"`{wrong}` of {name} is not given row by row")
        exposures = {"exposure": conditions.exposure} if conditions.exposure is not None else {}
        for title, values in {**exposures, **conditions.offsets, **conditions.given}.items():
            if tuple(values.shape) != (rows,):
                raise _refusal(f"the conditions `{title}` have shape {tuple(values.shape)}; these raw outputs need {(rows,)}")


def _family(family: str | Family, options: Mapping[str, Any]) -> Family:
    if isinstance(family, Family):
        if options:
            raise _refusal(f"`{next(iter(options))}` is an option of families called by name; this one is made already")
        return family
    if family not in FAMILIES:
        raise _refusal(f"`{family}` is not a family", hint_to_family(family) or _nearest(family, FAMILIES))
    for unknown in sorted(options.keys() - set(known_options(family))):
        raise _refusal(f"`{family}` takes no option `{unknown}`", _nearest(unknown, ("check_support", *known_options(family))))
    classes = options.get("classes", 2)
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 2:
        raise _refusal(f"classes = {classes!r} is not possible: a whole number from 2 up")
    try:
        return build(family, options)
    except (TypeError, InvalidOption) as fault:
        raise _refusal(f"{family}: {fault}") from None


def _output(family: Family, parameter: Parameter, settings: Any) -> Output:
    if not isinstance(settings, Mapping):
        name = parameter.name
        raise _refusal(f"{name}: {settings!r} is not a mapping; write {{'fixed': {settings!r}}} for a value that is not learned")
    for unknown in sorted(settings.keys() - set(_KEYS)):
        raise _refusal(f"`{unknown}` is not known of a parameter", _nearest(unknown, _KEYS))
    block = {key: _plain(key, value) for key, value in settings.items() if value is not None}
    broken = {violation.rule for violation in violations(family, parameter, block)}
    for rule in _RULES:
        if rule in broken:
            raise _refusal(*_broken(rule, family, parameter, settings))
    one = resolved(parameter, **block)
    return Output(parameter, one.activation if one.bounds is None else bounded(one.activation, *one.bounds), fixed=one.fixed)


def _plain(key: str, value: Any) -> Any:
    """A fixed value or bounds as Python's numbers and tuples of them, or as text where they are no numbers."""
    try:
        if key == "fixed":
            numbers = torch.as_tensor(value, dtype=torch.float64).tolist()
            return tuple(numbers) if isinstance(numbers, list) else numbers
        if key == "bounds":
            low, high = value
            return None if low is None else float(low), None if high is None else float(high)
    except (TypeError, ValueError, RuntimeError):
        return repr(value)
    return value


def _broken(rule: Rule, family: Family, parameter: Parameter, settings: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a rule that a block breaks, and a hint."""
    name, (activation, bounds, fixed) = parameter.name, (settings.get(key) for key in _KEYS)
    match rule:
        case "activation-no-text" | "activation-unknown":
            return f"`{activation}` is not an activation", _nearest(activation, ACTIVATIONS)
        case "activation-support":
            what, why, hint = objection(str(activation), parameter, family.name) or ("", "", "")
            return f"{what}: {why}; {hint}", ""
        case "fixed-shape":
            shape = tuple(torch.as_tensor(fixed, dtype=torch.float64).shape)
            return f"{name} = {fixed!r} has shape {shape}; {family.name} needs {parameter.shape}", ""
        case "bounds-range":
            reach = activation_for(parameter, activation).range
            return (
                f"no value in {list(settings['bounds'])} is possible: {name} of {family.name} is in ({reach.lower:g}, {reach.upper:g})",
                "",
            )
    texts: dict[Rule, str] = {
        "given": f"{name} is not learned: it is an option of {family.name}",
        "fixed-alone": f"{name} is fixed: activation and bounds have no meaning for it",
        "fixed-no-number": f"{name} = {fixed!r} is not a number",
        "fixed-support": f"{name} = {fixed!r} is not possible: {family.name} needs {parameter.support.text(name)}",
        "bounds-shape": f"{name} is a vector and cannot be bounded",
        "bounds-no-pair": f"bounds of {name} are a lower and an upper number, or None; not {bounds!r}",
    }
    return texts[rule], ""


def _require_inside(family: Family, outcome: Outcome, conditions: Conditions) -> None:
    """Raise DataError if the support excludes a row: its exact target, or its whole interval."""
    support, lower, upper = family.support, outcome.lower.detach(), outcome.upper.detach()
    above = torch.zeros_like(lower, dtype=torch.bool) if outcome.above is None else outcome.above
    possible = support.contains(lower)
    if outcome.kinds != {"exact"}:
        reaches = (upper >= support.lower) if support.closed_lower else (upper > support.lower)
        reaches = reaches & ((lower <= support.upper) if support.closed_upper else (lower < support.upper))
        possible = torch.where(outcome.is_exact, possible, reaches & ~(above & (lower >= support.upper)))
    inside = possible.reshape(len(lower), -1).all(1)
    for name, largest in zip(family.ends, (False, True), strict=True):
        if name in conditions.given:
            edge = conditions.given[name].double().reshape(-1, *(1 for _ in lower.shape[1:]))
            outside = (lower > edge) | (above & (lower == edge)) if largest else upper < edge
            inside = inside & ~outside.reshape(len(lower), -1).any(1)
    if bool(inside.all()):
        return
    rows = torch.nonzero(~inside).flatten().tolist()
    examples = ", ".join(f"row {row} is {_text_of(lower[row], upper[row])}" for row in rows[:_MOST_ROWS])
    more = f" and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    what = f"{family.name} cannot produce {len(rows):,} of {len(inside):,} targets, it needs {support.text('y')}: {examples}{more}"
    hints = ("leave these rows out or choose another family; `check_support=False` scores them as they are",)
    raise DataError(Finding("target-outside-support", what, "CrossEntropy", hints=hints))


def _text_of(lower: Tensor, upper: Tensor) -> str:
    ends = [", ".join(f"{value:.6g}" for value in end.flatten().tolist()) for end in (lower, upper)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} .. {ends[1]}"


def _nearest(word: Any, choices: Iterable[str]) -> str:
    """A hint for a word that is none of the choices."""
    words = list(choices)
    matches = difflib.get_close_matches(str(word).lower(), words, n=1)
    return f"did you mean `{matches[0]}`?" if matches else f"there are {', '.join(words)}"


def _refusal(what: str, hint: str = "") -> UsageError:
    return UsageError(Finding("bad-loss", what, "CrossEntropy", hints=(hint,) if hint else ()))
