"""Sessions of Open Stage Control have only keys that it knows, and every control of the model once."""

import json

import numpy as np
import pytest

from rtrave.control.calibration import calibrate, learn
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.surfaces.open_stage_control import session

# The properties that version 1.29 knows, by the type of the widget.
COMMON = """
    lock type id visible interaction comments left top width height expand colorText colorWidget colorStroke colorFill
    alphaStroke alphaFillOff alphaFillOn lineWidth borderRadius padding html css value default linkId address preArgs
    typeTags decimals target ignoreDefaults bypass onCreate onValue
"""
OWN = {
    "fader": """design knobSize colorKnob horizontal pips dashed gradient snap touchZone spring doubleTap range logScale
        sensitivity steps origin onTouch""",
    "button": "colorTextOn label vertical wrap on off mode doubleTap decoupled",
    "text": "vertical wrap align",
    "tab": "label widgets tabs layout scroll variables",
    "root": "tabs widgets hideMenu",
}
KNOWN = {kind: {*COMMON.split(), *keys.split()} for kind, keys in OWN.items()}


def widgets(node):
    yield node
    for child in (*node.get("tabs", ()), *node.get("widgets", ())):
        yield from widgets(child)


def made(dims, controls=None):
    record = json.loads(session(controls or Controls(make_layout(dims)), "10.0.0.2:9123"))
    assert record["type"] == "session" and record["createdWith"] == "Open Stage Control"
    return record["content"], list(widgets(record["content"]))


@pytest.mark.parametrize("dims", [1, 4, 16, 17, 128])
def test_keys_targets_and_banks(dims):
    root, every = made(dims)
    for widget in every:
        assert widget.keys() <= KNOWN[widget["type"]], widget
        if "address" in widget:
            assert widget["target"] == "10.0.0.2:9123"
    ids = [w["id"] for w in every]
    assert len(ids) == len(set(ids))
    assert len(root["tabs"]) == 1 + -(-dims // 16)
    addresses = {w["address"] for w in every if "address" in w}
    for n in range(dims):
        assert {f"/rtrave/latent/{n}/{k}" for k in ("bias", "scale", "noise", "smooth", "mute", "hold")} <= addresses
    assert addresses <= Controls(make_layout(dims)).parameters.keys()
    assert {"/rtrave/mix", "/rtrave/panic", "/rtrave/freeze"} <= addresses


def test_the_values_of_the_widgets_are_valid():
    controls = Controls(make_layout(4))
    for widget in made(4)[1]:
        if widget["type"] == "fader":
            for value in (widget["range"]["min"], widget["range"]["max"], widget["default"]):
                if not widget["address"].startswith("/rtrave/morph"):
                    assert controls.set(widget["address"], (value,)).exact
        elif widget["type"] == "button":
            controls.set(widget["address"], (widget["on"],))
            controls.set(widget["address"], (widget["off"],))


def test_ranges_come_from_the_calibration():
    controls = Controls(make_layout(3))
    z = np.random.default_rng(0).standard_normal((3, 5000)).astype(np.float32) * np.float32([[1], [2], [0.5]])
    calibrate(controls, learn(z, np.eye(3, dtype=np.float32), np.zeros(3, np.float32), "h", 1.0, ["x"]))
    faders = {w["address"]: w for w in made(3, controls)[1] if w["type"] == "fader"}
    tops = [faders[f"/rtrave/latent/{n}/bias"]["range"]["max"] for n in range(3)]
    assert np.allclose(tops, [2.33, 4.65, 1.16], atol=0.25)
    assert faders["/rtrave/latent/0/scale"]["range"] == {"min": -5.0, "max": 5.0}
