"""Files on disk: written whole or not at all, checked before they are believed.

This room knows nothing of what they mean, and importing it does not import torch.

`atomic_files` writes a file under its name, `model_folder` keeps a model, `checkpoint_folder` the state of a fit, `run_folder` numbers, locks
and finds runs.
"""

from disttrain.storage.atomic_files import numbered, replacing, reported, require_writable, write_bytes, write_json, write_text
from disttrain.storage.checkpoint_folder import Checkpoint, read_checkpoint, remove_checkpoints, write_checkpoint
from disttrain.storage.model_folder import StoredModel, load_weights, read, save
from disttrain.storage.run_files import CHECKPOINT, is_removed, own_files
from disttrain.storage.run_folder import Found, Run, create, create_at, find, newest_to_resume, record, reopen

__all__ = [
    "CHECKPOINT",
    "Checkpoint",
    "Found",
    "Run",
    "StoredModel",
    "create",
    "create_at",
    "find",
    "is_removed",
    "load_weights",
    "newest_to_resume",
    "numbered",
    "own_files",
    "read",
    "read_checkpoint",
    "record",
    "remove_checkpoints",
    "reopen",
    "replacing",
    "reported",
    "require_writable",
    "save",
    "write_bytes",
    "write_checkpoint",
    "write_json",
    "write_text",
]
