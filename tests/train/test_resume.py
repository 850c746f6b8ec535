"""A killed and resumed run equals an uninterrupted one bit for bit."""

import os
import signal
import subprocess
import sys
import time

import torch

from rtrave.cli import main
from tests.train.sounds import recipe_file, sound_folder

STEPS = "60"  # a run of some seconds, which is killed after its second report


def same(one, other):
    """Compare two nested records of tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def checkpoint(run):
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    del state["elapsed_s"]
    return state


def test_a_killed_run_resumes_bit_for_bit(tmp_path):
    sounds = sound_folder(tmp_path / "sounds", 1)
    more = "level = 0.5\nperiod = 0.3\n"
    more += "phase_2 = 0.4\ndiscriminator_capacity = 2\naverage = 0.9\nbfloat16 = true\n[augmentation]\n"
    recipe = recipe_file(tmp_path, more + "gain = 0.5\nmute = 0.5\ncompress = 0.5\npitch = 0.5\ntone = 0.5\n")
    fixed = ["--config", str(recipe), "--threads", "1", "--steps", STEPS]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    often = ["--report-every", "0.2"]  # reports must not change the training
    arguments = ["train", str(sounds), "--name", "x", *fixed]
    assert main([*arguments, "--out", str(whole)]) == 0

    process = subprocess.Popen(
        [sys.executable, "-m", "rtrave", *arguments, *often, "--out", str(killed)], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (killed / "curve.jsonl").is_file() and len((killed / "curve.jsonl").read_text().splitlines()) >= 2:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step = checkpoint(killed)["step"]
    assert 2 <= step < int(STEPS)
    assert main(["train", "--resume", "--threads", "1", "--report-every", "100", "--out", str(killed)]) == 0
    assert same(checkpoint(killed), checkpoint(whole))
    assert (killed / "x.safetensors").read_bytes()[-1000:] == (whole / "x.safetensors").read_bytes()[-1000:]
