"""What a config comes to before anything is fitted is what a fit makes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from disttrain.preparation.outline import outline
from disttrain.preparation.prepare import prepare
from disttrain.training import marginal_fit
from disttrain.validation.config import configuration
from disttrain.workflows import explain as explaining
from tests.small_runs import config_of, write_config


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("family", ["normal", "categorical", "multivariate_normal", "mixture"])
def test_an_outline_has_the_inputs_the_labels_and_the_weights_of_the_model(family, members, table_file, tmp_path):
    document = config_of(family, str(table_file))
    document["network"] |= {"members": members}
    loaded = configuration(write_config(tmp_path / "c.yaml", document))
    sketch, model = outline(loaded), prepare(loaded).model
    assert sketch.encoder.columns == model.encoder.columns
    assert (sketch.labels, sketch.schema, sketch.network.size()) == (model.labels, model.schema, model.network.size())
    assert [output.size for output in sketch.outputs] == [output.size for output in model.outputs]


@pytest.mark.parametrize(("family", "labels"), [("normal", None), ("categorical", 3)])
def test_a_family_is_built_again_only_for_the_number_of_its_labels(family, labels, table_file, tmp_path):
    prepared = prepare(configuration(write_config(tmp_path / "c.yaml", config_of(family, str(table_file)))))
    assert (prepared.observed.family is prepared.data.family) == (labels is None)
    assert labels is None or len(prepared.observed.labels) == prepared.model.family.parameters[0].shape[0]


def test_an_explanation_fits_nothing(table_file, tmp_path, monkeypatch):
    class Fitted(Exception):
        """A fit was made."""

    def fitted(*_):
        raise Fitted

    # What every marginal fit sums up.
    monkeypatch.setattr(marginal_fit, "loss_chunks", fitted)
    loaded = configuration(write_config(tmp_path / "c.yaml", config_of("tweedie", str(table_file))))
    with pytest.raises(Fitted):
        prepare(loaded)
    lines = explaining.explain(loaded).lines
    assert any("weights" in line and "4 → 8" in line for line in lines)


def test_bounds_are_explained_in_target_units(table_file, tmp_path):
    document = config_of("gamma", str(table_file), parameters={"rate": {"bounds": [0.25, 8.0]}})
    lines = explaining.explain(configuration(write_config(tmp_path / "c.yaml", document))).lines
    activation = next(line for last, line in pairwise(lines) if "  rate: one number per row" in last)
    assert "= softplus(z₂) + 1e-6 kept in (0.25, 8) " in activation
