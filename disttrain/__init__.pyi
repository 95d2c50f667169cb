"""The public names of `disttrain`, listed here alone: read by type checkers and, at run time, by lazy_loader."""

from .api import Evaluation as Evaluation
from .api import FittedRun as FittedRun
from .api import fit as fit
from .api import load as load
from .errors import DataWarning as DataWarning
from .errors import DisttrainError as DisttrainError
from .families import Family as Family
from .families import Parameter as Parameter
from .networks import Conditions as Conditions
from .outcomes import Outcome as Outcome
from .training import CrossEntropy as CrossEntropy
