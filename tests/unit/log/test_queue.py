from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.log import RecordQueue

if TYPE_CHECKING:
    from pathlib import Path


def numbers(queue: RecordQueue, count: int = 10) -> list[bytes]:
    return [record for _, record in queue.first(max_records=count, max_bytes=1 << 20)]


def test_a_queue_makes_nothing_before_something_is_put(tmp_path: Path) -> None:
    queue = RecordQueue.open(tmp_path / "queue")
    assert (queue.is_empty, queue.size_bytes, numbers(queue)) == (True, 0, [])
    queue.close()
    assert not (tmp_path / "queue").exists()


def test_what_was_put_is_taken_in_order_and_stays_until_then(tmp_path: Path) -> None:
    queue = RecordQueue.open(tmp_path / "queue")
    queue.put([b"1", b"2"])
    queue.put([b"3"])
    assert numbers(queue) == numbers(queue) == [b"1", b"2", b"3"]
    queue.take(queue.first(max_records=2, max_bytes=1 << 20)[-1][0])
    assert numbers(queue) == [b"3"]
    queue.take(3)
    assert queue.is_empty
    queue.close()


def test_a_queue_goes_on_where_a_former_life_has_left_it(tmp_path: Path) -> None:
    first = RecordQueue.open(tmp_path / "queue")
    first.put([b"1", b"2"])
    first.take(1)
    first.close()
    again = RecordQueue.open(tmp_path / "queue")
    assert (again.is_empty, numbers(again)) == (False, [b"2"])
    again.take(2)
    again.put([b"3"])
    again.close()
    last = RecordQueue.open(tmp_path / "queue")
    assert numbers(last) == [b"3"]
    last.close()


def test_what_was_taken_gives_its_room_back(tmp_path: Path) -> None:
    queue = RecordQueue.open(tmp_path / "queue")
    for _ in range(40):
        queue.put([bytes(1 << 20)])
    assert queue.size_bytes > 40 << 20
    queue.take(40)
    assert queue.size_bytes < 9 << 20
    queue.close()
