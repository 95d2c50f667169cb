"""The config: strict YAML, frozen sections, and messages that point at the wrong word. Importing this package imports no torch."""

from disttrain.config.aliases import key_of
from disttrain.config.dump import dump, dump_document, override
from disttrain.config.loading import Loaded, document_of, load, loads, parse, run_name
from disttrain.config.messages import suggestion
from disttrain.config.paths import expanded, folder_to_make
from disttrain.config.sections.config import (
    Config,
    DistributionSection,
    EvaluationSection,
    NetworkSection,
    OutputSection,
    ParameterSection,
    PredictionsSection,
)
from disttrain.config.sections.data import ColumnSplit, DataSection, FeatureSection, FoldSplit, SplitSection, is_source
from disttrain.config.sections.training import OptimizerSection, ScheduleSection, StoppingSection, TrainingSection
from disttrain.config.yaml.scalars import Document, Yaml
from disttrain.config.yaml.source_map import Problem, under

__all__ = [
    "ColumnSplit",
    "Config",
    "DataSection",
    "DistributionSection",
    "Document",
    "EvaluationSection",
    "FeatureSection",
    "FoldSplit",
    "Loaded",
    "NetworkSection",
    "OptimizerSection",
    "OutputSection",
    "ParameterSection",
    "PredictionsSection",
    "Problem",
    "ScheduleSection",
    "SplitSection",
    "StoppingSection",
    "TrainingSection",
    "Yaml",
    "document_of",
    "dump",
    "dump_document",
    "key_of",
    "expanded",
    "folder_to_make",
    "is_source",
    "load",
    "loads",
    "override",
    "parse",
    "run_name",
    "suggestion",
    "under",
]
