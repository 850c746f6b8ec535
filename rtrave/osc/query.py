"""OSCQuery: the control table as the JSON that clients ask for. The texts that never change are put together once.

After the OSCQuery proposal of Vidvox. One thread; it reads values that other threads write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from rtrave.control.namespace import Controls
from rtrave.control.parameter import Parameter, Value
from rtrave.errors import ControlError
from rtrave.osc.values import Reader, Values

ACCESS = {"r": 1, "w": 2, "rw": 3}
UNITS = {
    "dB": "gain.db",
    "ms": "time.ms",
    "s": "time.second",
    "Hz": "time.frequency",
    "samples": "time.sample",
    "degrees": "angle.degree",
}
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "CLIPMODE", "UNIT", "DESCRIPTION", "TAGS")
KNOWN = frozenset((*ATTRIBUTES, "EXTENDED_TYPE", "CRITICAL", "OVERLOADS", "HTML"))  # those of the proposal
MESSAGES = ("LISTEN", "PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED")  # over web sockets
SUPPORTED = ("ACCESS", "VALUE", "RANGE", "CLIPMODE", "UNIT", "DESCRIPTION")

Piece = str | tuple[str]  # a text, or the address whose value stands there
Answer = tuple[int, bytes]


class QueryTree:
    """Answers HTTP requests for nodes and attributes.

    Parameters
    ----------
    controls : Controls
    readers : mapping
        As `OscServer`; may be called from this thread, too.
    name : str
        Of the program, for `HOST_INFO`.
    host_info : mapping
        OSC_IP, OSC_PORT, WS_IP, WS_PORT.
    """

    def __init__(
        self, controls: Controls, readers: Mapping[str, Reader], name: str, host_info: Mapping[str, Value]
    ) -> None:
        self._controls, self._values = controls, Values(controls, readers)
        self.addresses = tuple(a for a, p in controls.parameters.items() if p.kind != "reply")
        self._pieces: dict[str, list[Piece]] = {}
        self._contents: dict[str, list[str]] = {"/": []}
        for address in self.addresses:
            self._place(address)
        extensions = dict.fromkeys(SUPPORTED, True) | dict.fromkeys(MESSAGES, True) | {"TAGS": False}
        self._host_info = json.dumps({"NAME": name, "EXTENSIONS": extensions, "OSC_TRANSPORT": "UDP", **host_info})

    def answer(self, target: str) -> Answer:
        """Status and body for the target of a GET request: a path, and at most one attribute as its query."""
        path, _, query = target.partition("?")
        path = unquote(path.split("#")[0])
        path = path.rstrip("/") or "/"
        attribute = query.partition("=")[0]
        if "&" in query:
            return 400, b'{"error": "one attribute at a time"}'
        if attribute == "HOST_INFO":
            return 200, self._host_info.encode()
        if query and attribute not in KNOWN:
            return 400, b'{"error": "unknown attribute"}'
        if path not in self._contents and path not in self._controls.parameters:
            return 404, b'{"error": "no such path"}'
        self._values.begin_round()
        if not query:
            return 200, self.node(path).encode()
        if attribute == "VALUE" and path not in self._contents and not self._values.readable(path):
            return 204, b""
        node: dict[str, Any] = json.loads(self.node(path))
        return 200, json.dumps({attribute: node[attribute]} if attribute in node else {}).encode()

    def below(self, path: str) -> list[str]:
        """The addresses at a path and below it."""
        path = path.rstrip("/")
        return [a for a in self.addresses if a == path or a.startswith(path + "/")]

    def tops_without(self, other: QueryTree) -> list[str]:
        """The topmost nodes that another tree does not have."""
        mine = (self._contents.keys() | set(self.addresses)) - other._contents.keys() - set(other.addresses)
        return sorted(node for node in mine if node.rpartition("/")[0] not in mine)

    def node(self, path: str) -> str:
        """The JSON of a node and everything below it."""
        pieces = self._pieces.get(path)
        if pieces is None:
            pieces = self._pieces[path] = _joined(self._node_pieces(path))
        return "".join(piece if isinstance(piece, str) else self._value(piece[0]) for piece in pieces)

    def _place(self, address: str) -> None:
        parent = ""
        for segment in address.split("/")[1:]:
            siblings = self._contents.setdefault(parent or "/", [])
            if segment not in siblings[-1:] and segment not in siblings:
                siblings.append(segment)
            parent += "/" + segment

    def _node_pieces(self, path: str) -> Iterator[Piece]:
        if path in self._contents:
            yield f'{{"FULL_PATH":{json.dumps(path)},"ACCESS":0,"CONTENTS":{{'
            for k, segment in enumerate(self._contents[path]):
                yield f'{"," if k else ""}"{segment}":'
                yield from self._node_pieces(f"{path.rstrip('/')}/{segment}")
            yield "}}"
            return
        parameter = self._controls.parameters[path]
        yield json.dumps(self._static(path, parameter), ensure_ascii=False, separators=(",", ":"))[:-1]
        if self._values.readable(path):
            yield ',"VALUE":'
            yield (path,)
        yield "}"

    def _static(self, path: str, parameter: Parameter) -> dict[str, Any]:
        count = self._controls.layout.dims if parameter.per_latent else 1
        node: dict[str, Any] = {
            "FULL_PATH": path,
            "TYPE": parameter.type * count or "N",  # a trigger takes nil, or nothing
            "ACCESS": ACCESS[parameter.access],
            "DESCRIPTION": parameter.description,
        }
        if parameter.choices:
            node["RANGE"] = [{"VALS": list(parameter.choices)}]
        elif parameter.kind in ("control", "vector", "macro") and set(parameter.type) <= {"f", "i"} and parameter.type:
            ranges = self._ranges(path, parameter) * len(parameter.type)
            node["RANGE"] = ranges if len(ranges) > 1 else ranges * count
            clips = (parameter.hard_low, parameter.hard_high) == (parameter.low, parameter.high)
            node["CLIPMODE"] = ["both" if clips else "none"] * len(node["TYPE"])
        if parameter.unit in UNITS and len(parameter.type) == 1:
            node["UNIT"] = [UNITS[parameter.unit]] * count
        return node

    def _ranges(self, path: str, parameter: Parameter) -> list[dict[str, float]]:
        place = self._controls.place(path)
        if place is None or place.where is None:
            return [{"MIN": parameter.low, "MAX": parameter.high}]
        low, high = (ends[0, place.where].tolist() for ends in (self._controls.low, self._controls.high))
        whole = parameter.type == "i"
        ends = [(int(a), int(b)) if whole else (round(a, 4), round(b, 4)) for a, b in zip(low, high, strict=True)]
        return [{"MIN": a, "MAX": b} for a, b in ends]

    def _value(self, address: str) -> str:
        try:
            _, values = self._values.get(address)
        except ControlError:
            return "[]"
        return "[" + ",".join(_shown(value) for value in values) + "]"


def path_messages(before: QueryTree, after: QueryTree) -> list[str]:
    """What tells a client that has read one tree of another one in its place: the nodes that went, those that came,
    and that ranges and types below the root may have changed."""
    told = [("PATH_REMOVED", node) for node in before.tops_without(after)]
    told += [("PATH_ADDED", node) for node in after.tops_without(before)]
    told.append(("PATH_CHANGED", "/"))
    return [json.dumps({"COMMAND": command, "DATA": path}) for command, path in told]


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    return repr(value) if isinstance(value, int) else f"{value:.7g}"


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """Neighbouring texts as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
