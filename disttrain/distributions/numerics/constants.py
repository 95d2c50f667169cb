"""Constants of densities, each to the last digit of float64."""

from __future__ import annotations

import math

LOG_2 = math.log(2.0)
LOG_PI = math.log(math.pi)
LOG_2PI = 1.8378770664093453
HALF_LOG_2PI = 0.9189385332046727
ROOT_HALF = math.sqrt(0.5)
ROOT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)
EULER_GAMMA = 0.5772156649015329
