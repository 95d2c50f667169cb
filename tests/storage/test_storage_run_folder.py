"""Runs get numbers of their own, one writer each, and the newest finished one is found without being named."""

from __future__ import annotations

import errno
import gc
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from disttrain.errors import OutputExists, RunUnreadable, StorageError, UsageError
from disttrain.storage import run_folder
from tests.storage.storage_cases import fail_at, leftovers, save


def finished(root: Path, name: str = "a", status: str = "finished", model: bool = True) -> Path:
    with run_folder.create(root, name) as run:
        if model:
            save(run.path / "model", 1.0)
        run.update(status=status)
    return run.path


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """What `work` gave, or raised, in each of `count` threads that begin together."""
    results: list[object] = [None] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


def test_runs_are_numbered_by_name(tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    names = []
    for name in ("a", "a", "b", "a", "a-001"):
        with run_folder.create(root, name) as run:
            names.append(run.name)
            assert run.path == root / run.name
    assert names == ["a-001", "a-002", "b-001", "a-003", "a-001-001"]
    (root / "a-041").mkdir()
    (root / "a-042").touch()
    assert run_folder.create(root, "a").name == "a-043"


def test_however_many_begin_at_once_each_run_has_its_own_folder(tmp_path: Path) -> None:
    runs = at_once(20, lambda _: run_folder.create(tmp_path, "a"))
    assert sorted(run.name for run in runs) == [f"a-{number:03d}" for number in range(1, 21)]
    [run.close() for run in runs]


@pytest.mark.parametrize("overwrite", [True, False])
def test_of_many_that_want_one_folder_one_wins(tmp_path: Path, overwrite: bool) -> None:
    results = at_once(20, lambda _: run_folder.create_at(tmp_path / "run", overwrite))
    winners = [result for result in results if isinstance(result, run_folder.Run)]
    losers = [result for result in results if isinstance(result, OutputExists)]
    assert (len(winners), len(losers)) == (1, 19)
    assert all(loser.exit_code == 7 for loser in losers)
    winners[0].close()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\0b", "a\nb", "\x1b[31m"])
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        run_folder.create(tmp_path / "root", name)
    assert os.listdir(tmp_path) == []


def test_names_in_any_script_are_welcome(tmp_path: Path) -> None:
    for name in ("größe", "名前", "with blank", "dots.in.name", "[x]*"):
        assert run_folder.create(tmp_path, name).path.is_dir()
        assert run_folder.create(tmp_path, name).name == f"{name}-002"


def test_a_run_that_was_killed_before_it_had_a_record_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("1\n")
    (tmp_path / "run" / f".run.json.{'0' * 16}.part").write_text("{")
    with run_folder.create_at(tmp_path / "run") as run:
        assert sorted(os.listdir(run.path)) == [".lock", "run.json"]


def test_a_run_that_is_held_is_nobody_elses(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path, "a")
    for overwrite in (False, True):
        with pytest.raises(OutputExists):
            run_folder.create_at(run.path, overwrite)
    assert str(os.getpid()) in _held(run.path)
    run.update(epoch=3)
    run.close()
    run.close()
    assert os.listdir(run.path) == ["run.json"]
    with pytest.raises(OutputExists, match="not empty"):
        run_folder.create_at(run.path)
    run_folder.create_at(run.path, overwrite=True).close()


def _held(folder: Path) -> str:
    with pytest.raises(OutputExists) as caught:
        run_folder.create_at(folder, overwrite=True)
    return str(caught.value)


@pytest.mark.slow
def test_a_run_nobody_remembers_gives_its_lock_back(tmp_path: Path) -> None:
    path = run_folder.create(tmp_path, "a").path
    gc.collect()
    with run_folder.create_at(path, overwrite=True) as run:
        assert run.status() == "running"


def test_a_forked_child_does_not_give_the_lock_back(tmp_path: Path) -> None:
    with run_folder.create(tmp_path, "a") as run:
        if not (pid := os.fork()):
            run.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert "another process" in _held(run.path)


def test_overwriting_removes_what_a_run_writes_and_nothing_else(tmp_path: Path) -> None:
    ours = ["config.yaml", "config.resolved.yaml", "environment.json", "data.json", "history.parquet", "metrics.json"]
    ours += ["predictions.parquet", "predictions-002.csv", "report.html", "log.jsonl", ".config.yaml.0123456789abcdef.part"]
    foreign = ["notes.txt", "my-predictions.parquet", "model.json", "config.yaml.bak"]
    path = finished(tmp_path, status="failed")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (path / "checkpoint").symlink_to(outside)
    for name in (*ours, *foreign):
        (path / name).write_text("old")
    with run_folder.create_at(path, overwrite=True) as run:
        assert sorted(os.listdir(path)) == sorted([*foreign, "run.json", ".lock"])
        assert run_folder.record(path)["status"] == run.status() == "running"
    assert (outside / "precious").exists()


def test_a_folder_that_is_no_run_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputExists):
            run_folder.create_at(tmp_path, overwrite)
    assert os.listdir(tmp_path) == ["config.yaml"]
    with pytest.raises(OutputExists):
        run_folder.create_at(tmp_path / "config.yaml", overwrite=True)
    assert (tmp_path / "config.yaml").read_text() == "mine"


def test_a_run_that_came_and_ended_while_we_waited_for_the_lock_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run_folder.locks.claim

    def late(path: Path) -> int | None:
        monkeypatch.undo()
        with run_folder.create_at(path.parent) as rival:
            rival.update(status="finished")
        return real(path)

    monkeypatch.setattr(run_folder.locks, "claim", late)
    with pytest.raises(OutputExists):
        run_folder.create_at(tmp_path / "run")
    assert run_folder.record(tmp_path / "run")["status"] == "finished"
    assert os.listdir(tmp_path / "run") == ["run.json"]


def test_an_empty_folder_can_become_a_run(tmp_path: Path) -> None:
    with run_folder.create_at(tmp_path) as run:
        assert run.name == tmp_path.name


def test_the_record_grows_and_keeps_time(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    with run_folder.create(tmp_path, "a") as run:
        first = run_folder.record(run.path)
        run.update(best_epoch=3, scores={"nll": 1.5})
        run.update(status="finished", exit_code=0, best_epoch=4)
        last = run_folder.record(run.path)
    assert (first["status"], first["name"], "ended" in first) == ("running", "a-001", False)
    assert (last["status"], last["best_epoch"], last["scores"], last["exit_code"]) == ("finished", 4, {"nll": 1.5}, 0)
    times = [datetime.fromisoformat(last[key]) for key in ("started", "updated", "ended")]
    assert all(time.utcoffset() == timedelta(0) for time in times)
    assert before <= times[0] <= times[1] == times[2] <= datetime.now(UTC)


@pytest.mark.parametrize("status", run_folder.STATUSES)
def test_only_a_run_that_goes_on_has_no_end(tmp_path: Path, status: str) -> None:
    with run_folder.create(tmp_path, "a") as run:
        run.update(status=status)
        assert run.status() == status
        assert ("ended" in run_folder.record(run.path)) == (status != "running")
        run.update(status="running")
        assert "ended" not in run_folder.record(run.path)


@pytest.mark.parametrize("fields", [{"status": "done"}, {"score": float("nan")}, {"score": [float("inf")]}])
def test_a_refused_update_leaves_the_record_as_it_was(tmp_path: Path, fields: dict[str, object]) -> None:
    with run_folder.create(tmp_path, "a") as run:
        before = run_folder.record(run.path)
        with pytest.raises(ValueError):  # noqa: PT011 - our own mistake, the words are not for users
            run.update(**fields)
        assert run_folder.record(run.path) == before
        run.update(status="finished")
        assert "score" not in run_folder.record(run.path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_fault_at_any_call_of_an_update_keeps_a_whole_record(tmp_path: Path, code: int) -> None:
    with run_folder.create(tmp_path, "a") as run:
        for nth in range(1, 10):
            run.update(status="running")
            with pytest.MonkeyPatch.context() as patch:
                calls = fail_at(patch, ("fsync", "replace"), nth, code)
                raised = False
                try:
                    run.update(status="finished")
                except StorageError as error:
                    raised = error.exit_code == 6
            assert raised == (len(calls) >= nth)
            assert run_folder.record(run.path)["status"] in ("running", "finished")
            assert not leftovers(run.path)
            if not raised:
                break
        assert nth == 4
        assert run_folder.record(run.path)["status"] == "finished"


def test_a_fault_at_any_call_of_the_beginning_is_a_storage_error_and_holds_nothing(tmp_path: Path) -> None:
    for nth in range(1, 30):
        root = tmp_path / f"{nth}"
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, ("mkdir", "fsync", "replace", "ftruncate"), nth, errno.EROFS)
            try:
                run_folder.create(root, "a").close()
                raised = False
            except StorageError:
                raised = True
        assert raised == (len(calls) >= nth)
        if not raised:
            break
        with run_folder.create(root, "a") as run, pytest.raises(OutputExists):
            run_folder.create_at(run.path, overwrite=True)
    else:
        pytest.fail("no number of calls was enough")


def test_the_newest_is_the_one_that_ended_last(tmp_path: Path) -> None:
    first, second, third = (finished(tmp_path, name, status) for name, status in (("z", "finished"), ("a", "stopped"), ("m", "finished")))
    assert run_folder.find(None, tmp_path) == run_folder.ModelLocation(third, third / "model", "m-001", newest=True)
    for path in (third, second):
        document = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps(document | {"ended": "2001-01-01T00:00:00.000000+00:00"}))
    assert run_folder.find(None, tmp_path).run == first


def test_what_cannot_be_used_is_never_the_newest(tmp_path: Path) -> None:
    good = finished(tmp_path)
    finished(tmp_path, status="failed")
    finished(tmp_path, status="running")
    finished(tmp_path, model=False)
    for text in ("", "{", "[]", '{"format": 1}', '{"format": 9, "status": "finished"}', '{"format": 1, "status": "great"}'):
        path = finished(tmp_path)
        (path / "run.json").write_text(text)
    (finished(tmp_path) / "run.json").unlink()
    pipe = finished(tmp_path) / "run.json"
    pipe.unlink()
    os.mkfifo(pipe)
    (tmp_path / "file").touch()
    assert run_folder.find(None, tmp_path).run == good


def test_a_stopped_run_counts_as_the_newest(tmp_path: Path) -> None:
    finished(tmp_path)
    stopped = finished(tmp_path, status="stopped")
    assert run_folder.find(None, tmp_path).run == stopped


def test_a_run_its_model_and_a_model_alone_are_found_by_name(tmp_path: Path) -> None:
    run = finished(tmp_path)
    assert run_folder.find(run, tmp_path) == run_folder.ModelLocation(run, run / "model", "a-001", newest=False)
    assert run_folder.find(run / "model", tmp_path) == run_folder.ModelLocation(run, run / "model", "a-001", newest=False)
    (run / "model").rename(tmp_path / "deployed")
    assert run_folder.find(tmp_path / "deployed", tmp_path) == run_folder.ModelLocation(
        None, tmp_path / "deployed", "deployed", newest=False
    )


def test_the_working_folder_can_be_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(tmp_path)
    monkeypatch.chdir(run)
    assert run_folder.find(Path(), Path("runs")).name == "a-001"
    monkeypatch.chdir(run / "model")
    assert run_folder.find(Path(), Path("runs")).run == run


def config_beside(root: Path) -> Path:
    (root.parent / "claims.yaml").write_text("distribution: gamma\n")
    return root.parent / "claims.yaml"


NOT_MODELS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "misspelt": (lambda root: root / "a-01", "did you mean"),
    "name without its root": (lambda _: Path("a-001"), "did you mean"),
    "the root": (lambda root: root, "did you mean"),
    "a file": (lambda root: root / "a-001" / "run.json", "did you mean `.*a-001`"),
    "a config": (config_beside, "did you mean `.*a-001`"),
    "no model yet": (lambda root: finished(root, model=False), "wait"),
    "nothing near": (lambda root: root.parent / "qqqqqqqqqqqqqqqqq", "no such folder"),
}


@pytest.mark.parametrize("case", NOT_MODELS)
def test_what_is_no_model_is_said_with_a_way_out(tmp_path: Path, case: str) -> None:
    root = tmp_path / "runs"
    finished(root)
    path, words = NOT_MODELS[case]
    with pytest.raises(RunUnreadable, match=words) as caught:
        run_folder.find(path(root), root)
    assert caught.value.exit_code == 5


def test_a_run_that_is_offered_can_be_opened(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    finished(root)
    for name in ("notes", "a-002x"):
        (root / name).mkdir()
    (tmp_path / "news").mkdir()
    for path in (root, tmp_path / "news", tmp_path / "new", root / "a-002x", root / "notes"):
        with pytest.raises(RunUnreadable) as caught:
            run_folder.find(path, root)
        offered = [hint.split("`")[1] for hint in caught.value.findings[0].hints if hint.startswith("did you mean")]
        assert all(run_folder.find(Path(run), root).name == "a-001" for run in offered)
        assert caught.value.findings[0].hints


def test_no_run_at_all_is_said_with_a_way_out(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunUnreadable, match="disttrain fit"):
            run_folder.find(None, root)
    with pytest.raises(RunUnreadable):
        run_folder.record(tmp_path)
