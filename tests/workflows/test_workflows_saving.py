"""What a fit has reached is saved before anything that can fail after it; a fit that failed or was stopped there goes on from there."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from contextlib import contextmanager
from itertools import count

import pytest
import torch

import disttrain
from disttrain.errors import FitFailed, OutOfMemory, StorageError
from disttrain.training import loop
from disttrain.validation.config import configuration
from disttrain.workflows import fit as fits
from disttrain.workflows import results
from disttrain.workflows.fit import Epoch, Finished, fit
from tests.small_runs import config_of, fitted, write_config

EVERYTHING = ("model/weights.safetensors", "model/model.json", "predictions.parquet", "metrics.json")


@pytest.fixture
def config(tmp_path, table_file):
    document = config_of("gamma", str(table_file)) | {
        "network": {"hidden": [8], "dropout": 0.2, "members": 2},
        "training": {"epochs": 5, "batch_size": 64, "optimizer": {"name": "adam", "lr": 0.01}},
        "evaluation": {"metrics": ["nll"]},
    }
    return write_config(tmp_path / "small.yaml", document)


@pytest.fixture
def whole(config, tmp_path):
    """The bytes of a fit that nothing happened to."""
    list(fit(configuration(config), out=tmp_path / "whole" / "run"))
    return [(tmp_path / "whole" / "run" / name).read_bytes() for name in EVERYTHING]


def record(folder):
    return json.loads((folder / "run.json").read_text())


def resumed(config, folder):
    """The numbers of the epochs that a fit that goes on trains, and what it leaves."""
    events = list(fit(configuration(config), resume=folder))
    assert (record(folder)["status"], record(folder)["exit_code"]) == ("finished", 0)
    return [event.number for event in events if isinstance(event, Epoch)], [(folder / name).read_bytes() for name in EVERYTHING]


def refuse(*given, **named):
    raise StorageError(disttrain.errors.Finding("disk-full", "cannot write: No space left on device"))


def no_memory(*given, **named):
    raise MemoryError


PLACES = {
    "history": (fits, "write_history", refuse, StorageError, 6),
    "scores": (results.scoring, "split_scores", no_memory, OutOfMemory, 4),
    "predictions": (results, "write_own", refuse, StorageError, 6),
    "metrics": (results.storage, "write_json", refuse, StorageError, 6),
    "a bug in the scores": (results.scoring, "split_scores", lambda *given: 1 / 0, ZeroDivisionError, 70),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_failure_after_the_last_epoch_leaves_the_model_and_a_fit_that_can_go_on(place, config, whole, tmp_path, table, monkeypatch):
    room, name, fail, fault, code = PLACES[place]
    real = getattr(room, name)
    only_metrics = name == "write_json"
    monkeypatch.setattr(room, name, lambda *given: fail() if not only_metrics or given[0].name == "metrics.json" else real(*given))
    folder = tmp_path / "broken" / "run"
    with pytest.raises(fault):
        list(fit(configuration(config), out=folder))
    assert (record(folder)["status"], record(folder)["exit_code"]) == ("failed", code)
    assert (folder / "model" / "weights.safetensors").read_bytes() == whole[0]
    assert disttrain.load(folder).predict(table.to_pandas()).notna().all(axis=None)
    monkeypatch.undo()
    assert resumed(config, folder) == ([], whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["CUDA out of memory. Tried to allocate 2.00 GiB", "DefaultCPUAllocator: you tried to allocate 64000000 bytes"]
)
def test_memory_that_runs_out_while_training_is_4_with_what_is_kept(words, config, whole, tmp_path, monkeypatch):
    real, epoch = loop.Trainer.epoch, count(1)

    def three_epochs(*given):
        if next(epoch) == 4:
            raise (torch.OutOfMemoryError if "CUDA" in words else RuntimeError)(words)
        return real(*given)

    monkeypatch.setattr(loop.Trainer, "epoch", three_epochs)
    folder = tmp_path / "broken" / "run"
    with pytest.raises(FitFailed) as caught:
        list(fit(configuration(config), out=folder))
    (finding,) = caught.value.findings
    assert (finding.code, record(folder)["exit_code"]) == ("out-of-memory", 4)
    assert "2,147.5 MB" in finding.what if "CUDA" in words else "64.0 MB" in finding.what
    assert finding.kept == f"{folder / 'model'} (epoch 3); a checkpoint after epoch 3, from which `--resume` goes on"
    assert all(key in finding.hints[0] for key in ("training.batch_size", "network.hidden", "network.members"))
    assert disttrain.load(folder).model.members == 2
    monkeypatch.undo()
    assert resumed(config, folder) == ([4, 5], whole)


@pytest.mark.slow
@pytest.mark.parametrize(("word", "code"), [("interrupted", 130), ("terminated", 143)])
def test_a_stop_while_scoring_is_obeyed_at_once(word, code, config, whole, tmp_path, monkeypatch):
    said = []

    def interrupted(*given):
        # What the signal handler does inside `interruptible`.
        said.append(word)
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "write_own", interrupted)
    folder, entered = tmp_path / "broken" / "run", []

    @contextmanager
    def interruptible():
        assert (folder / "model" / "weights.safetensors").exists()
        entered.append(True)
        yield

    events = list(fit(configuration(config), out=folder, stop=lambda: said[0] if said else None, interruptible=interruptible))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert entered == [True]
    assert (finished.status, finished.stopped_by, finished.resumable, finished.evaluations) == ("stopped", word, True, {})
    assert finished.reason == f"{word} while scoring, after epoch 5; the model is saved"
    assert (record(folder)["status"], record(folder)["exit_code"]) == ("stopped", code)
    assert not (folder / "predictions.parquet").exists()
    monkeypatch.undo()
    assert resumed(config, folder) == ([], whole)


def test_ctrl_c_of_a_python_program_reaches_it(config, whole, tmp_path, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(results.scoring, "split_scores", interrupted)
    folder = tmp_path / "broken" / "run"
    with pytest.raises(KeyboardInterrupt):
        list(fit(configuration(config), out=folder))
    assert (record(folder)["status"], record(folder)["exit_code"]) == ("stopped", 130)
    monkeypatch.undo()
    assert resumed(config, folder) == ([], whole)


LIMITED = """
import resource, sys
import disttrain.workflows.fit, disttrain.workflows.predict, disttrain.workflows.evaluate, torch
from disttrain.__main__ import main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]) * 2**20,) * 2)
sys.argv = ["disttrain", *sys.argv[2:]]
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_a_process_that_has_too_little_memory_says_so(config, tmp_path, table_file):
    def said(megabytes, *arguments):
        command = [sys.executable, "-c", LIMITED, str(megabytes), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        return done.returncode, done.stdout + done.stderr

    # The weights alone are more than there is, and the stacks of some threads are not.
    wide = ("network.hidden=[4500,4500]", "training.epochs=1", "network.members=1")
    code, screen = said(60, "fit", config, "-o", "small", *(part for text in wide for part in ("--set", text)))
    assert code == 4, screen
    assert "error[out-of-memory]: memory ran out" in screen
    assert "bug" not in screen
    fitted(config, tmp_path / "large", *wide)
    for command in (("predict", "large", "--data", table_file, "-o", "p.parquet"), ("evaluate", "large", "--data", table_file)):
        code, screen = said(64, *command)
        assert code == 4, screen
        assert "error[out-of-memory]: memory ran out" in screen
    assert not (tmp_path / "p.parquet").exists()


def test_a_system_without_memory_for_a_thread_is_no_bug(config, tmp_path, monkeypatch):
    def refused(*given):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(fits, "prepare", refused)
    with pytest.raises(OutOfMemory):
        list(fit(configuration(config), out=tmp_path / "run"))
