"""Tasks of whoever works on the project: `nox -s fast` while you write, `nox` before you send a change.

Every session makes an environment of its own from `constraints.txt`; `nox -R -s fast` reuses it and starts at once.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"


def install(session: nox.Session, extra: str) -> None:
    """Install the package as it is edited, with the pinned versions of its dependencies and of those of `extra`."""
    session.install("-c", "constraints.txt", "-e", f".[{extra}]")


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest with one thread a process, and with what stands after `--` on the command line."""
    session.run("python", "-m", "pytest", *arguments, *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def fast(session: nox.Session) -> None:
    """Run the tests that are not marked slow, of every folder: below a minute and a half on two cores."""
    install(session, "test")
    pytest(session, "-n", "2", "-m", "not slow")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite."""
    install(session, "test")
    pytest(session, "-n", "2")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Hold the README and the examples of docstrings to the program: sessions, Python, the tables of families and of accuracy."""
    install(session, "test")
    pytest(
        session,
        "tests/cli/test_cli_readme.py",
        "tests/test_public_examples.py",
        "tests/families/test_families_table.py",
        "tests/distributions/test_distributions_accuracy.py",
    )


@nox.session
def references(session: nox.Session) -> None:
    """Make the 60-digit references of the distributions named after `--`, or of all, and the README's tables of families and accuracy."""
    install(session, "test")
    session.run("python", "-m", "tests.distributions.make_references", *session.posargs)
    session.run("python", "-m", "tests.families.families_table", "--write")
    session.run("python", "-m", "tests.distributions.accuracy_table", "--write")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run a benchmark of tests/benchmarks by its name after `--`, such as `nox -s benchmarks -- speed --rounds 3`."""
    install(session, "dev")
    name, *rest = session.posargs or ["speed"]
    session.run("python", "-m", f"tests.benchmarks.{name}", *rest)
