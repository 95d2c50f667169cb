"""Files on disk: written whole or not at all, checked before they are believed.

This room knows nothing of what they mean, and importing it does not import torch.

`atomic` writes a file under its name, `model_folder` keeps a model, `run_folder` numbers, locks and finds runs.
"""

from disttrain.storage.atomic import numbered, replacing, require_writable, write_bytes, write_json, write_text
from disttrain.storage.model_folder import StoredModel, load_weights, read, save
from disttrain.storage.run_folder import Found, Run, create, create_at, find, record

__all__ = [
    "Found",
    "Run",
    "StoredModel",
    "create",
    "create_at",
    "find",
    "load_weights",
    "numbered",
    "read",
    "record",
    "replacing",
    "require_writable",
    "save",
    "write_bytes",
    "write_json",
    "write_text",
]
