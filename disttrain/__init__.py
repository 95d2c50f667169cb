"""disttrain: train a neural network that predicts a probability distribution, by empirical cross-entropy.

    run = disttrain.fit("claims.yaml")
    run = disttrain.load("runs/claims-001")
    run.predict(frame); run.distribution(frame); run.evaluate(frame)
    loss = disttrain.CrossEntropy("gamma")

Names are imported on first use, so that importing the package costs nothing. `__init__.pyi` lists them.

The examples of docstrings stand in a checkout, with `torch`, `pandas as pd` and `pyarrow as pa` imported. `runs/norris` is the run that the
example of `fit` makes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
