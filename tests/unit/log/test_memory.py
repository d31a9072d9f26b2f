import pytest

from cloudstead.log import LogWriteFailed, MemoryLog


def test_a_full_memory_log_refuses_like_a_full_disk_and_recovers_with_room():
    log = MemoryLog(capacity_bytes=10)
    log.append([b"12345678"])
    with pytest.raises(LogWriteFailed):
        log.append([b"1", b"23"])
    log.append([b"9"])
    assert (log.next_offset, log.size_bytes) == (3, 9)
    log.truncate_before(2, keep_from=2)
    assert log.append([b"12345"]) == 3
