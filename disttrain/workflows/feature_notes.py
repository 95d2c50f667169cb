"""Missing values and unseen categories that forecasts met, counted over batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from disttrain.data import Note

__all__ = ["FeatureNotes"]


class FeatureNotes:
    """What a reader of predictions should know of their rows, counted over batches: missing values and unseen categories of each feature."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, notes: Mapping[str, Note]) -> None:
        """Count what was met in a batch."""
        for name, note in notes.items():
            missing, unseen = self._counts.get(name, (0, 0))
            self._counts[name] = (missing + note.missing, unseen + note.unseen)

    def texts(self, policy: str) -> Iterator[str]:
        """One line for each column and kind; `policy` is what is done about missing values."""
        for name, (missing, unseen) in self._counts.items():
            if missing:
                yield f"{name}: {missing:,} rows without a value, {'left without a forecast' if policy == 'drop' else 'imputed'}"
            if unseen:
                yield f"{name}: {unseen:,} rows with a category that training did not have"
