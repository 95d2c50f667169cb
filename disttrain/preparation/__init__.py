"""From a config and its files to a model and tensors: rows, splits, targets, their checks, and the training plan."""
