"""The device's half: it shows its claim certificate, once and in time, and gets a lasting one for a key of its own.

The lasting private key never travels. With the certificate the thing is put in force: until then nothing but an
announcement is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.errors import AccountClosed
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.core.ids import DomainId
from cloudstead.core.provisioning.errors import ClaimExpired, ClaimRefused
from cloudstead.core.provisioning.model import THING_TYPE, THING_TYPE_LABEL
from cloudstead.core.things.errors import ThingNameTaken
from cloudstead.core.things.identities import IdentityKind, OutsideIdentity
from cloudstead.core.thingtypes.events import ThingTypeCreated
from cloudstead.core.thingtypes.model import ThingType

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.credentials.model import Certificate
    from cloudstead.core.ids import CertificateId, IdSource
    from cloudstead.core.provisioning.model import ProvisionedDevice
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Unit

MAX_REQUEST_CHARS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Registered:
    """What the device is from now on."""

    device: ProvisionedDevice
    thing: Thing
    certificate: Certificate


class Registrations:
    """Registers devices that come with their claim certificates."""

    def __init__(self, clock: Clock, ids: IdSource, *, things: Things, certificates: Certificates) -> None:
        self._clock = clock
        self._ids = ids
        self._things = things
        self._certificates = certificates

    def register(
        self, unit: Unit, claim_id: CertificateId, request_pem: str, *, source_address: str | None = None
    ) -> Registered:
        """Make the thing and its lasting certificate, and use the claim up.

        Raise ``ClaimRefused``, ``ClaimExpired``, ``AccountClosed``, ``InvalidField`` naming ``csr``, and what making a
        thing raises when its domain is gone.
        """
        device = self._claimed(unit, claim_id)
        request = _read(request_pem)
        caller = Caller(
            account_id=device.account_id,
            principal=f"device:{device.id}",
            user_name=device.created_by,
            person_id=None,
            # The right was asked of whoever provisioned the device; it is used for nothing but this one thing.
            grants=(Grant(DomainId(ROOT_ID), "ReadWrite"),),
            source_address=source_address,
        )
        self._provide_type(unit, device)
        made: list[Certificate] = []

        def certify(unit: Unit, thing: Thing) -> None:
            made.append(self._certificates.certify(unit, thing, request))

        try:
            thing = self._things.create(
                unit, caller, thing_type=THING_TYPE, domain_id=device.domain_id, name=device.thing_name, certify=certify
            )
        except ThingNameTaken:  # by another registration with the same claim, a moment ago
            raise ClaimRefused from None
        thing = self._named(unit, caller, thing, device)
        unit.outside_identities.add(
            [OutsideIdentity(device.account_id, IdentityKind.PROVISION_DEVICE, device.id, thing.uid)]
        )
        now_ms = self._clock.millis()
        claimed = replace(device, claim_id=None, claimed_at_ms=now_ms, updated_at_ms=now_ms, thing_uid=thing.uid)
        unit.provisioned_devices.replace(claimed)
        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation="device.register",
            object_type="device",
            object_id=device.id,
            after={"thing": thing.name, "certificate": made[0].id},
        )
        return Registered(claimed, thing, made[0])

    def fail(self, unit: Unit, claim_id: CertificateId) -> None:
        """Note that the device could not be registered, by no fault of its own; its claim is used up."""
        device = unit.provisioned_devices.by_claim(claim_id)
        if device is not None:
            unit.provisioned_devices.replace(
                replace(device, claim_id=None, has_failed=True, updated_at_ms=self._clock.millis())
            )

    def is_fault_of_ours(self, error: CloudsteadError) -> bool:
        """Tell whether a registration failed by something that the device cannot put right by asking again."""
        return not isinstance(error, (ClaimRefused, ClaimExpired, AccountClosed, InvalidField))

    def _claimed(self, unit: Unit, claim_id: CertificateId) -> ProvisionedDevice:
        device = unit.provisioned_devices.by_claim(claim_id)
        if device is None:
            raise ClaimRefused
        if self._clock.millis() > device.claim_ends_at_ms:
            raise ClaimExpired(device.claim_ends_at_ms)
        account = unit.accounts.get(device.account_id)
        if account is None or account.status is not AccountStatus.ACTIVE:
            raise AccountClosed("" if account is None else account.status)
        return device

    def _named(self, unit: Unit, caller: Caller, thing: Thing, device: ProvisionedDevice) -> Thing:
        return self._things.update(
            unit, caller, name=thing.name, label=device.name, description=device.description or None
        )

    def _provide_type(self, unit: Unit, device: ProvisionedDevice) -> None:
        if unit.thing_types.get(device.account_id, THING_TYPE) is not None:
            return
        root = DomainId(ROOT_ID)
        made = ThingType(
            account_id=device.account_id,
            id=THING_TYPE,
            domain_id=root,
            label=THING_TYPE_LABEL,
            created_at_ms=self._clock.millis(),
        )
        unit.thing_types.add(made)
        unit.emit(ThingTypeCreated(made, (root,)))


def _read(pem: str) -> x509.CertificateSigningRequest:
    if len(pem) > MAX_REQUEST_CHARS:
        raise InvalidField("csr", "is too long")
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except ValueError:
        raise InvalidField("csr", "is no certificate signing request in PEM form (PKCS #10)") from None
