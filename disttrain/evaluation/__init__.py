"""The evaluation of a model: its metrics, and the scores of all rows and of groups."""
