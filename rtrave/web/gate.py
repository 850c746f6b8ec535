"""The gate of HTTP and web sockets: pure functions of a request's headers and its peer.

A web page that the user happens to look at must not reach rtrave. An unknown name in `Host` is a rebound DNS name, an
unknown `Origin` is another page. Beyond loopback, the path must also contain a token.
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
    """The rules for requests.

    Attributes
    ----------
    port : int
    networks : tuple of networks
        Networks admitted besides loopback; empty for this computer only.
    token : str
        First segment of the path; peers on other computers must send it.
    """

    port: int
    networks: tuple[Network, ...] = ()
    token: str = ""

    def refusal(self, peer: str, host: str | None, origin: str | None) -> str:
        """Return the reason to refuse a request, empty to admit it.

        Parameters
        ----------
        peer : str
            IP address of the client.
        host, origin : str or None
            Headers `Host` and `Origin`.
        """
        address = ipaddress.ip_address(peer)
        if not address.is_loopback and not any(address in network for network in self.networks):
            return "this network is not admitted"
        if host is None or not self._is_ours(host):
            return "unknown host name"
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return "unknown origin"
        return ""

    def path(self, peer: str, target: str) -> str | None:
        """Return the target of a request without the token; None where the token is missing or wrong."""
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
        try:  # nobody can rebind an address, only a name
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse networks such as 192.168.0.0/16; RtraveError for anything else."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise RtraveError(
                f"--osc-allow: expected a network such as 192.168.0.0/16, got {text!r} ({error})"
            ) from error
    return tuple(networks)
