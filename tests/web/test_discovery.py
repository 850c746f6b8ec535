"""The announcement by mDNS, and a real browser that finds it."""

import socket
import threading

from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

from rtrave.web.discovery import announce, own_addresses, services


def test_two_services_by_the_name_of_the_program():
    found = services("rtrave x", ["127.0.0.1"], 9000)
    assert [s.type for s in found] == ["_oscjson._tcp.local.", "_osc._udp.local."]
    assert all(s.port == 9000 and s.name.startswith("rtrave x.") for s in found)


def test_addresses():
    assert own_addresses("127.0.0.2") == ["127.0.0.2"]
    (address,) = own_addresses("0.0.0.0")
    socket.inet_aton(address)


def test_a_browser_finds_it():
    seen, there = [], threading.Event()

    def changed(zeroconf, service_type, name, state_change):
        if state_change is ServiceStateChange.Added and name.startswith("rtrave discovered"):
            seen.append(zeroconf.get_service_info(service_type, name).port)
            there.set()

    end = announce("rtrave discovered", "127.0.0.1", 9123)
    browser_side = Zeroconf(interfaces=["127.0.0.1"])
    try:
        browser = ServiceBrowser(browser_side, "_oscjson._tcp.local.", handlers=[changed])
        assert there.wait(8)
        browser.cancel()
    finally:
        browser_side.close()
        end()
    assert seen == [9123]
