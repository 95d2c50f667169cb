"""From bytes to tables to arrays: reading files, checking what is in them, encoding features, reading targets and splitting rows."""

from disttrain.data.arrays import boolean_column, chosen_texts, float_column, integer_column, text_column
from disttrain.data.batches import batches, bounds, order
from disttrain.data.encoding import Embedding, Encoder, Note
from disttrain.data.filters import columns_of, keep
from disttrain.data.findings import Origin, column_place, place, raise_any, row_finding, shown
from disttrain.data.formats import FORMATS, Format, format_of
from disttrain.data.known import Known, read_known
from disttrain.data.locating import files
from disttrain.data.output_columns import for_spreadsheets, in_format, require_format, text_needed
from disttrain.data.schema import Feature, Schema
from disttrain.data.seen import Seen, read_seen
from disttrain.data.sources import ahead, fingerprint, origin_of, read, row_counts, schema_of, stream
from disttrain.data.splits import SPLITS, TEST, TRAIN, VALIDATION, assign, own_shares
from disttrain.data.states import within
from disttrain.data.targets import Target, read_target, read_weight, require_complete, require_weight
from disttrain.data.values import text_examples

__all__ = [
    "FORMATS",
    "SPLITS",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Embedding",
    "Encoder",
    "Feature",
    "Format",
    "Known",
    "Note",
    "Origin",
    "Schema",
    "Seen",
    "Target",
    "ahead",
    "assign",
    "batches",
    "boolean_column",
    "bounds",
    "chosen_texts",
    "column_place",
    "columns_of",
    "files",
    "fingerprint",
    "float_column",
    "for_spreadsheets",
    "format_of",
    "in_format",
    "integer_column",
    "keep",
    "order",
    "origin_of",
    "own_shares",
    "place",
    "raise_any",
    "read",
    "read_known",
    "read_seen",
    "read_target",
    "read_weight",
    "require_complete",
    "require_format",
    "require_weight",
    "row_counts",
    "row_finding",
    "schema_of",
    "shown",
    "stream",
    "text_column",
    "text_examples",
    "text_needed",
    "within",
]
