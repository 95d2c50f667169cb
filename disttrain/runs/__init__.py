"""A run folder, from its first file to its last: opened, told of, resumed, and never replaced by mistake."""
