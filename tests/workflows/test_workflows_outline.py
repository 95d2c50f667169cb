"""What a config comes to before anything is fitted is what a fit makes of it."""

from __future__ import annotations

import pytest
from small_runs import config_of, write_config

from disttrain.workflows import explain as explaining
from disttrain.workflows.configuration import configuration
from disttrain.workflows.outline import outline
from disttrain.workflows.preparation import prepare


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


def test_an_explanation_fits_nothing(table_file, tmp_path, monkeypatch):
    from disttrain import training
    from disttrain.workflows import preparation

    def fitted(*_):
        raise AssertionError("a fit was made")

    monkeypatch.setattr(preparation, "marginal_raw", fitted)
    monkeypatch.setattr(training, "marginal_raw", fitted)
    lines = explaining.explain(configuration(write_config(tmp_path / "c.yaml", config_of("tweedie", str(table_file))))).lines
    assert any("weights" in line and "4 → 8" in line for line in lines)


def test_bounds_are_explained_in_target_units(table_file, tmp_path):
    document = config_of("gamma", str(table_file), parameters={"rate": {"bounds": [0.25, 8.0]}})
    lines = explaining.explain(configuration(write_config(tmp_path / "c.yaml", document))).lines
    assert any("0.25" in line and "8" in line for line in lines)
