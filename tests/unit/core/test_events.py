from __future__ import annotations

from cloudstead.core.events import EventBus


async def test_a_listener_that_fails_keeps_nobody_else_from_hearing() -> None:
    heard: list[object] = []
    reports: list[tuple[str, Exception]] = []
    bus = EventBus(lambda what, error: reports.append((what, error)))
    defect = ValueError("deaf")

    def fail(_: object) -> None:
        raise defect

    for listener in (heard.append, fail, heard.append):
        bus.subscribe(str, listener)
    bus.publish("news")

    assert heard == ["news", "news"]
    assert reports == [("telling of str", defect)]
