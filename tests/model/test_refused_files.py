"""Files that cannot be opened are refused in one line with a remedy, and none of their code runs."""

import io
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

import rtrave
from rtrave.errors import RtraveError
from rtrave.model.formats.load import load
from tests.model.official_export import Quiet, export
from tests.reference import DATA
from tests.tiny import tiny_model

TRAP = "HOSTILE_FOLDER"


class Hostile:
    """Object that creates a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ[TRAP],)


class ThirdParty(Quiet):
    """Script that is no export of RAVE's own."""


def run_folder(folder):
    return shutil.copytree(DATA / "v2_causal", folder / "run")


def checkpoint(folder):
    return run_folder(folder) / "version_0" / "checkpoints" / "best.ckpt"


def changed_checkpoint(folder, change):
    path = checkpoint(folder)
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    return path


def changed_config(folder, old, new):
    path = run_folder(folder) / "config.gin"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path.parent


def written(path, data):
    path.write_bytes(data)
    return path


def pack(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(f"archive/{name.replace('_dot_', '.').replace('__', '/')}", data)
    return path


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def scripted(path):
    torch.jit.script(ThirdParty()).save(path)
    return path


def cut(path, keep):
    data = path.read_bytes()
    return written(path, data[: int(keep * len(data))])


def alone(folder):
    shutil.copy(DATA / "v2_causal" / "version_0" / "checkpoints" / "best.ckpt", folder / "alone.ckpt")
    return folder / "alone.ckpt"


def without(folder, name):
    path = run_folder(folder)
    (path / name).unlink()
    return path


def named_folder(folder, name):
    (folder / name).mkdir()
    return folder / name


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"\0" * (80 << 20))
    return path


def beside_config(folder, name, data):
    shutil.copy(DATA / "v2_causal" / "config.gin", folder)
    return written(folder / name, data)


def hostile_script(folder):
    members = {"data_dot_pkl": pickle.dumps(Hostile(), protocol=2), "constants_dot_pkl": pickle.dumps(Hostile())}
    return pack(folder / "hostile.ts", **members, code__m_dot_py="class A(Module):\n  pass\n", version="3")


def hostile_export(folder):
    """Write an archive whose pickle names RAVE's class first, then code."""
    pickled = b"\x80\x02c__torch__\nVariationalScriptedRAVE\n0" + pickle.dumps(Hostile(), protocol=2)[2:]
    members = {"data_dot_pkl": pickled, "constants_dot_pkl": pickle.dumps((), protocol=2), "version": "3"}
    return pack(folder / "hostile.ts", **members, code____torch___dot_py="class VariationalScriptedRAVE(Module):\n")


def drop(name):
    return lambda content: content["state_dict"].pop(name)


def spoil(content):
    content["state_dict"]["decoder.net.0.weight_v"][0, 0, 0] = torch.nan


def add(content):
    content["state_dict"]["decoder.extra"] = torch.zeros(1)


def narrow(content):
    content["state_dict"]["latent_mean"] = torch.zeros(3)


def untensor(content):
    content["state_dict"]["latent_mean"] = "zero"


REFUSED = {
    "no file": (lambda d: d / "none.ckpt", "model: expected a path or one of the registered names"),
    "unknown ending": (
        lambda d: written(d / "m.onnx", b"x"),
        "expected a .safetensors file, a RAVE run folder, .* got another format",
    ),
    "folder without config": (
        lambda d: without(d, "config.gin"),
        r"expected config\.gin, got none: give a RAVE run folder",
    ),
    "folder without checkpoint": (
        lambda d: without(d, "version_0/checkpoints/best.ckpt"),
        r"expected version_N/checkpoints/\*\.ckpt, got none: give a RAVE run folder",
    ),
    "checkpoint without config": (
        alone,
        r"expected config\.gin in its folder or the 4 above it, got none: put it beside it",
    ),
    "folder named .ts": (
        lambda d: named_folder(d, "m.ts"),
        r"m\.ts.: expected config\.gin, got none: give a RAVE run folder",
    ),
    "folder named .ckpt": (lambda d: named_folder(d, "m.ckpt"), r"m\.ckpt.: expected config\.gin, got none"),
    "folder named .safetensors": (lambda d: named_folder(d, "m.safetensors"), "expected config.gin, got none"),
    "empty checkpoint": (
        lambda d: written(checkpoint(d), b""),
        "expected a checkpoint, got a damaged file .*: fetch it again",
    ),
    "empty script": (lambda d: written(d / "m.ts", b""), "expected TorchScript, got a damaged file .*: fetch it again"),
    "empty native file": (lambda d: written(d / "m.safetensors", b""), "expected a model, got a damaged file"),
    "truncated checkpoint": (lambda d: cut(checkpoint(d), 0.7), "expected a checkpoint, got a damaged file"),
    "truncated script": (
        lambda d: cut(export(tiny_model(), d / "m.ts"), 0.7),
        "expected TorchScript, got a damaged file",
    ),
    "noise for a checkpoint": (
        lambda d: written(checkpoint(d), bytes(range(256)) * 9),
        "expected a checkpoint, got a damaged file",
    ),
    "bare pickle": (
        lambda d: beside_config(d, "m.ckpt", pickle.dumps(Hostile())),
        "expected a checkpoint, got a Python pickle, which could run any code: give one in PyTorch's archive",
    ),
    "bare pickle as a script": (
        lambda d: written(d / "m.ts", pickle.dumps(Hostile())),
        "expected TorchScript, got a Python pickle",
    ),
    "checkpoint with code": (
        lambda d: beside_config(d, "m.ckpt", saved({"state_dict": {"a": Hostile()}})),
        "expected weights alone, got other objects: a pickle can run code",
    ),
    "checkpoint with code as a script": (
        lambda d: written(d / "m.ts", saved({"state_dict": {"a": Hostile()}})),
        "expected TorchScript, got a checkpoint: export",
    ),
    "script with code": (hostile_script, "expected an export of RAVE's own, got another TorchScript"),
    "export with code": (hostile_export, "expected TorchScript, got .*: export it again"),
    "archive of something else": (
        lambda d: pack(checkpoint(d), readme="hello"),
        r"expected a checkpoint, got another archive: give the \.ckpt of a RAVE run",
    ),
    "archive of something else as a script": (
        lambda d: pack(d / "m.ts", readme="hello"),
        "expected TorchScript, got another archive",
    ),
    "archive that swells": (lambda d: bomb(checkpoint(d)), "expected a checkpoint, got 80 MiB when unpacked"),
    "script named .ckpt": (
        lambda d: scripted(checkpoint(d)),
        r"expected a checkpoint, got TorchScript: rename it to end in \.ts",
    ),
    "third-party script": (
        lambda d: scripted(d / "m.ts"),
        "expected an export of RAVE's own, got another TorchScript: use rtrave.stream or 'rtrave live'",
    ),
    "no state dict": (
        lambda d: beside_config(d, "m.ckpt", saved({"weights": {}})),
        r"expected a checkpoint, got a damaged file \('state_dict'\)",
    ),
    "a list for a state dict": (
        lambda d: beside_config(d, "m.ckpt", saved({"state_dict": [1, 2]})),
        "expected a checkpoint, got a damaged file",
    ),
    "a tensor for a checkpoint": (
        lambda d: beside_config(d, "m.ckpt", saved(torch.zeros(3))),
        "expected a checkpoint, got a damaged file",
    ),
    "text for a weight": (lambda d: changed_checkpoint(d, untensor), "'latent_mean': expected a tensor, got str"),
    "NaN weights": (
        lambda d: changed_checkpoint(d, spoil),
        "got NaN or infinity: use an earlier checkpoint",
    ),
    "a weight lacks": (
        lambda d: changed_checkpoint(d, drop("latent_mean")),
        "expected the entry 'latent_mean', got none: use the weights",
    ),
    "no filter bank": (
        lambda d: changed_checkpoint(d, drop("pqmf.forward_conv.weight")),
        "expected a checkpoint with 'pqmf.forward_conv.weight', got none",
    ),
    "a weight too many": (lambda d: changed_checkpoint(d, add), "got also 'decoder.extra'"),
    "a shape that does not fit": (
        lambda d: changed_checkpoint(d, narrow),
        r"of shape \(16,\), got \(3,\)",
    ),
    "a size beyond all memory": (
        lambda d: changed_config(d, "CAPACITY = 6", f"CAPACITY = {10**5}"),
        "of shape .*, got",
    ),
    "a size beyond all numbers": (
        lambda d: changed_config(d, "CAPACITY = 6", f"CAPACITY = {10**30}"),
        "expected a network, got one that cannot be built",
    ),
    "mel input": (
        lambda d: changed_config(d, "input_mode = 'pqmf'", "input_mode = 'mel'"),
        "input_mode: expected pqmf or raw or None, got mel: it cannot be built",
    ),
    "mel spectrogram of hybrid": (
        lambda d: changed_config(d, "EncoderV2.spectrogram = None", "EncoderV2.spectrogram = @MelSpectrogram()"),
        r"spectrogram: expected None, got @MelSpectrogram\(\): it cannot be built",
    ),
    "GRU": (
        lambda d: changed_config(d, "GeneratorV2.recurrent_layer = None", "GeneratorV2.recurrent_layer = @blocks.GRU"),
        "recurrent_layer: expected None, got @blocks.GRU: it cannot be built",
    ),
    "config that does not close": (lambda d: changed_config(d, "CAPACITY = 6", "CAPACITY = (6"), "cannot read .*gin"),
    "config that is not text": (
        lambda d: written(run_folder(d) / "config.gin", b"\xff\xfe\x00").parent,
        "cannot read .*config.gin",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name, tmp_path, monkeypatch):
    trap = tmp_path / "executed"
    monkeypatch.setenv(TRAP, str(trap))
    make, message = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(RtraveError, match=message) as refused:
        load(path)
    assert "\n" not in str(refused.value)
    assert not trap.exists()


def test_the_trap_works(tmp_path, monkeypatch):
    monkeypatch.setenv(TRAP, str(tmp_path / "executed"))
    pickle.loads(pickle.dumps(Hostile()))
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("ending", [".ts", ".ckpt"])
def test_a_file_that_may_not_be_read(ending, tmp_path, monkeypatch):
    shutil.copy(DATA / "v2_causal" / "config.gin", tmp_path)
    path = written(tmp_path / f"mine{ending}", b"PK")
    opened = Path.open

    def refuse(self, *arguments, **more):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RtraveError, match=f"cannot read '{path}': Permission denied"):
        load(path)


@pytest.mark.parametrize("name", ["truncated checkpoint", "truncated script", "checkpoint without config", "GRU"])
def test_a_stream_and_a_command_refuse_it_too(name, tmp_path):
    make, message = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(RtraveError, match=message):
        rtrave.stream(path)
    if name == "truncated script":  # one command stands for all: they share the function that opens models
        command = [sys.executable, "-m", "rtrave", "render", "in.wav", "out.wav", "--model", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)


def test_an_export_that_cannot_be_rebuilt_is_refused_from_its_child(tmp_path):
    def strange(root):
        root.decoder.net[1] = nn.ELU()

    path = export(tiny_model(), tmp_path / "odd.ts", change=strange)
    with pytest.raises(
        RtraveError, match=r"odd\.ts.: decoder\.net\.1: expected .*, got ELU: it cannot be rebuilt"
    ) as refused:
        load(path)
    assert "\n" not in str(refused.value)
