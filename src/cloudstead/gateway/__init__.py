"""The asyncio shells for devices and live clients: listeners, TLS, WebSocket, pump and fan-out."""
