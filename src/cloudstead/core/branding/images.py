"""Images of an account: looked at before they are kept, replaced and cleared, and shown to everybody.

Each upload becomes an object of its own under a fresh key, so that an address stands for one content for ever and may
be cached as long as anybody likes. What a crash leaves behind belongs to no slot; the next change sweeps it away.
"""

from __future__ import annotations

import asyncio
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.audit.record import record
from cloudstead.core.branding.colours import CHANGE, READ
from cloudstead.core.branding.drawings import MEDIA_TYPE as SVG
from cloudstead.core.branding.drawings import drawing, find_drawing
from cloudstead.core.branding.errors import SlotUnknown
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS, IMAGE_SLOTS, BrandImage, KeptImage
from cloudstead.core.errors import InvalidField
from cloudstead.core.files.pictures import MAX_IMAGE_BYTES, SIGNATURE_BYTES, media_type_of, require_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from cloudstead.core.branding.model import Theme
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Database, Unit

PATH: Final = "/branding/"
FIELD: Final = "image"

_DEFAULTS: Final = "defaults"
_OBJECTS: Final = "Branding"  # no bucket is called like this, so no listing of files ever comes here
_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg"}
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_SWEPT_AFTER_MS: Final = 3_600_000  # an upload under way has its object, but not yet its row
_MOST_SWEPT: Final = 1000


class Served(NamedTuple):
    """An image as everybody may fetch it."""

    content: bytes
    media_type: str


def images_of(unit: Unit, account_id: AccountId, theme: Theme) -> Mapping[str, BrandImage]:
    """Return what every slot of a theme shows, whoever asks."""
    shown = {slot: default_image(theme, slot) for slot in IMAGE_SLOTS}
    for kept in unit.branding.images(account_id):
        if kept.theme is theme:
            shown[kept.slot] = _shown(kept)
    return shown


def default_image(theme: Theme, slot: str, updated_at_ms: int = DEFAULTS_SINCE_MS) -> BrandImage:
    """Return what a slot shows that has no image of the account's own."""
    path = f"{PATH}{_DEFAULTS}/{theme}/{slot}/{drawing(theme, slot).etag}.svg"
    return BrandImage(slot, path, updated_at_ms, is_own=False)


class BrandImages:
    """Images of accounts. They are decoded on ``executor``, which bounds how many at a time.

    ``max_bytes`` bounds an upload; no setting reaches beyond ``MAX_IMAGE_BYTES``.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        *,
        clock: Clock,
        ids: IdSource,
        executor: Executor,
        max_bytes: int = MAX_IMAGE_BYTES,
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._ids = ids
        self._executor = executor
        self.max_bytes = min(max_bytes, MAX_IMAGE_BYTES)

    def all(self, unit: Unit, caller: Caller, theme: Theme) -> Sequence[BrandImage]:
        """Return what every slot shows, in the order of the slots."""
        caller.require(READ)
        return list(images_of(unit, caller.account_id, theme).values())

    def get(self, unit: Unit, caller: Caller, theme: Theme, reference: str) -> BrandImage:
        """Return what one slot shows; raise ``SlotUnknown``."""
        caller.require(READ)
        return images_of(unit, caller.account_id, theme)[_slot(reference)]

    async def put(self, acting: Callable[[Unit], Caller], theme: Theme, reference: str, content: bytes) -> BrandImage:
        """Keep a PNG or JPEG picture in a slot, and return what it shows; the same picture again changes nothing.

        ``acting`` finds out who asks and whether that is still allowed, once before and once with the change. Raise
        what it raises, ``SlotUnknown``, and ``InvalidField`` for what is no picture or too large.
        """
        caller = await self.require_change(acting, reference)
        if len(content) > self.max_bytes:
            raise InvalidField(FIELD, f"larger than {self.max_bytes} bytes")
        media_type = await asyncio.get_running_loop().run_in_executor(self._executor, _media_type, content)
        wanted = KeptImage(
            caller.account_id,
            theme,
            reference,
            key=self._ids.new(),
            media_type=media_type,
            size=len(content),
            etag=blake2b(content, digest_size=16).hexdigest(),
            updated_at_ms=self._clock.millis(),
        )
        before = await self._database.read(lambda unit: _kept(unit, wanted))
        if before is not None and before.key is not None and before.etag == wanted.etag:
            return _shown(before)
        await self._objects.put(_path(wanted), content)
        await self._exchange(acting, wanted, "branding.put-image")
        return _shown(wanted)

    async def clear(self, acting: Callable[[Unit], Caller], theme: Theme, reference: str) -> None:
        """Restore the default of a slot; nothing happens when it shows it. Raise as ``put`` does."""
        caller = await self.require_change(acting, reference)
        now_ms = self._clock.millis()
        cleared = KeptImage(caller.account_id, theme, reference, None, "", 0, "", now_ms)
        await self._exchange(acting, cleared, "branding.clear-image")

    async def require_change(self, acting: Callable[[Unit], Caller], reference: str) -> Caller:
        """Return the caller who may change that slot; raise what ``acting`` raises, and ``SlotUnknown``."""
        caller = await self._database.read(lambda unit: _allowed(unit, acting))
        _slot(reference)
        return caller

    async def serve(self, account: str, name: str) -> Served | None:
        """Return an account's own image by the parts of its address behind ``PATH``, ``None`` when there is none."""
        key = name.partition(".")[0]
        if not _KEY.fullmatch(account) or not _KEY.fullmatch(key):
            return None
        content = await self._objects.get(f"{account}/{_OBJECTS}/{key}")
        media_type = None if content is None else media_type_of(content[:SIGNATURE_BYTES])
        if content is None or media_type is None or name != f"{key}.{_ENDINGS.get(media_type)}":
            return None
        return Served(content, media_type)

    def serve_default(self, theme: str, slot: str, name: str) -> Served | None:
        """Return a default by the parts of its address, ``None`` when we draw no such image."""
        content = find_drawing(theme, slot, name.removesuffix(".svg"))
        return None if content is None or not name.endswith(".svg") else Served(content, SVG)

    async def _exchange(self, acting: Callable[[Unit], Caller], wanted: KeptImage, operation: str) -> None:
        """Write a slot, then let go of the object that it held."""

        def write(unit: Unit) -> KeptImage | None:
            caller = _allowed(unit, acting)
            before = _kept(unit, wanted)
            if (before is None or before.key is None) and wanted.key is None:
                return None
            unit.branding.put_image(wanted)
            record(
                unit,
                caller,
                clock=self._clock,
                ids=self._ids,
                operation=operation,
                object_type="branding",
                object_id=f"{wanted.theme}/{wanted.slot}",
                before=_told(before),
                after=_told(wanted),
            )
            return before

        try:
            before = await self._database.write(write)
        except Exception:
            if wanted.key is not None:
                await self._objects.delete(_path(wanted))
            raise
        if before is not None and before.key is not None:
            await self._objects.delete(_path(before))
        await self._sweep(wanted.account_id)

    async def _sweep(self, account_id: AccountId) -> None:
        """Delete objects of the account that no slot holds and that no upload under way is about to."""
        root = f"{account_id}/{_OBJECTS}/"
        there = await self._objects.list_after(root, after=root, limit=_MOST_SWEPT)
        kept = await self._database.read(lambda unit: {each.key for each in unit.branding.images(account_id)})
        latest_ms = self._clock.millis() - _SWEPT_AFTER_MS
        for entry in there:
            key = entry.path.removeprefix(root)
            if key not in kept and _made_at_ms(key) < latest_ms:
                await self._objects.delete(entry.path)


def _allowed(unit: Unit, acting: Callable[[Unit], Caller]) -> Caller:
    caller = acting(unit)
    require_at_root(caller, CHANGE)
    return caller


def _slot(reference: str) -> str:
    if reference not in IMAGE_SLOTS:
        raise SlotUnknown(reference)
    return reference


def _kept(unit: Unit, wanted: KeptImage) -> KeptImage | None:
    """Return what stands in the slot for which an image is wanted."""
    return next(
        (
            each
            for each in unit.branding.images(wanted.account_id)
            if each.theme is wanted.theme and each.slot == wanted.slot
        ),
        None,
    )


def _path(image: KeptImage) -> str:
    return f"{image.account_id}/{_OBJECTS}/{image.key}"


def _made_at_ms(key: str) -> int:
    """Return when a key was drawn: it begins with that time (RFC 9562, section 5.7)."""
    return int(key[:12], 16) if _KEY.fullmatch(key) else 0


def _told(image: KeptImage | None) -> dict[str, object]:
    if image is None or image.key is None:
        return {"image": None}
    return {"image": image.key, "type": image.media_type, "size": image.size, "etag": image.etag}


def _shown(kept: KeptImage) -> BrandImage:
    if kept.key is None:
        return default_image(kept.theme, kept.slot, kept.updated_at_ms)
    path = f"{PATH}{kept.account_id}/{kept.key}.{_ENDINGS[kept.media_type]}"
    return BrandImage(kept.slot, path, kept.updated_at_ms, is_own=True)


def _media_type(content: bytes) -> str:
    """Return of what type a whole and harmless picture is; raise ``InvalidField``."""
    media_type = media_type_of(content[:SIGNATURE_BYTES])
    if media_type not in _ENDINGS:
        raise InvalidField(FIELD, "is neither a PNG nor a JPEG picture")
    try:
        require_image(content)
    except InvalidField as invalid:
        raise InvalidField(FIELD, invalid.reason) from None
    return media_type
