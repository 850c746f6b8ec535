"""mDNS: announces OSC and OSCQuery to other computers of the network. Only beyond loopback."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from zeroconf import ServiceInfo, Zeroconf

from rtrave.errors import RtraveError


def own_addresses(bind: str) -> list[str]:
    """Return the addresses to announce: the bound one, or for all networks the one of the outgoing route."""
    if not ipaddress.ip_address(bind).is_unspecified:
        return [bind]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # finds the route, sends nothing
            return [str(probe.getsockname()[0])]
        except OSError:
            return ["127.0.0.1"]


def services(name: str, addresses: list[str], port: int) -> list[ServiceInfo]:
    """Return the services to announce: OSCQuery over TCP and OSC over UDP, by the name of the program."""
    packed = [socket.inet_aton(address) for address in addresses]
    return [
        ServiceInfo(kind, f"{name}.{kind}", addresses=packed, port=port, server=f"{socket.gethostname()}.local.")
        for kind in ("_oscjson._tcp.local.", "_osc._udp.local.")
    ]


def announce(name: str, bind: str, port: int) -> Callable[[], None]:
    """Announce the two services; return a function that ends it. RtraveError where the network refuses."""
    addresses = own_addresses(bind)
    try:
        zeroconf = Zeroconf(interfaces=addresses)
        for service in services(name, addresses, port):
            zeroconf.register_service(service, allow_name_change=True)
    except OSError as error:
        raise RtraveError(f"mDNS: {error}: enter the address by hand") from error

    def end() -> None:
        zeroconf.unregister_all_services()
        zeroconf.close()

    return end
