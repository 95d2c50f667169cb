"""A fit that was stopped or killed and gone on with ends where it would have ended; what would end elsewhere is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import disttrain
from disttrain import storage
from disttrain.cli.app import app
from disttrain.errors import OutputExists, RunUnreadable, StorageError
from disttrain.validation.config import configuration
from disttrain.workflows.fit import Epoch, Finished, fit
from tests.small_runs import config_of, family_table, write_config, write_table

PROGRAM = Path(__file__).with_name("fitting_until_killed.py")
EVERYTHING = ("model/weights.safetensors", "predictions.parquet", "metrics.json")


def document_of(train: str, **training: object) -> dict[str, object]:
    """Ten epochs of eight batches with dropout and batch normalisation, a checkpoint after every second."""
    document = config_of("gamma", train)
    return document | {
        "network": {"hidden": [8], "dropout": 0.2, "normalization": "batch"},
        "training": {"epochs": 10, "batch_size": 32, "deterministic": True} | training,
        "evaluation": {"metrics": ["nll"]},
        "output": {"checkpoint_every": 2},
    }


@pytest.fixture
def config(tmp_path, table_file):
    return write_config(tmp_path / "small.yaml", document_of(str(table_file)))


def run(config, out, *overrides, stop_at=None, word="interrupted", **options):
    """The events of a fit that is told `word` at its batch number `stop_at`."""
    asked = count()
    loaded = configuration(config, overrides)
    return list(fit(loaded, out=out, stop=lambda: word if stop_at is not None and next(asked) >= stop_at else None, **options))


def resume(config, folder, *overrides, **options):
    return run(config, None, *overrides, resume=folder, **options)


def results(folder):
    return [(folder / name).read_bytes() for name in EVERYTHING]


def history(folder):
    table = pq.read_table(folder / "history.parquet")
    return table.drop_columns(["seconds", "rows_per_second"]).to_pylist(), table["seconds"].to_pylist()


def record(folder):
    return json.loads((folder / "run.json").read_text())


WAYS = {
    "adamw": {},
    "lbfgs": {"optimizer": "lbfgs", "batch_size": "auto"},
    "sgd": {"optimizer": {"name": "sgd", "momentum": 0.9}, "schedule": {"name": "plateau", "patience": 1}},
    "own rows": {"averaging": 0.9},
    "linear start": {"initialize": "auto"},
    "patience": {"early_stopping": {"patience": 3, "min_delta": 1.0}},
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_fit_that_was_stopped_anywhere_ends_in_the_bits_of_an_unbroken_one(way, tmp_path, table_file):
    document = document_of(str(table_file), **WAYS[way])
    # Without validation rows the last epochs are the best: the weights then are those of all that was drawn.
    document["data"]["validation"] = None
    if way in {"own rows", "linear start"}:
        document["data"] |= {"validation": 0.2, "split": {"method": "per_member"}}
        document["network"] |= {"members": 2, "normalization": "layer", "linear_path": way == "linear start"}
    config = write_config(tmp_path / "small.yaml", document)
    whole = run(config, tmp_path / "whole" / "run")
    for stop_at in {"lbfgs": (0, 1, 7), "linear start": (0, 30, 120)}.get(way, (0, 13, 21)):
        folder = tmp_path / str(stop_at) / "run"
        run(config, folder, stop_at=stop_at)
        stopped = record(folder)
        assert (stopped["status"], stopped["exit_code"]) == ("stopped", 130)
        events = resume(config, folder)
        assert results(folder) == results(tmp_path / "whole" / "run")
        assert events[0].warnings == whole[0].warnings
        assert [event.number for event in events if isinstance(event, Epoch)] == list(range(events[0].resumed + 1, whole[-1].epochs + 1))
        assert history(folder)[0] == history(tmp_path / "whole" / "run")[0]
        assert history(folder)[1] == sorted(history(folder)[1])
        now = record(folder)
        assert (now["status"], now["exit_code"], now["started"]) == ("finished", 0, stopped["started"])
        assert now["reason"] == whole[-1].reason == events[-1].reason
        assert (now["epochs"], now["best_epoch"]) == (whole[-1].epochs, whole[-1].best_epoch)
        assert not (folder / "checkpoint").exists()


@pytest.mark.slow
def test_an_epoch_that_was_cut_short_leaves_no_trace(config, tmp_path):
    """The best epoch of the part that was stopped may be half of one, which the whole fit never had."""
    run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    for stop_at in (9, 9, 4):
        events = run(config, folder, stop_at=9) if not folder.exists() else resume(config, folder, stop_at=stop_at)
        assert pq.read_metadata(folder / "history.parquet").num_rows == events[-1].epochs
    resume(config, folder)
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_the_best_epoch_may_lie_before_the_stop(tmp_path, table_file):
    optimizer = {"name": "adam", "lr": 0.3}
    config = write_config(tmp_path / "small.yaml", document_of(str(table_file), optimizer=optimizer, schedule="constant"))
    whole = run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    run(config, folder, stop_at=9 * (whole[-1].best_epoch + 2))
    assert 0 < whole[-1].best_epoch < resume(config, folder)[0].resumed
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_a_time_limit_leaves_a_fit_that_can_go_on(config, tmp_path):
    run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    finished = run(config, folder, "training.time_limit=1e-6")[-1]
    assert isinstance(finished, Finished)
    assert finished.resumable
    assert (finished.status, record(folder)["exit_code"], finished.epochs) == ("finished", 0, 1)
    assert (folder / "predictions.parquet").exists()
    # Started again and stopped: what is there of the part before belongs to other weights.
    resume(config, folder, "training.time_limit=1000", stop_at=20)
    assert not (folder / "predictions.parquet").exists()
    assert not (folder / "metrics.json").exists()
    resume(config, folder, "output.checkpoint_every=1", "output.folder=elsewhere")
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_a_listener_that_leaves_leaves_a_fit_that_can_go_on(config, tmp_path):
    run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    events = fit(configuration(config), out=folder)
    [next(events) for _ in range(4)]
    events.close()
    assert record(folder)["status"] == "stopped"
    assert resume(config, folder)[0].resumed == 2
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
@pytest.mark.parametrize("nth", [40, 57])
def test_a_full_disk_leaves_a_fit_that_can_go_on(nth, config, tmp_path, monkeypatch):
    run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    calls, sync = count(1), os.fsync

    def full(fd):
        if next(calls) == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(fd)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        run(config, folder)
    assert caught.value.exit_code == 6
    assert (record(folder)["status"], record(folder)["exit_code"]) == ("failed", 6)
    assert resume(config, folder)[0].resumed > 0
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_of_and_the_one_before_it_used(config, tmp_path):
    run(config, tmp_path / "whole" / "run")
    folder = tmp_path / "broken" / "run"
    run(config, folder, stop_at=60)
    tensors = sorted((folder / "checkpoint").glob("*.safetensors"))
    for path, cut in zip(reversed(tensors), (100, 0), strict=True):
        path.write_bytes(path.read_bytes()[:-cut] if cut else bytes(path.stat().st_size))
    before = record(folder)
    with pytest.raises(RunUnreadable) as caught:
        resume(config, folder)
    assert caught.value.exit_code == 5
    assert [finding.where for finding in caught.value.findings] == [str(path) for path in reversed(tensors)]
    assert record(folder) == before
    shutil.rmtree(folder)
    run(config, folder, stop_at=60)
    tensors[-1].write_bytes(b"")
    started = resume(config, folder)[0]
    assert any(tensors[-1].name in warning for warning in started.warnings)
    assert started.resumed > 0
    assert results(folder) == results(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_killed_for_real_anywhere_it_goes_on_to_the_same_bits(tmp_path):
    train = write_table(tmp_path / "data.parquet", family_table().slice(0, 200))
    document = document_of(str(train), epochs=8)
    document["output"] = {"checkpoint_every": 1}
    path = [str(PROGRAM.parents[2]), *sys.path]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path)}
    program = [sys.executable, PROGRAM, write_config(tmp_path / "small.yaml", document), tmp_path]
    done = subprocess.run(program, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    stops = json.loads(done.stdout.splitlines()[-1])
    assert stops["asked"] == 2
    assert stops["at-steps"] > 2
    assert stops["at-random"] > 2


def changed_data(here):
    table = pq.read_table(here / "data.parquet")
    write_table(here / "data.parquet", table.slice(0, 399))


def edited(name, change):
    def edit(here):
        path = here / "runs" / "small-001" / name
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return edit


def versions(environment, name):
    return environment | {"packages": environment["packages"] | {name: "1.0"}}


# What is done beforehand, the arguments, the exit code, and what is said.
REFUSED = {
    "another key": (None, ["-s", "training.batch_size=16"], 2, "`training.batch_size` is 16; the run was begun with 32"),
    "more epochs": (None, ["--epochs", "20"], 2, "`training.epochs` is 20; the run was begun with 10"),
    "a key less": (None, ["-s", "training.early_stopping=null"], 2, "`training.early_stopping` is null"),
    "other data": (changed_data, [], 3, "the data are not those that the run was begun with"),
    "fewer rows": (None, ["--limit-rows", "100"], 2, "`--limit-rows` is 100; the run was begun with null"),
    "another torch": (edited("environment.json", lambda said: versions(said, "torch")), [], 2, "the run was begun with 1.0"),
    "no environment": (lambda here: (here / "runs/small-001/environment.json").unlink(), [], 5, "environment.json cannot be read"),
    "no data.json": (lambda here: (here / "runs/small-001/data.json").unlink(), [], 5, "data.json cannot be read"),
    "no config": (lambda here: (here / "runs/small-001/config.resolved.yaml").unlink(), [], 5, "config cannot be read"),
    "no record": (lambda here: (here / "runs/small-001/run.json").unlink(), [], 5, "run.json is missing"),
    "another network": (lambda here: forged(here), [], 5, "that of another network"),
    "overwriting": (None, ["--overwrite"], 2, "`--overwrite` removes it"),
    "two folders": (None, ["--out", "other"], 2, "leave one out"),
}


def forged(here):
    """A checkpoint that is whole, of a network that this is not."""
    folder = here / "runs" / "small-001" / "checkpoint"
    state = storage.read_checkpoint(folder).state
    state["standing"]["network"].popitem()
    storage.write_checkpoint(folder, state)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A folder with a config, data and a run that was stopped."""
    here = tmp_path_factory.mktemp("broken")
    write_table(here / "data.parquet", family_table())
    config = write_config(here / "small.yaml", document_of("data.parquet"))
    run(config, here / "runs" / "small-001", stop_at=30)
    return here


@pytest.fixture
def here(broken, tmp_path, monkeypatch):
    """The same, to be changed; paths in a config that was resolved are absolute, so it keeps its place."""
    shutil.copytree(broken, tmp_path / "kept")
    monkeypatch.chdir(broken)
    yield broken
    shutil.rmtree(broken)
    shutil.copytree(tmp_path / "kept", broken)


def said(code, *arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout, result.stderr


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("what", REFUSED)
def test_what_would_end_elsewhere_is_refused_with_the_difference(what, here):
    spoil, arguments, code, words = REFUSED[what]
    if spoil:
        spoil(here)
    before = files(here)
    out, screen = said(code, "fit", "small.yaml", "--resume", "runs/small-001", *arguments)
    assert out == ""
    assert words in screen
    assert files(here) == before


def test_another_number_of_threads_is_told_of(here):
    edited("environment.json", lambda found: found | {"threads": 99})(here)
    _, screen = said(0, "fit", "small.yaml", "--resume")
    assert "threads is 1; the run was begun with 99" in screen
    assert "going on after epoch 3" in screen


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["small.yaml", "--resume"],
        ["--resume", "small.yaml"],
        ["--resume", "--quiet", "small.yaml"],
        ["small.yaml", "--resume", "runs/small-001"],
        ["--resume=runs/small-001", "small.yaml"],
        ["small.yaml", "--out", "runs/small-001", "--resume"],
        ["runs/small-001/config.resolved.yaml", "--resume", "--time-limit", "1h"],
    ],
)
def test_the_run_to_go_on_with_is_named_or_the_newest(arguments, here):
    said(0, "fit", *arguments)
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["small-001"]
    assert record(here / "runs" / "small-001")["epochs"] == 10


def test_python_goes_on_too(here):
    done = disttrain.fit("small.yaml", resume=True)
    assert done.path == Path("runs/small-001")
    assert record(done.path)["epochs"] == 10
    with pytest.raises(OutputExists):
        disttrain.fit("small.yaml", resume="runs/small-001")


def test_what_is_finished_held_or_not_there_does_not_go_on(here):
    with storage.reopen(Path("runs/small-001")):
        assert "another process" in said(7, "fit", "small.yaml", "--resume")[1]
    said(0, "fit", "small.yaml", "--resume")
    before = files(here)
    assert "this run is finished" in said(7, "fit", "small.yaml", "--resume", "runs/small-001")[1]
    assert "no run of `small`" in said(5, "fit", "small.yaml", "--resume")[1]
    assert "no run here" in said(5, "fit", "small.yaml", "--resume", "runs/nowhere")[1]
    assert files(here) == before


def test_a_run_that_was_left_before_its_first_checkpoint_begins_again(here):
    folder = here / "runs" / "small-001"
    for name in ("checkpoint", "model"):
        shutil.rmtree(folder / name)
    for name in ("data.json", "environment.json", "history.parquet"):
        (folder / name).unlink()
    out, _ = said(0, "fit", "small.yaml", "--resume", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["epoch"] for event in events[1:-1]] == list(range(1, 11))
    assert {"data.json", "environment.json", "config.yaml", "metrics.json"} <= {path.name for path in folder.iterdir()}
    assert [json.loads(line)["event"] for line in (folder / "log.jsonl").read_text().splitlines()] == [
        "started",
        "stopped",
        "started",
        "finished",
    ]
