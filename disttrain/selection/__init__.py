"""The choice of a family: a ranking of families on a column, and the documentation of each."""
