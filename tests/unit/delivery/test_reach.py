from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudstead.delivery.reach import (
    AddressRefused,
    CheckedConnector,
    ConnectionFailed,
    NameUnknown,
    Reach,
    SystemResolver,
)
from factories.webhook_receiver import receiving

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001::200e"]
PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
]
NOWHERE = [
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.8",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "ff02::1",
    "not an address",
    "",
]
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::254%1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_reached(address):
    assert Reach().admits(address)


@pytest.mark.parametrize("address", PRIVATE + NOWHERE + METADATA)
def test_nothing_else_may(address):
    assert not Reach().admits(address)


@pytest.mark.parametrize("address", PUBLIC + PRIVATE)
def test_private_networks_may_be_reached_where_the_operator_allows_them(address):
    assert Reach(allow_private=True).admits(address)


@pytest.mark.parametrize("address", NOWHERE + METADATA)
def test_what_clouds_tell_a_machine_stays_out_of_reach_even_then(address):
    assert not Reach(allow_private=True).admits(address)


def test_a_named_network_is_reached_and_its_neighbour_is_not():
    reach = Reach(allow=[ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("169.254.169.254/32")])

    assert reach.admits("10.1.2.3")
    assert reach.admits("169.254.169.254")
    assert not reach.admits("10.2.0.1")
    assert not reach.admits("::ffff:10.1.2.3")


INSIDE = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "10.0.0.1",
    "::1",
    "fd12::1",
    "169.254.169.254",
]


@pytest.mark.parametrize("host", [*INSIDE, "127.0.0.1.", "localhost", "LOCALHOST.", "printer.localhost", "0"])
def test_what_is_spelt_as_an_address_inside_is_known_before_anything_is_sent(host):
    assert not Reach().may_lead(host)


@pytest.mark.parametrize(
    "host", ["hooks.example", "10.example", "localhost.example", "93.184.215.14", "2a00:1450:4001::200e"]
)
def test_a_name_may_lead_anywhere_until_it_is_looked_up(host):
    assert Reach().may_lead(host)


def test_what_the_operator_allows_may_be_spelt_out():
    assert Reach(allow_private=True).may_lead("localhost")
    assert Reach(allow=[ipaddress.ip_network("10.0.0.0/8")]).may_lead("10.0.0.1")
    assert not Reach(allow_private=True).may_lead("169.254.169.254")


def answering(*addresses):
    async def resolve(host, port):
        resolve.asked.append((host, port))
        return addresses

    resolve.asked = []
    return resolve


async def connect(connector, host, port):
    transport, _ = await asyncio.wait_for(connector.connect(host, port, tls=None, protocol=asyncio.Protocol), 5)
    return transport


LOOPBACK = Reach(allow=[ipaddress.ip_network("127.0.0.0/8")])


async def test_the_connection_is_made_to_the_address_that_was_looked_at():
    async with receiving() as receiver:
        resolve = answering("127.0.0.1")
        transport = await connect(CheckedConnector(LOOPBACK, resolve), "hooks.example", receiver.port)

        assert transport.get_extra_info("peername") == ("127.0.0.1", receiver.port)
        assert resolve.asked == [("hooks.example", receiver.port)]
        transport.abort()


async def test_addresses_that_are_not_admitted_are_left_out():
    async with receiving() as receiver:
        resolve = answering("10.0.0.1", "169.254.169.254", "127.0.0.1")
        transport = await connect(CheckedConnector(LOOPBACK, resolve), "hooks.example", receiver.port)

        assert transport.get_extra_info("peername") == ("127.0.0.1", receiver.port)
        transport.abort()


async def test_the_next_address_is_tried_when_one_does_not_answer():
    async with receiving() as receiver:
        resolve = answering("127.0.0.2", "127.0.0.1")  # the receiver listens on the second one alone
        transport = await connect(CheckedConnector(LOOPBACK, resolve), "hooks.example", receiver.port)

        assert transport.get_extra_info("peername") == ("127.0.0.1", receiver.port)
        transport.abort()


async def test_a_name_that_leads_inside_is_refused_without_telling_where():
    connector = CheckedConnector(Reach(), answering("10.0.0.1", "127.0.0.1"))

    with pytest.raises(AddressRefused) as caught:
        await connect(connector, "hooks.example", 80)

    assert "10.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("error", [socket.gaierror("no such name"), UnicodeError("label too long")])
async def test_a_name_that_nobody_knows_is_told(error):
    async def resolve(host, port):
        raise error

    with pytest.raises(NameUnknown):
        await connect(CheckedConnector(Reach(), resolve), "nowhere.example", 80)


async def test_a_refused_connection_is_told():
    async with receiving() as receiver:
        port = receiver.port

    with pytest.raises(ConnectionFailed, match=r"^Connection refused$"):
        await connect(CheckedConnector(LOOPBACK, answering("127.0.0.1")), "hooks.example", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost"])
async def test_every_way_to_write_an_address_ends_in_the_address(host):
    with ThreadPoolExecutor(1) as executor:
        found = await SystemResolver(executor)(host, 80)
        assert "127.0.0.1" in found
        with pytest.raises(AddressRefused):
            await connect(CheckedConnector(Reach(), SystemResolver(executor)), host, 80)
        await asyncio.sleep(0)
