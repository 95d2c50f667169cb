"""Networks from encoded inputs to the parameters of a family; they know nothing of targets and losses."""

from disttrain.networks.conditions import Conditions
from disttrain.networks.head import Network, activated
from disttrain.networks.inputs import NUMERIC_EMBEDDINGS, CategoryCodes, Inputs
from disttrain.networks.layers import NORMALIZATIONS
from disttrain.networks.layout import Layout, Output
from disttrain.networks.mlp import MLP, TRUNK_ACTIVATIONS, Style

__all__ = [
    "MLP",
    "NORMALIZATIONS",
    "NUMERIC_EMBEDDINGS",
    "TRUNK_ACTIVATIONS",
    "CategoryCodes",
    "Conditions",
    "Inputs",
    "Layout",
    "Network",
    "Output",
    "Style",
    "activated",
]
