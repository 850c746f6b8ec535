"""Whatever is wrong on the command line comes as one line that says what to do, and exit code 1."""

import pytest

from rtrave.cli import main


def refused(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("rtrave: ") and told.err.count("\n") == 1
    return told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "'nonsense'"),
        (["live", "--threads", "x"], "'x' came, expected a whole number from 1 up"),
        (["live", "--threads", "0"], "'0' came, expected a whole number from 1 up"),
        (["live", "--seed", "-1"], "--seed"),
        (["live", "--osc-port", "1_0"], "expected a whole number from 0 up"),
        (["live", "--input-channels", "1,,2"], "expected a whole number from 1 up"),
        (["live", "--output-channels", "0"], "expected a whole number from 1 up"),
        (["live", "--buffering", "fast"], "low-latency"),
        (["live", "--nothing"], "--nothing"),
        (["live", "--duration", "soon"], "'soon'"),
        (["live", "--duration", "0"], "give seconds above 0"),
        (["live", "--duration", "nan"], "give seconds above 0"),
        (["live", "--device", "0", "--input-file", "a.wav"], "leave one out"),
        (["render", "in.wav"], "OUT"),
        (["import", "folder", "model.bin"], "ends in .safetensors"),
    ],
)
def test_a_wrong_argument(capsys, arguments, said):
    assert said in refused(capsys, *arguments)


def test_argument_errors_name_the_help(capsys):
    assert "see 'rtrave live --help'" in refused(capsys, "live", "--threads", "x")


def test_no_folder_to_write_to(capsys, tmp_path):
    (tmp_path / "in.wav").write_bytes(b"")
    wanted = tmp_path / "nowhere"
    for command in (
        ["render", tmp_path / "in.wav", wanted / "out.wav"],
        ["import", tmp_path, wanted / "m.safetensors"],
    ):
        assert f"there is no folder {wanted}: make it first" in refused(capsys, *command)
        assert not wanted.exists()
