"""The soundcheck: a verdict per line, each of which can fail; on the null device the whole in two seconds."""

import json
import socket

import pytest

from rtrave.player import soundcheck
from rtrave.player.monitor import Spread
from tests.player.devices import CARD, card
from tests.player.running import rtrave

GOOD_COUNTS = dict.fromkeys(
    ("late_hops", "starved_hops", "skipped_hops", "stalls", "host_flags", "engine_errors", "callback_errors",
     "nonfinite_out"), 0.0,
) | {"hops": 430.0}  # fmt: skip


def test_on_the_null_device(tmp_path):
    done = rtrave(
        "check", "--device", "null", "--seconds", 2, "--osc-port", 0, "--sessions-dir", tmp_path / "takes", "--json"
    )
    found = {line["what"]: line["result"] for line in json.loads(done.stdout)}
    assert found.keys() == {"device", "level", "feedback", "margin", "on time", "system", "ports", "disk"}
    assert found["device"] == "look" and found["level"] == found["feedback"] == found["ports"] == "ok"
    assert done.returncode == int("FAIL" in found.values())
    assert not (tmp_path / "takes").exists()


def test_a_port_that_is_taken_and_a_device_that_is_not_there(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        done = rtrave("check", "--device", "no such card", "--osc-port", taken.getsockname()[1], "--seconds", 1)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "FAIL  device" in done.stdout and "FAIL  ports" in done.stdout


@pytest.mark.parametrize(
    ("changed", "result"),
    [({}, "ok"), ({"host_api": "null"}, "look"), ({"device_rate": 48000, "resampler_s": 0.01}, "look")],
)
def test_device(changed, result):
    assert soundcheck.device(card(**changed)).result == result


@pytest.mark.parametrize(("peak_db", "result"), [(-90, "look"), (-61, "look"), (-12, "ok"), (-3.1, "ok"), (-1, "look")])
def test_level(peak_db, result):
    assert soundcheck.level(peak_db).result == result


def test_feedback():
    assert soundcheck.feedback(CARD, "").result == "ok"
    assert soundcheck.feedback(CARD, "too loud") == soundcheck.Verdict("feedback", "look", "too loud")
    built_in = card(input="Built-in Microphone", output="Built-in Output")
    assert soundcheck.feedback(built_in, "").result == "look"


@pytest.mark.parametrize(("slowest_ms", "result"), [(8, "ok"), (14, "look"), (17, "FAIL")])
def test_margin(slowest_ms, result):
    verdict = soundcheck.margin(CARD, Spread(5, 6, slowest_ms, 20), Spread(0.1, 0.2, 0.5, 1), 5.2)
    assert verdict.result == result


@pytest.mark.parametrize("name", [name for name in GOOD_COUNTS if name != "hops"])
def test_whatever_was_counted_fails(name):
    assert soundcheck.on_time(GOOD_COUNTS, 20).result == "ok"
    assert soundcheck.on_time(GOOD_COUNTS | {name: 1.0}, 20).result == "FAIL"
    assert soundcheck.on_time(GOOD_COUNTS | {"hops": 0.0}, 20).result == "FAIL"


def test_disk(tmp_path):
    verdict = soundcheck.disk(tmp_path / "not" / "there", 44100, 2)
    assert verdict.result in ("ok", "look") and str(tmp_path) in verdict.text
    assert soundcheck.disk(tmp_path, 10**12, 2).result == "FAIL"  # no disk is that fast
    assert not list(tmp_path.iterdir())


def test_system():
    assert soundcheck.system(CARD).result == "ok"
    assert soundcheck.system(card(realtime=False)).result == "look"
