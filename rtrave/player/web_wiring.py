"""The web side of a live run: OSCQuery on the port number of OSC, its address and its announcement."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping

from rtrave.control.namespace import Controls
from rtrave.control.parameter import Value
from rtrave.errors import RtraveError
from rtrave.osc.endpoint import is_loopback
from rtrave.osc.query import QueryTree
from rtrave.osc.server import OscServer
from rtrave.osc.values import Reader
from rtrave.player.options import LiveOptions
from rtrave.web.gate import Gate, parse_networks
from rtrave.web.server import WebServer


class Web:
    """The web server of a run.

    Parameters
    ----------
    options : LiveOptions
    controls : Controls
    readers : mapping
        As in `OscServer`.
    osc : OscServer
        A server that is not started yet.
    name : str
        Name of the model.

    Attributes
    ----------
    url : str
        Address of the root, with the token where there is one.

    Raises
    ------
    RtraveError
        For `--osc-allow` with a loopback `--osc-bind`, or with anything but networks.
    """

    def __init__(
        self, options: LiveOptions, controls: Controls, readers: Mapping[str, Reader], osc: OscServer, name: str
    ) -> None:
        networks = parse_networks(options.osc_allow)
        if networks and is_loopback(options.osc_bind):
            raise RtraveError(
                f"--osc-allow: expected an --osc-bind beyond loopback, got {options.osc_bind}: add --osc-bind 0.0.0.0"
            )
        self._bind = options.osc_bind if networks else "127.0.0.1"
        self._name, self._port, self._open = f"rtrave {name}", osc.port, bool(networks)
        token = secrets.token_urlsafe(12) if networks else ""
        shown = "127.0.0.1" if self._bind in ("0.0.0.0", "127.0.0.1") else self._bind
        self._controls, self._readers = controls, readers
        self._host_info: dict[str, Value] = {"OSC_PORT": osc.port, "WS_PORT": osc.port}
        if not networks:  # without these, clients use the address of their request
            self._host_info |= {"OSC_IP": shown, "WS_IP": shown}
        self._server = WebServer(osc, self._tree(), Gate(osc.port, networks, token), self._bind)
        self.url = f"http://{shown}:{osc.port}/" + (f"{token}/" if token else "")

    def _tree(self) -> QueryTree:
        return QueryTree(self._controls, self._readers, self._name, self._host_info)

    def changing(self) -> contextlib.AbstractContextManager[object]:
        """Return the lock to hold while the layout of the controls changes. The web thread reads the tree with it."""
        return self._server.reading

    def adopt_controls(self) -> None:
        """Serve the controls in their new layout, and report the change to all sockets. Only with `changing` held."""
        self._server.adopt(self._tree())

    def start(self, stack: contextlib.ExitStack, note: Callable[[str], object]) -> None:
        """Listen, and announce the server where other computers are admitted; push what ends both onto `stack`."""
        self._server.start()
        stack.callback(self._server.stop)
        if not self._open:
            return
        note(f"OSCQuery is open to other computers, with the token in its address: {self.url}")
        from rtrave.web.discovery import announce

        try:
            stack.callback(announce(self._name, self._bind, self._port))
        except RtraveError as error:
            note(str(error))
