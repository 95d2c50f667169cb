"""Files on disk: atomic writes, and checks before any content is used.

This package does not interpret the content, and importing it does not import torch.

`atomic_files` writes a file, `model_folder` stores a model, `checkpoint_folder` stores the state of a fit, `run_folder` numbers, locks
and finds runs.
"""

from disttrain.storage.atomic_files import make_folder, numbered, replacing, reported, require_writable, write_bytes, write_json, write_text
from disttrain.storage.checkpoint_folder import Checkpoint, read_checkpoint, remove_checkpoints, write_checkpoint
from disttrain.storage.model_folder import StoredModel, load_weights, read, save
from disttrain.storage.run_files import CHECKPOINT, is_removed, own_files
from disttrain.storage.run_folder import ModelLocation, Run, create, create_at, find, newest_to_resume, record, reopen
from disttrain.storage.safe_read import Json

__all__ = [
    "CHECKPOINT",
    "Checkpoint",
    "Json",
    "ModelLocation",
    "Run",
    "StoredModel",
    "create",
    "create_at",
    "find",
    "is_removed",
    "load_weights",
    "make_folder",
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
