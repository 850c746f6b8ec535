"""A take never writes over another, and a folder that cannot be written to is refused in one line."""

from datetime import datetime

import pytest

from rtrave.errors import ControlError, RtraveError
from rtrave.session.folder import new_folder
from tests.session.takes import open_writer

WHEN = datetime(2031, 2, 3, 4, 5, 6)


def test_names(tmp_path):
    names = [new_folder(tmp_path / "a" / "b", tag, WHEN).name for tag in ("", "", "", "solo-1", "solo-1")]
    stamp = "20310203-040506"
    assert names == [stamp, f"{stamp}-2", f"{stamp}-3", f"{stamp}-solo-1", f"{stamp}-solo-1-2"]


@pytest.mark.parametrize("tag", ["../x", "a/b", " ", "ä", "x" * 65, "a\n", "."])
def test_tags_that_are_refused(tmp_path, tag):
    with pytest.raises(ControlError) as refused:
        new_folder(tmp_path, tag, WHEN)
    assert refused.value.code == "bad-name" and "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for parent in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RtraveError, match="cannot record into") as refused:
            new_folder(parent, "", WHEN)
        assert "\n" not in str(refused.value)


def test_a_session_is_not_written_over(tmp_path):
    open_writer(tmp_path / "take").close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "take").iterdir()}
    with pytest.raises(RtraveError, match="expected an empty folder"):
        open_writer(tmp_path / "take")
    assert {path.name: path.read_bytes() for path in (tmp_path / "take").iterdir()} == before
