"""Networks from encoded inputs to the parameters of a family; they know nothing of targets and losses."""

from disttrain.networks.head import Network, activated
from disttrain.networks.input_layer import NUMERIC_EMBEDDINGS, CategoryCodes, InputLayer
from disttrain.networks.layout import Layout, Output
from disttrain.networks.member_layers import NORMALIZATIONS
from disttrain.networks.mlp import MLP, TRUNK_ACTIVATIONS, LayerOptions
from disttrain.networks.row_inputs import Conditions

__all__ = [
    "MLP",
    "NORMALIZATIONS",
    "NUMERIC_EMBEDDINGS",
    "TRUNK_ACTIVATIONS",
    "CategoryCodes",
    "Conditions",
    "InputLayer",
    "Layout",
    "Network",
    "Output",
    "LayerOptions",
    "activated",
]
