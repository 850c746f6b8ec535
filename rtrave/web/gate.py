"""Who may come in by HTTP and web socket: pure functions of a request's headers and its peer.

A page of the web that the user happens to look at must not reach rtrave: a name in `Host` that is not ours is a rebound
DNS name, an `Origin` that is not ours is another page. Beyond loopback a token in the path is needed as well.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from rtrave.errors import RtraveError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Gate:
    """What is let in.

    Attributes
    ----------
    port : int
    networks : tuple of networks
        Beyond loopback; empty: this computer only.
    token : str
        First segment of the path for everybody who is not on this computer.
    """

    port: int
    networks: tuple[Network, ...] = ()
    token: str = ""

    def refusal(self, peer: str, host: str | None, origin: str | None) -> str:
        """Why a request is refused; empty where it may come in.

        Parameters
        ----------
        peer : str
            IP address it comes from.
        host, origin : str or None
            Its headers.
        """
        address = ipaddress.ip_address(peer)
        if not address.is_loopback and not any(address in network for network in self.networks):
            return "this network is not let in"
        if host is None or not self._is_ours(host):
            return "another host name"
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return "another origin"
        return ""

    def path(self, peer: str, target: str) -> str | None:
        """The target of a request without the token; None where the token is wrong."""
        first, slash, rest = target.lstrip("/").partition("/")
        first, question, query = first.partition("?")
        if self.token and hmac.compare_digest(first.encode(), self.token.encode()):
            return f"/{rest}" if slash else f"/{question}{query}"
        return target if ipaddress.ip_address(peer).is_loopback else None

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return False
        if name in LOOPBACK_NAMES:
            return True
        if not self.networks:
            return False
        own = socket.gethostname().lower()
        if name.lower() in (own, f"{own}.local"):
            return True
        try:  # an address cannot be rebound, only a name can
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks such as 192.168.0.0/16; RtraveError for what is none."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise RtraveError(f"--osc-allow {text}: {error}: give a network such as 192.168.0.0/16") from error
    return tuple(networks)
