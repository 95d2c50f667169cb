"""Notes on the features of new rows: missing values and unknown categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from disttrain.data import FeatureCounts, display, raise_any
from disttrain.errors import Finding
from disttrain.model import Model

# The hint for callers in Python if no category of a feature is known.
IN_PYTHON = 'rename the column of the frame; `unknown="ok"` goes on all the same'


class FeatureNotes:
    """Counts over batches: the number of `rows`, and for each feature its rows with missing values and with unknown categories."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, FeatureCounts] = {}

    def add(self, notes: Mapping[str, FeatureCounts], rows: int) -> None:
        """Add the counts of a batch of `rows` rows."""
        self.rows += rows
        for name, note in notes.items():
            before = self.counts.get(name, FeatureCounts(0, 0))
            self.counts[name] = FeatureCounts(before.missing + note.missing, before.unseen + note.unseen)

    def texts(self, policy: str) -> Iterator[str]:
        """The notes for a reader of the predictions. `policy` is the config's `data.missing`."""
        for name, note in self.counts.items():
            if note.missing:
                left = "left without a forecast" if policy == "drop" else "imputed"
                yield f"{display(name)}: {counted(note.missing)} without a value, {left}"
            if note.unseen:
                yield f"{display(name)}: {counted(note.unseen)} with a category that training did not have"

    def require_known(
        self, model: Model, where: str, way_out: str = "`--map` names a renamed column; `--unknown ok` goes on all the same"
    ) -> None:
        """Raise DataError if all values of a feature are unknown categories: it is then probably another column."""
        findings = []
        for name, note in self.counts.items():
            if note.unseen and note.unseen == self.rows - note.missing:
                categories = model.encoder.categories(name)
                listed = ", ".join(f"`{display(category, 30)}`" for category in categories[:5]) + (" ..." if len(categories) > 5 else "")
                what = f"no value of `{display(name)}` is a category that training had, in {counted(note.unseen)}"
                hints = (f"training had {listed}", way_out)
                findings.append(Finding("unknown-categories", what, display(where, 200), hints=hints))
        raise_any(findings)


def counted(rows: int) -> str:
    return f"{rows:,} row{'s' if rows != 1 else ''}"
