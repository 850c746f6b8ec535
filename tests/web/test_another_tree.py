"""The controls become another model's: sockets are told which nodes went and came, and the tree answers anew."""

import json

from rtrave.control.parameter import ParameterKind
from rtrave.control.vector import make_layout
from rtrave.osc.packets import encode_message
from rtrave.osc.query import QueryTree, path_messages
from tests.web.conftest import Site
from tests.web.test_sockets import command, heard, settled, silent


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


def test_sockets_hear_what_went_and_what_came(site: Site) -> None:
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


def test_what_a_socket_listens_to_goes_on_where_it_is_still_there(site: Site) -> None:
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
    assert {told[0] for told in heard(web, len(named))} == named
    other.send(encode_message("/rtrave/latent/1/bias", "f", (0.5,)))
    assert heard(web, 1) == [("/rtrave/latent/1/bias", 0.5)]
    assert silent(web)


def test_the_same_tree_is_changed_alone(site: Site) -> None:
    tree = QueryTree(site.controls, {}, "x", {})
    assert [json.loads(text) for text in path_messages(tree, tree)] == [{"COMMAND": "PATH_CHANGED", "DATA": "/"}]


def test_the_extensions_are_announced(site: Site) -> None:
    extensions = json.loads(site.get("/?HOST_INFO").body)["EXTENSIONS"]
    assert all(extensions[name] for name in ("LISTEN", "PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED"))
