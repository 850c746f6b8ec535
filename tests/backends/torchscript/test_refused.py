"""Files that are refused, each with an error of one line."""

import pickle
import zipfile

import pytest
import torch

from rtrave.backends.torchscript.facts import check_archive, ensure_torchscript
from rtrave.errors import RtraveError
from tests.backends.torchscript.playing import probed_here
from tests.third_party_scripts import Effect, Liar, Plain, Prior, Troubled, save


class Bomb:
    """An object that runs code when it is unpickled."""

    def __reduce__(self):
        return print, ("executed",)


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return path


def empty(path):
    path.write_bytes(b"")
    return path


def raw_pickle(path):
    path.write_bytes(pickle.dumps(Bomb()))
    return path


def checkpoint(path):
    torch.save({"state_dict": {"weight": torch.zeros(3)}, "bomb": Bomb()}, path)
    return path


def truncated(path):
    data = save(Effect(), path.parent).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def invalid_code(path):
    """Write a complete archive whose code does not parse."""
    with zipfile.ZipFile(save(Effect(), path.parent)) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, b"def forward(" if name.endswith("third_party_scripts.py") else good.read(name))
    return path


def hostile_constants(path):
    """Write an archive with the file names of TorchScript and a pickle that calls a function."""
    with zipfile.ZipFile(save(Effect(), path.parent)) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, pickle.dumps(Bomb(), 2) if name.endswith("/data.pkl") else good.read(name))
    return path


def zip_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x/constants.pkl", b"")
        file.writestr("x/code/x.py", bytes(1 << 28))
    return path


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (empty, "expected TorchScript, got a damaged file"),
        (raw_pickle, "Python pickle, which could run any code"),
        (checkpoint, "expected TorchScript, got a checkpoint"),
        (truncated, "expected TorchScript, got a damaged file"),
        (lambda path: archive(path, a_dot_txt="hello"), "got another archive"),
        (zip_bomb, "got 256 MiB when unpacked"),
    ],
)
def test_refused_before_torch_reads_it(tmp_path, make, why, capfd):
    path = make(tmp_path / "given.ts")
    with pytest.raises(RtraveError, match=why) as refused:
        check_archive(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    assert "executed" not in capfd.readouterr().out


def test_missing(tmp_path):
    with pytest.raises(RtraveError, match=r"cannot read .*No such file"):
        check_archive(tmp_path / "none.ts")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (invalid_code, "cannot be loaded as TorchScript"),
        (hostile_constants, "cannot be loaded as TorchScript"),
        (lambda path: save(Plain(), path.parent), "breaks the nn~ contract"),
        (lambda path: save(Prior(), path.parent), "a method that takes or returns audio"),
        (lambda path: save(Liar(), path.parent), r"expected \[1, 2, 8192\] as its params say, got \[1, 1, 8192\]"),
    ],
)
def test_refused_by_torch_or_the_probe(tmp_path, make, why, capfd):
    path = make(tmp_path / "given.ts")
    with pytest.raises(RtraveError, match=why) as refused:
        probed_here(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    assert "executed" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"gain": [1.5]}, r"refuses gain = \[1.5\]: its setter returned -1"),
        ({"gain": ["loud"]}, "attribute gain: expected a float, got 'loud'"),
        ({"gain": [True]}, "attribute gain: expected a float, got True"),
        ({"gain": [0.1, 0.2]}, "refuses gain"),
        ({"pain": [1.0]}, "with a setter, got 'pain'"),
    ],
)
def test_refused_attributes(tmp_path, attributes, why):
    with pytest.raises(RtraveError, match=why):
        probed_here(save(Effect(), tmp_path), attributes)


def test_an_error_in_the_first_call_is_reported_unchanged(tmp_path):
    class Raises(Troubled):
        def forward(self, x):
            raise ValueError("no such block")

    with pytest.raises(RtraveError, match=r"forward raised: .*no such block"):
        ensure_torchscript(save(Raises(), tmp_path))


def test_a_script_that_hangs_in_the_first_call_is_ended(tmp_path, monkeypatch):
    class Hangs(Troubled):
        def forward(self, x):
            while bool(x.sum() == x.sum()):
                x = x.clone()
            return x

    monkeypatch.setattr("rtrave.backends.torchscript.facts.PROBE_LIMIT_S", 4.0)
    with pytest.raises(RtraveError, match=r"hangs.ts gave no answer for 4 s"):
        ensure_torchscript(save(Hangs(), tmp_path))
