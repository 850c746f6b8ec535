"""A mistake on the command line gives one line that says what to do, and exit code 1."""

import pytest

from rtrave.cli import main


def refused(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("rtrave: ") and printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "'nonsense'"),
        (["live", "--threads", "x"], "--threads: expected a whole number from 1 up, got 'x': see 'rtrave live --help'"),
        (["live", "--threads", "0"], "--threads: expected a whole number from 1 up, got '0'"),
        (["live", "--seed", "-1"], "--seed"),
        (["live", "--osc-port", "1_0"], "--osc-port: expected a whole number from 0 up, got '1_0'"),
        (["live", "--input-channels", "1,,2"], "expected a whole number from 1 up"),
        (["live", "--output-channels", "0"], "expected a whole number from 1 up"),
        (["live", "--buffering", "fast"], "--buffering: expected one of"),
        (["live", "--buffering", "fast"], "low-latency, got 'fast'"),
        (["live", "--nothing"], "got --nothing"),
        (["live", "--latency"], "--latency: expected a value, got none"),
        (["live", "--latency", "-1"], "--latency: expected low, high or milliseconds from 0 to 2000, got '-1'"),
        (["live", "--duration", "soon"], "--duration: expected a number, got 'soon'"),
        (["live", "--duration", "0"], "--duration: expected seconds above 0, got 0"),
        (["live", "--duration", "nan"], "--duration: expected seconds above 0, got nan"),
        (["live", "--device", "0", "--input-file", "a.wav"], "leave one out"),
        (["render", "in.wav"], "expected OUT, got nothing"),
        (["import", "folder", "model.bin"], "'model.bin': expected a name that ends in .safetensors"),
    ],
)
def test_a_wrong_argument(capsys, arguments, said):
    assert said in refused(capsys, *arguments)


def test_argument_errors_name_the_help(capsys):
    assert "see 'rtrave live --help'" in refused(capsys, "live", "--threads", "x")


def test_no_folder_to_write_to(capsys, tmp_path):
    (tmp_path / "in.wav").write_bytes(b"")
    missing = tmp_path / "nowhere"
    for command in (
        ["render", tmp_path / "in.wav", missing / "out.wav"],
        ["import", tmp_path, missing / "m.safetensors"],
    ):
        assert f"got no folder '{missing}': make it first" in refused(capsys, *command)
        assert not missing.exists()
