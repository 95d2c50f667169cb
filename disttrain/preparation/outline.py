"""The outline of a model: inputs, labels and layers from a config and its data, without fitting or encoding."""

from __future__ import annotations

import torch

from disttrain.config import Loaded
from disttrain.data import located
from disttrain.families import Scaling
from disttrain.model import Model, layout_of, outputs_of
from disttrain.networks import Network
from disttrain.preparation.load import dataset, fitted_encoder
from disttrain.preparation.observations import observe


def outline(loaded: Loaded) -> Model:
    """The model of a config in target units, without weights and without a marginal fit. Raises DataError."""
    config, rows = loaded.config, dataset(loaded, warn=False)
    encoder = fitted_encoder(config, rows)
    rows = rows.only(encoder.usable(rows.table))
    with located(rows.origin):
        observed = observe(config, rows.schema, rows.family, rows.table, None, rows.split == 0)
    scaling = Scaling()
    outputs = outputs_of(config, observed.family, encoder, scaling)
    with torch.device("meta"):
        network = Network(layout_of(config, encoder), outputs, torch.Generator("cpu"))
    return Model(config, rows.schema, encoder, observed.family, observed.labels, outputs, scaling, network, {})
