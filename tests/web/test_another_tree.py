"""The controls of another model: sockets learn the removed and added nodes, and the tree answers for the new ones."""

import json

from rtrave.control.parameter import ParameterKind
from rtrave.control.vector import make_layout
from rtrave.osc.packets import encode_message
from rtrave.osc.query import QueryTree, path_messages
from tests.web.conftest import Site
from tests.web.test_sockets import command, received, settled, silent


def adopt(site: Site, dims: int) -> None:
    def act() -> None:
        with site.web.reading:
            site.instrument.adopt(make_layout(dims))
            site.osc.adopt_controls()
            site.web.adopt(QueryTree(site.controls, {}, "rtrave test", {}))

    site.osc.submit(act).result(5)


def paths(web, count: int) -> list[tuple[str, str]]:
    records = [json.loads(web.recv(timeout=5)) for _ in range(count)]
    return [(record["COMMAND"], record["DATA"]) for record in records]


def test_sockets_get_the_removed_and_the_added_nodes(site: Site) -> None:
    web = site.socket()
    settled(site, web)
    adopt(site, 2)
    assert paths(web, 3) == [
        ("PATH_REMOVED", "/rtrave/latent/2"),
        ("PATH_REMOVED", "/rtrave/latent/3"),
        ("PATH_CHANGED", "/"),
    ]
    assert site.get("/rtrave/latent/2").status == 404
    assert json.loads(site.get("/rtrave/dims?RANGE").body) == {"RANGE": [{"MIN": 1, "MAX": 2}]}
    adopt(site, 3)
    assert paths(web, 2) == [("PATH_ADDED", "/rtrave/latent/2"), ("PATH_CHANGED", "/")]
    assert site.get("/rtrave/latent/2").status == 200


def test_a_socket_keeps_listening_to_the_addresses_that_remain(site: Site) -> None:
    web, other = site.socket(), site.socket()
    web.send(command("LISTEN", "/rtrave/latent"))
    settled(site, web)
    adopt(site, 2)
    assert paths(web, 3)[-1] == ("PATH_CHANGED", "/")
    named = {
        a
        for a, p in site.controls.parameters.items()
        if a.startswith("/rtrave/latent/") and p.kind is ParameterKind.CONTROL
    }
    assert {one[0] for one in received(web, len(named))} == named
    other.send(encode_message("/rtrave/latent/1/bias", "f", (0.5,)))
    assert received(web, 1) == [("/rtrave/latent/1/bias", 0.5)]
    assert silent(web)


def test_an_equal_tree_gives_path_changed_alone(site: Site) -> None:
    tree = QueryTree(site.controls, {}, "x", {})
    assert [json.loads(text) for text in path_messages(tree, tree)] == [{"COMMAND": "PATH_CHANGED", "DATA": "/"}]


def test_the_extensions_are_announced(site: Site) -> None:
    extensions = json.loads(site.get("/?HOST_INFO").body)["EXTENSIONS"]
    assert all(extensions[name] for name in ("LISTEN", "PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED"))
