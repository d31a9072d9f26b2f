"""Whole values for the stores, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.accounts.model import Account
from cloudstead.core.audit.model import AuditEntry
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.model import ApiKey, Certificate, CertificateState, RefreshToken
from cloudstead.core.domains.model import Domain
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.core.trustedcertificates.model import (
    Service,
    Trusted,
    TrustedCertificate,
    TrustedStatus,
    VouchedCertificate,
)

if TYPE_CHECKING:
    from cloudstead.core.unit import Unit

ROOT_READ = Grant("root", "Read")


def account(account_id: str = "a1", **others) -> Account:
    made = Account(
        id=account_id,
        name=f"Account {account_id}",
        number=f"{account_id}-number",
        stack="dev",
        function_suffix=f"{account_id}-suffix",
        identity_pool=f"{account_id}-pool",
        user_pool=f"{account_id}-users",
        user_pool_client=f"{account_id}-client",
        created_at_ms=1,
    )
    return replace(made, **others)


def domain(domain_id: str = "root", *, account_id: str = "a1", parent_id: str | None = None, **others) -> Domain:
    return Domain(account_id, f"{account_id}-{domain_id}-uid", domain_id, parent_id, f"Domain {domain_id}", **others)


def person(person_id: str = "p1", *, account_id: str = "a1", **others) -> Person:
    made = Person(
        id=person_id,
        home_account_id=account_id,
        user_name=f"{person_id}-name",
        password_hash="$argon2id$...",
        email=f"{person_id}@cloud.example",
    )
    return replace(made, **others)


def membership(person_id: str = "p1", *grants: Grant, account_id: str = "a1") -> Membership:
    return Membership(account_id, person_id, grants)


def thing_type(type_id: str = "t1", *, account_id: str = "a1", **others) -> ThingType:
    return ThingType(account_id, type_id, "root", f"Type {type_id}", **others)


def thing(uid: str = "u1", *, account_id: str = "a1", **others) -> Thing:
    made = Thing(
        uid=uid,
        account_id=account_id,
        name=f"{uid}-name",
        thing_type="t1",
        domain_id="root",
        label=f"Thing {uid}",
        description=None,
        created_at_ms=1,
        created_by="p1-name",
    )
    return replace(made, **others)


def shadow(thing_uid: str = "u1", *, account_id: str = "a1", version: int = 1, offset: int = 1, **others) -> Shadow:
    return Shadow(thing_uid, account_id, version=version, offset=offset, **others)


def api_key(key_id: str = "k1", *grants: Grant, account_id: str = "a1", **others) -> ApiKey:
    made = ApiKey(
        id=key_id,
        account_id=account_id,
        owner_id=None,
        name=f"Key {key_id}",
        secret_hash=bytes(range(32)),
        grants=grants,
        created_at_ms=1,
    )
    return replace(made, **others)


def refresh_token(token_hash: bytes = b"h1", *, account_id: str = "a1", **others) -> RefreshToken:
    return replace(RefreshToken(token_hash, account_id, "p1", expires_at_ms=1000), **others)


def certificate(certificate_id: str = "c1", *, account_id: str = "a1", **others) -> Certificate:
    made = Certificate(
        id=certificate_id,
        account_id=account_id,
        thing_uid="u1",
        serial=f"{certificate_id}-serial",
        state=CertificateState.ACTIVE,
        not_before_ms=0,
        not_after_ms=10_000,
        pem="-----BEGIN CERTIFICATE-----",
        sealed_private_key=b"sealed",
        created_at_ms=1,
    )
    return replace(made, **others)


def audit_entry(entry_id: str = "01", *, account_id: str = "a1", **others) -> AuditEntry:
    made = AuditEntry(
        id=entry_id,
        account_id=account_id,
        at_ms=1,
        principal="person:p1",
        operation="create_thing",
        object_type="thing",
        object_id="u1",
    )
    return replace(made, **others)


def add_tenant(unit: Unit, account_id: str = "a1") -> None:
    """Add an account with what things and people of it refer to: a root domain and a thing type."""
    unit.accounts.add(account(account_id))
    unit.domains.add(domain(account_id=account_id))
    unit.thing_types.add(thing_type(account_id=account_id))


def trusted_certificate(certificate_id: str = "t1", *, account_id: str = "a1", **others) -> TrustedCertificate:
    made = TrustedCertificate(
        id=certificate_id,
        account_id=account_id,
        name=f"{certificate_id}-name",
        description=None,
        service=Service.LWM2M,
        status=TrustedStatus.ACTIVE,
        enrols=False,
        is_proven=False,
        owner_id=None,
        trusted=Trusted(
            pem=f"-----BEGIN root-----BEGIN {certificate_id}",
            fingerprint=f"{certificate_id}-fingerprint",
            subject=f"CN={certificate_id}",
            issuer="CN=root",
            subject_hash=f"{certificate_id}-subject",
            key_hash=f"{certificate_id}-key",
            not_before_ms=0,
            not_after_ms=10_000,
        ),
        created_at_ms=1,
        updated_at_ms=1,
    )
    return replace(made, **others)


def vouched_certificate(certificate_id: str = "v1", *, account_id: str = "a1", **others) -> VouchedCertificate:
    made = VouchedCertificate(certificate_id, account_id, "t1", thing_uid="u1", not_after_ms=10_000, first_seen_ms=1)
    return replace(made, **others)
