"""OSCQuery's JSON: nodes, attributes, errors, sizes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.parameter import ParameterKind
from rtrave.control.table import TABLE
from rtrave.control.vector import concrete, make_layout
from rtrave.osc.query import QueryTree

READERS = {
    "/rtrave/latent/<n>/out": lambda: (0.5, 1.0, 1.5, 2.0),
    "/rtrave/model/name": lambda: ('a "name"',),
    "/rtrave/status": lambda: (1, 0.25, 92.5, 60),
    "/rtrave/snapshot/list": lambda: ("a", "b"),
}


@pytest.fixture
def controls() -> Controls:
    controls = Controls(make_layout(4))
    Instrument(controls, (0.5, 0.8, 0.9, 1.0))
    return controls


@pytest.fixture
def tree(controls: Controls) -> QueryTree:
    return QueryTree(controls, READERS, "rtrave x", {"OSC_PORT": 9000, "WS_PORT": 9000})


def get(tree: QueryTree, target: str) -> Any:
    status, body = tree.answer(target)
    assert status == 200, (status, body)
    return json.loads(body)


def leaves(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if "CONTENTS" not in node:
        return {node["FULL_PATH"]: node}
    assert node["ACCESS"] == 0
    return {path: leaf for child in node["CONTENTS"].values() for path, leaf in leaves(child).items()}


def test_the_root_holds_every_address_once(tree: QueryTree, controls: Controls) -> None:
    root = get(tree, "/")
    assert root["FULL_PATH"] == "/" and list(root["CONTENTS"]) == ["rtrave"]
    found = leaves(root)
    expected = {
        a
        for p in TABLE
        if p.kind not in (ParameterKind.REPLY, ParameterKind.HIDDEN)
        for a in concrete(p, 4)
        if "/attribute/" not in p.address
    }
    assert found.keys() == expected
    for address, p in controls.parameters.items():
        assert found[address]["DESCRIPTION"] == p.description


def test_a_control(tree: QueryTree, controls: Controls) -> None:
    controls.set("/rtrave/latent/2/bias", (1.25,))
    assert get(tree, "/rtrave/latent/2/bias") == {
        "FULL_PATH": "/rtrave/latent/2/bias",
        "TYPE": "f",
        "ACCESS": 3,
        "DESCRIPTION": "add to the latent",
        "RANGE": [{"MIN": -3.0, "MAX": 3.0}],
        "CLIPMODE": ["none"],
        "VALUE": [1.25],
    }
    assert get(tree, "/rtrave/in/gain")["UNIT"] == ["gain.db"] and get(tree, "/rtrave/mix")["CLIPMODE"] == ["both"]
    assert get(tree, "/rtrave/dims")["RANGE"] == [{"MIN": 1, "MAX": 4}]


@pytest.mark.parametrize(
    ("path", "types", "access", "value"),
    [
        ("/rtrave/space", "s", 3, ["compressed"]),
        ("/rtrave/latents/bias", "ffff", 3, [0, 0, 0, 0]),
        ("/rtrave/z/in", "ffff", 3, [0, 0, 0, 0]),
        ("/rtrave/morph/corners", "ssss", 3, ["", "", "", ""]),
        ("/rtrave/morph/xy", "ff", 3, [0, 0]),
        ("/rtrave/fidelity", "f", 3, [1]),
        ("/rtrave/panic", "N", 2, None),
        ("/rtrave/hello", "ii", 2, None),
        ("/rtrave/latent/1/out", "f", 1, [1.0]),
        ("/rtrave/model/name", "s", 1, ['a "name"']),
        ("/rtrave/status", "iffi", 1, [1, 0.25, 92.5, 60]),
        ("/rtrave/meter", "ffff", 1, None),
        ("/rtrave/snapshot/list", "s", 1, ["a", "b"]),
    ],
)
def test_types_access_and_values(tree: QueryTree, path: str, types: str, access: int, value: Any) -> None:
    node = get(tree, path)
    assert (node["TYPE"], node["ACCESS"], node.get("VALUE")) == (types, access, value)
    if "RANGE" in node:
        assert len(node["RANGE"]) == len(types)


def test_one_attribute(tree: QueryTree) -> None:
    assert get(tree, "/rtrave/mix?VALUE") == {"VALUE": [1]}
    assert get(tree, "/rtrave/mix?VALUE=") == {"VALUE": [1]}
    assert get(tree, "/rtrave/mix?TAGS") == {} and get(tree, "/rtrave?VALUE") == {}
    assert get(tree, "/rtrave/space?RANGE") == {"RANGE": [{"VALS": ["compressed", "full"]}]}
    assert list(get(tree, "/rtrave/latent?CONTENTS")["CONTENTS"]) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("target", ["/?HOST_INFO", "/rtrave/mix?HOST_INFO", "/?HOST_INFO=1"])
def test_host_info(tree: QueryTree, target: str) -> None:
    info = get(tree, target)
    assert info["NAME"] == "rtrave x" and info["OSC_PORT"] == 9000 and info["EXTENSIONS"]["LISTEN"] is True


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/rtrave/nosuch", 404),
        ("/nosuch", 404),
        ("/rtrave/latent/4/bias", 404),
        ("/rtrave/mix/deeper", 404),
        ("/../../etc/passwd", 404),
        ("/%2e%2e/etc", 404),
        ("/rtrave/pong", 404),
        ("/rtrave/glide/count", 404),
        ("/rtrave/mix?NOSUCH", 400),
        ("/rtrave/mix?value", 400),
        ("/rtrave/mix?VALUE&RANGE", 400),
        ("/rtrave/panic?VALUE", 204),
        ("/rtrave/meter?VALUE", 204),
        ("/rtrave/", 200),
        ("/rtrave/mix#x", 200),
        ("", 200),
    ],
)
def test_statuses(tree: QueryTree, target: str, status: int) -> None:
    assert tree.answer(target)[0] == status


def test_a_root_of_128_dimensions_is_small() -> None:
    controls = Controls(make_layout(128))
    body = QueryTree(controls, {}, "x", {}).answer("/")[1]
    assert len(body) <= 400_000
    assert len(leaves(json.loads(body))) > 1850


def test_below_is_what_listen_takes(tree: QueryTree) -> None:
    assert tree.below("/rtrave/mix") == ["/rtrave/mix"]
    assert len(tree.below("/rtrave/latent/1")) == 14
    assert "/rtrave/latents/bias" not in tree.below("/rtrave/latent")
    assert len(tree.below("/")) == len(tree.addresses)
