"""What is said of each step, from what was found: pure, so that every case can be read off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.archive.building import readable
from cloudstead.core.archive.names import BUCKET
from cloudstead.core.jobs.model import JobState
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin
from cloudstead.core.trace.model import Step, StepName, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.archive.cutting import OpenFile
    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.jobs.model import Attempt, Job
    from cloudstead.core.observations.model import ShadowChange
    from cloudstead.core.rules.explanation import Verdict
    from cloudstead.core.rules.model import Threshold
    from cloudstead.core.trace.message import Message

_DOORS: Final = {
    Origin.DEVICE: ("mqtt", "over MQTT as the thing itself"),
    Origin.PERSON: ("thing-update", "over MQTT on a thing-update topic"),
    Origin.REST: ("rest", "over the IoT data plane"),
}
_MEANINGS: Final = {
    400: "it is malformed",
    404: "there was no such thing or shadow",
    409: "it named a version that was not the current one",
    413: "the shadow would have become too large",
    415: "it is not UTF-8",
    500: "it could not be applied",
}
_DONE, _NEVER, _GONE, _PENDING = StepState.DONE, StepState.NEVER, StepState.GONE, StepState.PENDING


def at(millis: int) -> str:
    """Write a time as sentences do."""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def received(message: Message, author_name: str) -> Step:
    """Say when, from whom and how it came."""
    door = None if message.origin is None else _DOORS[message.origin]
    how = "" if door is None else f" {door[1]}"
    what = f"An update of {len(message.payload)} bytes" if message.verb is Verb.UPDATE else f"A {message.verb.value}"
    return Step(
        StepName.RECEIVED,
        _DONE,
        f"{what} came from {author_name}{how}, {at(message.received_ms)}.",
        {
            "at": message.received_ms,
            "verb": message.verb.value,
            "author": message.principal,
            "authorName": author_name,
            "door": None if door is None else door[0],
            "payload": message.payload.decode(errors="replace"),
        },
    )


def logged(offset: int, segment: str | None, *, first_offset: int, kept: str) -> Step:
    """Say where in the log it is."""
    if segment is None:
        says = f"The log no longer has it: it begins at offset {first_offset} by now ({kept})."
        return Step(StepName.LOGGED, _GONE, says, {"firstOffset": first_offset})
    return Step(StepName.LOGGED, _DONE, f"On disk at offset {offset}, in {segment}.", {"segment": segment})


def applied(change: ShadowChange | None, message: Message, *, applied_offset: int, kept: str) -> Step:
    """Say what it did to the shadow."""
    if change is None:
        if message.offset > applied_offset:
            return Step(StepName.APPLIED, _PENDING, "It waits to be applied to the shadow.")
        return Step(StepName.APPLIED, _GONE, f"The history of the shadow does not have it any more ({kept}).")
    details: dict[str, Any] = {"version": change.version, "code": change.outcome or 200}
    if change.outcome:
        meaning = _MEANINGS.get(change.outcome, "see the code")
        says = f"Rejected with {change.outcome}: {meaning}. The shadow stayed at version {change.version}."
        return Step(StepName.APPLIED, StepState.REFUSED, says, details)
    if message.verb is Verb.DELETE:
        return Step(StepName.APPLIED, _DONE, f"Accepted: the shadow of version {change.version} was deleted.", details)
    return Step(StepName.APPLIED, _DONE, f"Accepted: the shadow has version {change.version} since.", details)


def indexed(message: Message, change: ShadowChange | None, *, is_there: bool, indexed_offset: int, kept: str) -> Step:
    """Say whether a search finds it."""
    name = StepName.INDEXED
    if is_there:
        return Step(name, _DONE, "Searches over observations find it.")
    if change is not None and change.outcome:
        return Step(name, _NEVER, "Never: what is rejected is no observation.")
    if message.verb is Verb.DELETE:
        return Step(name, _NEVER, "Never: a delete reports nothing.")
    if message.reported is None:
        return Step(name, _NEVER, "Never: only what is reported is an observation, and it reported nothing.")
    if message.offset > indexed_offset:
        return Step(name, _PENDING, "Not yet: it is written within a second or two.")
    return Step(name, _GONE, f"Searches do not find it any more ({kept}).")


def archived(
    message: Message,
    row: ArchivedObject | None,
    open_file: OpenFile | None,
    *,
    next_offset: int | None,
    stored_offset: int,
    kept: str,
) -> Step:
    """Say in which object it is. ``next_offset`` is ``None`` where the archive is off."""
    name = StepName.ARCHIVED
    if message.verb is not Verb.UPDATE:
        return Step(name, _NEVER, "Never: the archive holds updates only.")
    if not readable(message.payload):
        return Step(name, _NEVER, "Never: it is no JSON object and would make its file unreadable.")
    if row is not None:
        details = {"bucket": BUCKET, "key": row.key, "messages": row.count, "bytes": row.size}
        return Step(name, _DONE, f"In the object {row.key}, one of {row.count} messages.", details)
    if next_offset is None:
        return Step(name, _NEVER, "Not while the archive is off (setting archive.enabled).")
    if message.offset >= next_offset:
        return Step(name, _PENDING, "Not yet: the archive is behind and reads it from the log later.")
    if open_file is not None and open_file.first_offset <= message.offset:
        says = f"Its file is still open; it closes at {at(open_file.ends_ms)}, or before that at 5 MB."
        return Step(name, _PENDING, says, {"closesAt": open_file.ends_ms})
    if message.offset > stored_offset:
        return Step(name, _PENDING, "Its file is closed and being written.")
    return Step(name, _GONE, f"No object has it any more, or the archive was off at the time ({kept}).")


def ruled(message: Message, change: ShadowChange | None, verdicts: Sequence[Verdict] | None) -> Step:
    """Say which rules it hit, and which it just missed. ``verdicts`` is ``None`` where none can be had."""
    name = StepName.RULES
    if message.reported is None or (change is not None and change.outcome):
        return Step(name, _NEVER, "Never: rules look at what accepted updates report.")
    if verdicts is None:
        return Step(name, _GONE, "It is not known any more where the thing was, so rules cannot be held against it.")
    if not verdicts:
        return Step(name, _NEVER, "No enabled rule looks at this thing.", {"rules": []})
    hits = sum(verdict.is_hit for verdict in verdicts)
    told = [_verdict(verdict) for verdict in verdicts]
    if len(verdicts) == 1:
        says = f"The one rule that looks at this thing was {'' if hits else 'not '}hit, as it is today: "
    else:
        says = f"{hits} of {len(verdicts)} rules that look at this thing were hit, as the rules are today: "
    return Step(name, _DONE if hits else _NEVER, says + "; ".join(each["says"] for each in told) + ".", {"rules": told})


def kept_from_caller() -> tuple[Step, Step]:
    """Say nothing of rules, and of what they sent, to somebody who may not read rules."""
    says = "Rules, and what they send, are told to those who may read them."
    return Step(StepName.RULES, StepState.UNKNOWN, says), Step(StepName.DELIVERED, StepState.UNKNOWN, says)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    wants = f"{verdict.resource} {verdict.operator.value} {verdict.wanted}"
    compared = [{"path": each.path, "value": each.observed, "isHit": each.is_hit} for each in verdict.compared]
    if not compared:
        says = f"{verdict.rule.id} waits for {wants}, which was not reported"
    else:
        values = ", ".join(str(each["value"]) for each in compared)
        says = f"{verdict.rule.id} was {'hit' if verdict.is_hit else 'missed'}: {values} against {wants}"
        says += _held_back(verdict.rule.threshold) if verdict.is_hit else ""
    return {
        "id": verdict.rule.id,
        "name": verdict.rule.name,
        "isHit": verdict.is_hit,
        "compared": compared,
        "says": says,
    }


def _held_back(threshold: Threshold) -> str:
    """Say why a hit alone may have sent nothing."""
    words = [f"at {threshold.count} hits"] if threshold.count > 1 else []
    if threshold.interval_ms > 0:
        words.append(f"once in {threshold.interval_ms / 1000:g} s")
    return f" (it runs {', '.join(words)})" if words else ""


def delivered(jobs: Sequence[Job], attempts: Sequence[Attempt]) -> Step:
    """Say what went out because of it, and what became of that."""
    name = StepName.DELIVERED
    if not jobs:
        return Step(name, _NEVER, "Nothing went out because of it, or it is no longer kept.", {"deliveries": []})
    told = [_delivery(job, [each for each in attempts if each.job_id == job.id]) for job in jobs]
    if any(job.state is JobState.DEAD for job in jobs):
        state = StepState.REFUSED
    else:
        state = _DONE if all(job.state is JobState.DONE for job in jobs) else _PENDING
    return Step(name, state, "; ".join(each["says"] for each in told) + ".", {"deliveries": told})


def _delivery(job: Job, attempts: Sequence[Attempt]) -> dict[str, Any]:
    last = attempts[-1] if attempts else None
    words_of_last = "" if last is None else last.detail or (last.status and f"status {last.status}") or "no answer"
    answer = f": {words_of_last.removesuffix('.')}" if words_of_last else ""
    words = {
        JobState.WAITING: f"waits until {at(job.due_at_ms)}" if attempts else "waits for its turn",
        JobState.RUNNING: "is under way",
        JobState.DONE: "was delivered",
        JobState.DEAD: "was given up",
    }
    return {
        "id": job.id,
        "kind": job.kind,
        "cause": job.cause,
        "state": job.state.value,
        "says": f"the {job.kind} of {job.cause or 'nobody'} {words[job.state]} after {_count(len(attempts), 'attempt')}"
        + answer,
        "attempts": [
            {
                "number": each.number,
                "at": each.started_at_ms,
                "tookMs": each.took_ms,
                "status": each.status,
                "detail": each.detail,
            }
            for each in attempts
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def kept_for(days: int | None, setting: str) -> str:
    """Say for how long something is kept."""
    if days is None:
        return f"setting {setting}"
    kept = "for ever" if days == 0 else f"for {_count(days, 'day')}"
    return f"setting {setting}: kept {kept}"
