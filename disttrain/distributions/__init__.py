"""Distributions with log-densities exact for extreme parameters, and cdf, survival and quantile for every family.

Importing this package does not import torch; its classes are imported when they are first used. `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
