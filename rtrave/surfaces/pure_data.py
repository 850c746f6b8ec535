"""A patch for Pure Data (vanilla, 0.51 and newer), whose sliders and switches send their values and follow rtrave's.

Every slider sends through `oscformat` and one `netsend`. One `netreceive` passes the messages of rtrave on to the
symbol `rtrave-heard`; routes set the sliders from there, which do not send then.
"""

from __future__ import annotations

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ROOT
from rtrave.surfaces.layout import Item, ItemKind, banks, main_items

COLORS = "#fcfcfc #000000 #000000"
WIDTH, HEIGHT = 15, 128
PING_MS = 4000  # renews the lease of 10 s


class Canvas:
    """The lines of one canvas: objects in order, and connections between their numbers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.wires: list[str] = []
        self._count = 0

    def add(self, line: str) -> int:
        """Add an object, message, text or whole subpatch; return its number."""
        self.lines.append(line)
        self._count += 1
        return self._count - 1

    def obj(self, x: int, y: int, text: str) -> int:
        """Add an object; return its number."""
        return self.add(f"#X obj {x} {y} {text};")

    def msg(self, x: int, y: int, text: str) -> int:
        """Add a message box and return its number; `text` as Pure Data writes it, with dollars and commas escaped."""
        return self.add(f"#X msg {x} {y} {text};")

    def wire(self, *ends: tuple[int, int, int, int]) -> None:
        """Connect (object, outlet, object, inlet)."""
        self.wires += [f"#X connect {a} {outlet} {b} {inlet};" for a, outlet, b, inlet in ends]

    def text(self) -> str:
        """Return the lines of the canvas: its objects, then its connections."""
        return "\n".join(self.lines + self.wires)


def patch(controls: Controls, host: str = "localhost", port: int = 9000, reply_port: int = 9001) -> str:
    """Return the text of a patch file.

    Parameters
    ----------
    controls : Controls
    host, port
        Where rtrave listens.
    reply_port : int
        UDP port that the patch listens on.
    """
    canvas = Canvas()
    _network(canvas, host, port, reply_port)
    _fill(canvas, main_items(controls), 20, 240)
    for k, (name, columns) in enumerate(banks(controls)):
        inner = Canvas()
        for column, items in enumerate(columns):
            _fill(inner, items, 20 + 140 * column, 40, vertical=True)
        canvas.add(
            f"#N canvas 60 60 1200 800 {_escaped(name)} 0;\n{inner.text()}\n#X restore 500 {20 + 24 * k} pd {name};"
        )
    return f"#N canvas 40 40 1000 600 12;\n{canvas.text()}\n"


def _network(canvas: Canvas, host: str, port: int, reply_port: int) -> None:
    load = canvas.obj(20, 20, "loadbang")
    connect = canvas.msg(20, 46, f"connect {host} {port}")
    net = canvas.obj(20, 150, "netsend -u -b")
    out = canvas.obj(200, 98, "r rtrave-bytes")
    send = canvas.obj(200, 124, "list prepend send")
    trim = canvas.obj(200, 150, "list trim")
    start = canvas.obj(100, 46, "delay 100")
    hello = canvas.msg(100, 72, f"{reply_port} 7")
    hello_bytes = canvas.obj(100, 98, "oscformat -f ii rtrave hello")
    to_bytes = canvas.obj(100, 124, "s rtrave-bytes")
    metro = canvas.obj(340, 46, f"metro {PING_MS}")
    ping = canvas.obj(340, 72, "oscformat rtrave ping")
    canvas.wire((load, 0, connect, 0), (connect, 0, net, 0), (out, 0, send, 0), (send, 0, trim, 0), (trim, 0, net, 0))
    canvas.wire((load, 0, start, 0), (start, 0, hello, 0), (hello, 0, hello_bytes, 0), (hello_bytes, 0, to_bytes, 0))
    on = canvas.msg(340, 20, "1")
    bang = canvas.obj(340, 98, "s rtrave-bytes")
    empty = canvas.obj(420, 72, "list")
    canvas.wire((start, 0, on, 0), (on, 0, metro, 0), (metro, 0, empty, 0), (empty, 0, ping, 0), (ping, 0, bang, 0))
    receive = canvas.obj(20, 180, f"netreceive -u -b {reply_port}")
    parse = canvas.obj(160, 180, "oscparse")
    flat = canvas.obj(240, 180, "list trim")
    heard = canvas.obj(320, 180, "s rtrave-heard")
    canvas.wire((receive, 0, parse, 0), (parse, 0, flat, 0), (flat, 0, heard, 0))


def _fill(canvas: Canvas, items: list[Item], left: int, top: int, vertical: bool = False) -> None:
    x, y = left, top
    for shown in items:
        _control(canvas, shown, x, y)
        if vertical:
            y += (HEIGHT if shown.kind is ItemKind.FADER else WIDTH) + 50
        else:
            x += 70
            if x > 900:
                x, y = left, y + HEIGHT + 60


def _control(canvas: Canvas, shown: Item, x: int, y: int) -> None:
    """Add a slider, toggle or bang, the objects that send its value, and those that set it to received values."""
    path = shown.address.removeprefix(ROOT)
    name = "rtrave-" + path.replace("/", "-")
    label = shown.label.replace(" ", "_")
    ends = f"{name}-moved {name} {label} 0 -9 0 10 {COLORS}"
    if shown.kind is ItemKind.FADER:
        where = (shown.default - shown.low) / max(shown.high - shown.low, 1e-9)
        position = round(min(max(where, 0.0), 1.0) * (HEIGHT - 1) * 100)
        knob = canvas.obj(x, y, f"vsl {WIDTH} {HEIGHT} {shown.low:g} {shown.high:g} 0 0 {ends} {position} 1")
    elif shown.kind is ItemKind.SWITCH:
        knob = canvas.obj(x, y, f"tgl {WIDTH} 0 {ends} 0 1")
    else:
        knob = canvas.obj(x, y, f"bng {WIDTH} 250 50 0 {ends}")
    words = path.replace("/", " ")
    under = y + (HEIGHT if shown.kind is ItemKind.FADER else WIDTH) + 8
    types = "-f i " if shown.whole else ""
    out = canvas.obj(x + 20, under, f"oscformat {types}rtrave {words}")
    send = canvas.obj(x + 20, under + 14, "s rtrave-bytes")
    canvas.wire((out, 0, send, 0))
    if shown.kind is ItemKind.TRIGGER:
        one = canvas.msg(x + 20, under - 10, "1")
        canvas.wire((knob, 0, one, 0), (one, 0, out, 0))
        return
    canvas.wire((knob, 0, out, 0))
    last = canvas.obj(x + 40, y, "r rtrave-heard")
    for word in ("rtrave", *path.split("/")):
        # oscparse yields the numbers of an address as symbols, and route needs the escape to match a symbol.
        following = canvas.obj(x + 40, y, f"route {word}" if not word.isdigit() else f"route \\{word}")
        canvas.wire((last, 0, following, 0))
        last = following
    back = canvas.msg(x + 40, y, "set \\$1")
    canvas.wire((last, 0, back, 0), (back, 0, knob, 0))


def _escaped(name: str) -> str:
    return name.replace(" ", "\\ ")
