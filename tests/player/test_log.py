"""The log file: it holds what the loggers below `rtrave` record, and outlives the run."""

import logging

import pytest

from rtrave.errors import RtraveError
from rtrave.player import log
from rtrave.player.log import open_log


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(log, "log_dir", lambda: tmp_path / "log")
    return tmp_path / "log"


def test_records_and_tracebacks_are_written(folder):
    with open_log() as path:
        logging.getLogger("rtrave.osc").info("hello")
        logging.getLogger("rtrave.osc").debug("only with -v")
        logging.getLogger("elsewhere").warning("not ours")
        try:
            raise ZeroDivisionError("injected")
        except ZeroDivisionError:
            logging.getLogger("rtrave.audio").exception("a fault")
    text = path.read_text()
    assert path.parent == folder
    assert "INFO    rtrave.osc: hello" in text
    assert "rtrave.audio: a fault\nTraceback" in text and "ZeroDivisionError: injected" in text
    assert "only with -v" not in text and "not ours" not in text


def test_verbose_adds_debug_records(tmp_path):
    with open_log(tmp_path / "x.log", verbose=True) as path:
        logging.getLogger("rtrave.osc").debug("only with -v")
    assert "only with -v" in path.read_text()


def test_a_named_file_is_appended_to(tmp_path):
    for text in ("first", "second"):
        with open_log(tmp_path / "sub" / "x.log") as path:
            logging.getLogger("rtrave.run").info(text)
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["first", "second"]


def test_nothing_is_written_after_the_end(tmp_path):
    with open_log(tmp_path / "x.log") as path:
        pass
    logging.getLogger("rtrave.run").warning("too late")
    assert path.read_text() == ""


def test_a_named_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RtraveError, match=r"--log: cannot write '.*file/x.log', .*: give another file"),
        open_log(tmp_path / "file" / "x.log"),
    ):
        pass


def test_without_a_log_folder_the_run_goes_on(folder):
    folder.write_text("")
    lines = []
    with open_log(report=lines.append) as path:
        logging.getLogger("rtrave.run").info("nowhere")
    assert path is None
    assert len(lines) == 1 and lines[0].startswith("no log file: cannot write ")


def test_the_oldest_logs_are_removed_and_nothing_else(folder):
    folder.mkdir()
    for n in range(log.KEPT_FILES + 5):
        (folder / f"live-20200101-0000{n:02}-1.log").write_text("")
    (folder / "notes.txt").write_text("")
    with open_log() as path:
        pass
    left = sorted(file.name for file in folder.iterdir())
    assert len(left) == log.KEPT_FILES + 1
    assert path.name in left and "notes.txt" in left and "live-20200101-000000-1.log" not in left
