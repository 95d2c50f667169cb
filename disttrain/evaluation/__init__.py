"""Which metrics score a model on rows, and the scores of all rows and of groups."""
