"""OSCQuery: the control table as JSON, after the proposal of Vidvox.

The texts that never change are assembled once. One thread uses a tree; it reads values that other threads write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from rtrave.control.namespace import Controls
from rtrave.control.parameter import Access, Parameter, ParameterKind, Value
from rtrave.errors import ControlError
from rtrave.osc.values import Reader, Values

ACCESS = {Access.READ: 1, Access.WRITE: 2, Access.READ_WRITE: 3}
RANGED = (ParameterKind.CONTROL, ParameterKind.VECTOR, ParameterKind.MACRO)
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

Piece = str | tuple[str]  # a text, or the address whose value belongs there
Answer = tuple[int, bytes]  # HTTP status and body
Ends = tuple[float, float]  # lowest and highest value


@dataclass(frozen=True)
class Leaf:
    """The attributes of an address that never change.

    Parameters
    ----------
    path : str
    parameter : Parameter
    count : int
        Numbers of the value: one per latent dimension for a vector form, else 1.
    ranges : tuple of (low, high) or None
        Ranges of the numbers; None where they have none.
    """

    path: str
    parameter: Parameter
    count: int
    ranges: tuple[Ends, ...] | None

    def text(self) -> str:
        """Return the JSON object, without its closing brace: the value may follow."""
        parameter = self.parameter
        types = parameter.type * self.count or "N"  # a trigger takes nil, or nothing
        node: dict[str, object] = {
            "FULL_PATH": self.path,
            "TYPE": types,
            "ACCESS": ACCESS[parameter.access],
            "DESCRIPTION": parameter.description,
        }
        if parameter.choices:
            node["RANGE"] = [{"VALS": list(parameter.choices)}]
        elif self.ranges is not None:
            clips = (parameter.hard_low, parameter.hard_high) == (parameter.low, parameter.high)
            node["RANGE"] = [{"MIN": low, "MAX": high} for low, high in self.ranges]
            node["CLIPMODE"] = ["both" if clips else "none"] * len(types)
        if parameter.unit in UNITS and len(parameter.type) == 1:
            node["UNIT"] = [UNITS[parameter.unit]] * self.count
        return json.dumps(node, ensure_ascii=False, separators=(",", ":"))[:-1]


class QueryTree:
    """The nodes of OSCQuery, with answers to HTTP requests for them.

    Parameters
    ----------
    controls : Controls
    readers : mapping
        As in `OscServer`; the thread of the tree calls them, too.
    name : str
        Name of the program, for `HOST_INFO`.
    host_info : mapping
        OSC_IP, OSC_PORT, WS_IP, WS_PORT.
    """

    def __init__(
        self, controls: Controls, readers: Mapping[str, Reader], name: str, host_info: Mapping[str, Value]
    ) -> None:
        self._controls, self._values = controls, Values(controls, readers)
        self.addresses = tuple(a for a, p in controls.parameters.items() if p.kind is not ParameterKind.REPLY)
        self._pieces: dict[str, list[Piece]] = {}
        self._contents: dict[str, list[str]] = {"/": []}
        for address in self.addresses:
            self._insert(address)
        extensions = dict.fromkeys(SUPPORTED, True) | dict.fromkeys(MESSAGES, True) | {"TAGS": False}
        self._host_info = json.dumps({"NAME": name, "EXTENSIONS": extensions, "OSC_TRANSPORT": "UDP", **host_info})

    def answer(self, target: str) -> Answer:
        """Answer a GET request for a target: a path, and at most one attribute as its query."""
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
        node = json.loads(self.node(path))
        return 200, json.dumps({attribute: node[attribute]} if attribute in node else {}).encode()

    def below(self, path: str) -> list[str]:
        """Return the addresses at a path and below it."""
        path = path.rstrip("/")
        return [a for a in self.addresses if a == path or a.startswith(path + "/")]

    def tops_without(self, other: QueryTree) -> list[str]:
        """Return the topmost nodes that another tree does not have."""
        mine = (self._contents.keys() | set(self.addresses)) - other._contents.keys() - set(other.addresses)
        return sorted(node for node in mine if node.rpartition("/")[0] not in mine)

    def node(self, path: str) -> str:
        """Return the JSON of a node and everything below it."""
        pieces = self._pieces.get(path)
        if pieces is None:
            pieces = self._pieces[path] = _joined(self._node_pieces(path))
        return "".join(piece if isinstance(piece, str) else self._value(piece[0]) for piece in pieces)

    def _insert(self, address: str) -> None:
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
        yield self._leaf(path).text()
        if self._values.readable(path):
            yield ',"VALUE":'
            yield (path,)
        yield "}"

    def _leaf(self, path: str) -> Leaf:
        parameter = self._controls.parameters[path]
        count = self._controls.layout.dims if parameter.per_latent else 1
        ranges: tuple[Ends, ...] | None = None
        if parameter.kind in RANGED and set(parameter.type) <= {"f", "i"} and parameter.type:
            ranges = self._ranges(path, parameter) * len(parameter.type)
            ranges = ranges if len(ranges) > 1 else ranges * count
        return Leaf(path, parameter, count, ranges)

    def _ranges(self, path: str, parameter: Parameter) -> tuple[Ends, ...]:
        slot = self._controls.slot(path)
        if slot is None or slot.indices is None:
            return ((parameter.low, parameter.high),)
        low, high = (ends[0, slot.indices].tolist() for ends in (self._controls.low, self._controls.high))
        if parameter.type == "i":
            return tuple((int(a), int(b)) for a, b in zip(low, high, strict=True))
        return tuple((round(a, 4), round(b, 4)) for a, b in zip(low, high, strict=True))

    def _value(self, address: str) -> str:
        try:
            _, values = self._values.get(address)
        except ControlError:
            return "[]"
        return "[" + ",".join(_shown(value) for value in values) + "]"


def path_messages(before: QueryTree, after: QueryTree) -> list[str]:
    """Return the messages to a client that has read one tree, when another tree takes its place.

    They name the removed nodes, the added nodes, and the root, below which ranges and types may have changed.
    """
    commands = [("PATH_REMOVED", node) for node in before.tops_without(after)]
    commands += [("PATH_ADDED", node) for node in after.tops_without(before)]
    commands.append(("PATH_CHANGED", "/"))
    return [json.dumps({"COMMAND": command, "DATA": path}) for command, path in commands]


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    return repr(value) if isinstance(value, int) else f"{value:.7g}"


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """Join neighbouring texts."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
