"""Prints the README's table of all families. With `--write` it goes into the README.

Run it as a script: `python -m tests.families.families_table --write`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from disttrain.selection.family_docs import listing

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- families -->", "<!-- /families -->"
# What an option turns the parameters of a family into.
OTHER_FORMS = {"multivariate_normal": "; with `rank: r` cov_factor (linear), cov_diag (softplus)"}


def table() -> str:
    """The whole table in Markdown: each family, its target, and its parameters with their default activations."""
    lines = ["| family | target | parameters (default activation) |", "|--|--|--|"]
    for row in listing(None):
        parameters = ", ".join(f"{name} ({how})" for name, how in zip(row["parameters"], row["activations"], strict=True))
        lines.append(f"| `{row['family']}` | {row['support']} | {parameters}{OTHER_FORMS.get(row['family'], '')} |")
    return "\n".join(lines)


def written() -> str:
    """The table that stands in the README."""
    return README.read_text(encoding="utf-8").split(START)[1].split(END)[0].strip()


if __name__ == "__main__":
    print(table())
    if "--write" in sys.argv:
        readme = README.read_text(encoding="utf-8")
        before, after = readme.split(START)[0], readme.split(END)[1]
        README.write_text(f"{before}{START}\n{table()}\n{END}{after}", encoding="utf-8")
