"""Prints the README's table of accuracy: the worst errors against the frozen references. With `--write` it goes into the README.

Run it as a script: `python -m tests.distributions.accuracy_table --write`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.distributions.accuracy import REFERENCES, log_prob_errors, quantile_error, tail_errors

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- accuracy -->", "<!-- /accuracy -->"


def row(name: str) -> str:
    """One line: the worst errors of log_prob in the core range and at the extremes, of its slopes, of both tails, of the quantile."""
    table = REFERENCES[name]
    core, extreme = log_prob_errors(name, "core"), log_prob_errors(name, "extreme")
    tails = f"{max(tail_errors(name)):.0e}" if table.get("tails") else ""
    quantile = f"{quantile_error(name):.0e}" if table.get("tails") else ""
    return f"| {name} | {core[0]:.0e} | {extreme[0]:.0e} | {max(core[1], extreme[1]):.0e} | {tails} | {quantile} |"


def table() -> str:
    """The whole table in Markdown."""
    head = ["| distribution | log_prob, core | extremes | its slopes | both tails | quantile |", "|--|--|--|--|--|--|"]
    return "\n".join([*head, *(row(name) for name in REFERENCES)])


if __name__ == "__main__":
    text = table()
    print(text)
    if "--write" in sys.argv:
        readme = README.read_text()
        before, after = readme.split(START)[0], readme.split(END)[1]
        README.write_text(f"{before}{START}\n{text}\n{END}{after}")
