"""The model, which turns a row of features into a distribution of its target, and its plan from a config."""

from disttrain.model.inference import encoded
from disttrain.model.model import Model
from disttrain.model.planning import Labels, family_of, layout_of, output_of, outputs_of, scaling_of, settings_of, trunk_dtype
from disttrain.model.row_inputs import conditions_of, known_columns, standardised

__all__ = [
    "Labels",
    "Model",
    "conditions_of",
    "encoded",
    "family_of",
    "known_columns",
    "layout_of",
    "output_of",
    "outputs_of",
    "scaling_of",
    "settings_of",
    "standardised",
    "trunk_dtype",
]
