"""Asyncio shells for devices and live clients around the sans-I/O protocols.

``mqtt``         the gateway: who is let in, what becomes of what clients send, revocation, the end
``link``         one network connection of an MQTT client
``pump``         moves bytes between links and broker: fair reading, one write per link and turn
``fan_out``      what the spine publishes, into the broker
``devices``      devices by certificate, and what they may do
``cloud_devices`` devices of a device cloud: their agents' topics, and what the cloud may send
``people``       people by token, key or signed URL, and what they may do
``revocation``   who is connected as whom, and what ends or changes that
``acceptor``     listening sockets: how many at once, how fast
``websocket``    MQTT over WebSocket as an ASGI application
``upgrade``      the WebSocket handshake for clients that keep the letter of the standard loosely
``tls``          server contexts, and what clients show
``trust``        the authorities that handshakes trust, kept in step with trusted certificates and clouds
``memory``       memory given back after many have left
``counters``     what the gateway counts
"""
