"""Input data, from files to tables to arrays: readers, checks, feature encoding, targets and the split of the rows."""

from disttrain.data.batches import batches, bounds, order
from disttrain.data.censoring import CensoredTarget, read_censored_target
from disttrain.data.column_types import AS_WRITTEN, NAME, NUMBER
from disttrain.data.common_types import in_one_type
from disttrain.data.features.categorical import Embedding
from disttrain.data.features.encoder import Encoder, FeatureCounts
from disttrain.data.filters import columns_of, keep
from disttrain.data.hashing import row_hash
from disttrain.data.io.arrow_arrays import boolean_column, chosen_texts, float_column, integer_column, joined, text_column, texts
from disttrain.data.io.discovery import files
from disttrain.data.io.files import has_piped_data
from disttrain.data.io.formats import FORMATS, Format, format_of
from disttrain.data.io.record_batches import ahead, rows_at, rows_from
from disttrain.data.json_state import within
from disttrain.data.member_holdouts import MEMBER_HOLDOUTS, member_holdouts
from disttrain.data.messages import (
    BatchError,
    BatchFinding,
    Origin,
    column_location,
    display,
    display_path,
    located,
    raise_any,
    row_finding,
)
from disttrain.data.output_columns import for_spreadsheets, in_format, require_format, text_needed
from disttrain.data.repeated_subjects import RepeatedSubjects, naming_column, repeated_subjects
from disttrain.data.row_inputs import RowColumn, read_row_inputs
from disttrain.data.schema import Feature, Schema
from disttrain.data.source import COMPARED, VERBATIM, Rows, Source, comparisons, origin_of
from disttrain.data.split_checks import older_rows, shared_groups, shared_rows, shared_values, unlisted_values
from disttrain.data.splits import RANKS, TEST, TRAIN, UNUSED, VALIDATION, assign, native_rows
from disttrain.data.targets import Target, read_target, read_weight, require_complete, require_weight
from disttrain.data.wrong_cells import imposed

__all__ = [
    "AS_WRITTEN",
    "COMPARED",
    "FORMATS",
    "MEMBER_HOLDOUTS",
    "RANKS",
    "VERBATIM",
    "NAME",
    "NUMBER",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VALIDATION",
    "BatchError",
    "BatchFinding",
    "Embedding",
    "Encoder",
    "Feature",
    "Format",
    "RepeatedSubjects",
    "RowColumn",
    "FeatureCounts",
    "Origin",
    "Rows",
    "Schema",
    "CensoredTarget",
    "Source",
    "Target",
    "ahead",
    "assign",
    "batches",
    "boolean_column",
    "bounds",
    "chosen_texts",
    "column_location",
    "columns_of",
    "comparisons",
    "files",
    "float_column",
    "for_spreadsheets",
    "format_of",
    "has_piped_data",
    "imposed",
    "in_one_type",
    "in_format",
    "integer_column",
    "joined",
    "keep",
    "located",
    "older_rows",
    "order",
    "origin_of",
    "member_holdouts",
    "naming_column",
    "native_rows",
    "display_path",
    "raise_any",
    "read_row_inputs",
    "read_censored_target",
    "read_target",
    "read_weight",
    "require_complete",
    "require_format",
    "require_weight",
    "repeated_subjects",
    "row_finding",
    "row_hash",
    "rows_at",
    "rows_from",
    "shared_groups",
    "shared_rows",
    "shared_values",
    "display",
    "text_column",
    "text_needed",
    "texts",
    "unlisted_values",
    "within",
]
