"""Naming a distribution costs nothing: torch is imported when one is made."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from disttrain import distributions


@pytest.mark.slow
def test_naming_a_distribution_does_not_import_torch():
    program = (
        "import sys; from disttrain import distributions as d; gamma = d.deferred_class('Gamma'); before = 'torch' in sys.modules;"
        "made = gamma(concentration=2.0, rate=3.0); print(before, type(made) is d.Gamma, 'scipy.stats' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "True", "False"]


def test_every_public_name_is_there_and_unknown_ones_fail_at_once():
    assert all(getattr(distributions, name) is not None for name in distributions.__all__)
    assert distributions.functionals.mean(distributions.Normal(2.0, 1.0)) == 2.0
    with pytest.raises(AttributeError, match="Gama"):
        distributions.deferred_class("Gama")
    with pytest.raises(AttributeError, match="Gama"):
        _ = distributions.Gama


def test_a_class_of_torch_can_be_named_and_keeps_to_its_support():
    made = distributions.deferred_class("torch.distributions.HalfCauchy")(2.0)
    assert type(made).__name__ == "HalfCauchy"
    assert made._validate_args is False
    assert made.cdf([-1.0, 0.0, 2.0]).tolist() == pytest.approx([0.0, 0.0, 0.5])
    assert made.log_prob(-1.0) == -torch.inf
    with pytest.raises(AttributeError, match="HalfGama"):
        distributions.deferred_class("torch.distributions.HalfGama")(2.0)


def test_deferred_classes_of_one_name_are_equal():
    assert distributions.deferred_class("Beta") == distributions.deferred_class("Beta") != distributions.deferred_class("Gamma")
