from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.errors import AccountLimitExceeded
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.caller import Grant
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.ids import DomainId
from cloudstead.core.paging import PageRequest
from cloudstead.core.trustedcertificates.errors import (
    CommercialOnly,
    TrustedCertificateNameTaken,
    TrustedCertificateNotFound,
    TrustedCertificateSubjectTaken,
)
from cloudstead.core.trustedcertificates.events import TrustClosed, TrustOpened
from cloudstead.core.trustedcertificates.listing import TrustedQuery
from cloudstead.core.trustedcertificates.model import Service, TrustedStatus
from factories.authorities import authority
from factories.rows import vouched_certificate

DAY_MS = 86_400_000


def told(tenant):
    events, tenant.events[:] = list(tenant.events), []
    return [each for each in events if isinstance(each, TrustOpened | TrustClosed)]


async def entries(tenant):
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest(1000)))
    return [each for each in page.items if "certificate" in each.operation]


def listed(trust, query=None, page=None, account_id=None):
    return trust.tenant.database.read(
        lambda unit: trust.registry.list(
            unit, trust.caller(account_id), page=page or PageRequest(), query=query or TrustedQuery()
        )
    )


async def names(trust, **query):
    return [each.name for each in (await listed(trust, TrustedQuery(**query))).items]


async def test_an_upload_is_kept_audited_and_told(tenant, trust):
    party = authority("Acme")
    made = await trust.upload(party, name="ours", description="our own", enrols=True, service=Service.BOOTSTRAP)
    assert await trust.get(made) == made
    assert (made.name, made.description, made.service, made.enrols) == ("ours", "our own", Service.BOOTSTRAP, True)
    assert (made.version, made.is_proven, made.is_developer) == (1, False, False)
    assert made.owner_id == tenant.administrator.id
    assert made.is_valid(tenant.clock.millis())
    assert told(tenant) == [TrustOpened(made.id, party.pem)]
    (entry,) = await entries(tenant)
    assert (entry.operation, entry.object_id) == ("trusted-certificate.create", made.id)
    assert entry.after["fingerprint"] == party.id


async def test_one_that_is_uploaded_inactive_opens_nothing(tenant, trust):
    made = await trust.upload(authority(), status=TrustedStatus.INACTIVE)
    assert not made.is_valid(tenant.clock.millis())
    assert told(tenant) == []


async def test_a_signature_proves_that_the_key_is_at_hand(trust):
    assert (await trust.upload(authority(), proven=True)).is_proven


async def test_a_wrong_signature_is_refused_even_where_none_is_needed(trust):
    party = authority()
    with pytest.raises(InvalidField) as caught:
        await trust.upload(party, signature=party.sign("1" * 32))
    assert caught.value.field == "signature"


@pytest.mark.parametrize("options", [{"proven": True}, {"enrols": True}, {"as_parent": True}])
async def test_a_chain_without_its_root_needs_a_signature_unless_it_enrols_or_comes_from_above(trust, options):
    middle = authority("middle", authority("root"))
    with pytest.raises(InvalidField) as caught:
        await trust.upload(middle)
    assert caught.value.field == "signature"
    assert (await trust.upload(middle, **options)).trusted.issuer == "CN=root"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", text) for text in ("", " ", "x" * 101, "a\nb")),
        *(("description", text) for text in ("x" * 501, "\0")),
        ("certificate", ""),
    ],
)
async def test_bad_texts_are_refused_by_name(trust, field, value):
    made = await trust.upload(authority("one"))
    with pytest.raises(InvalidField) as caught:
        await trust.upload(authority("two"), **{field: value})
    assert caught.value.field == field
    with pytest.raises(InvalidField) as caught:
        await trust.update(made, **{field: value})
    assert caught.value.field == field


async def test_names_and_subjects_are_unique_in_an_account(trust):
    first = await trust.upload(authority("one"), name="first")
    second = await trust.upload(authority("two"), name="second")
    with pytest.raises(TrustedCertificateNameTaken):
        await trust.upload(authority("three"), name="first")
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.upload(authority("ONE"), name="third")
    with pytest.raises(TrustedCertificateNameTaken):
        await trust.update(second, name="first")
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.update(second, certificate=authority("one").pem)
    assert await trust.get(first) == first


async def test_names_may_be_the_same_in_two_accounts(tenant, trust):
    other = await tenant.open_another_account()
    await trust.upload(authority("one"), name="same")
    await trust.upload(authority("two"), name="same", account_id=other.id)


async def with_profile(tenant, **changes):
    def write(unit):
        profile = unit.accounts.profile(tenant.account.id)
        unit.accounts.put_profile(replace(profile, **changes))

    await tenant.database.write(write)


async def test_an_account_has_so_many_and_no_more(tenant, trust):
    await with_profile(tenant, limits={"cert-count": "2"})
    await trust.upload(authority("one"))
    await trust.developer()
    for another in (lambda: trust.upload(authority("two")), lambda: trust.developer("another")):
        with pytest.raises(AccountLimitExceeded) as caught:
            await another()
        assert (caught.value.limit, caught.value.value) == ("cert-count", "2")


@pytest.mark.parametrize(("tier", "limit"), [(Tier.FREE, 10), (Tier.COMMERCIAL, 50)])
async def test_the_tier_says_how_many_developer_certificates_included(tenant, trust, tier, limit):
    await with_profile(tenant, tier=tier)
    for number in range(limit):
        await trust.developer(f"n{number}")
    with pytest.raises(AccountLimitExceeded) as caught:
        await trust.developer("another")
    assert caught.value.value == str(limit)


async def test_a_free_account_uploads_none_and_may_be_given_some_from_above(tenant, trust):
    await with_profile(tenant, tier=Tier.FREE)
    with pytest.raises(CommercialOnly, match="address_line1, city, country, company, contact, email"):
        await trust.upload(authority())
    assert (await trust.upload(authority(), as_parent=True)).is_active


async def test_a_list_is_filtered_ordered_and_paged(tenant, trust):
    for number in range(5):
        await trust.upload(authority(f"CA {number}"), name=f"n{number}", enrols=number % 2 == 0)
    first = await listed(trust, page=PageRequest(2))
    assert ([each.name for each in first.items], first.total) == (["n0", "n1"], 5)
    rest = await listed(trust, page=PageRequest(3, after=first.after))
    assert ([each.name for each in rest.items], rest.after) == (["n2", "n3", "n4"], None)
    backwards = await listed(trust, page=PageRequest(2, after=rest.items[0].id, descending=True))
    assert [each.name for each in backwards.items] == ["n1", "n0"]
    enrolling = await listed(trust, TrustedQuery(enrols=True), PageRequest(2))
    assert (len(enrolling.items), enrolling.total) == (2, 3)


async def test_each_filter_finds_its_own(tenant, trust):
    root = authority("Old Root")
    await trust.upload(authority("Soon", end=tenant.clock.now() + timedelta(days=9)), name="soon")
    await trust.upload(root, authority("Middle", root), name="middle", service=Service.BOOTSTRAP, enrols=True)
    await trust.upload(authority("Off"), name="off", status=TrustedStatus.INACTIVE)
    await trust.developer("dev")
    every = ["soon", "middle", "off", "dev"]
    assert await names(trust, name="off") == ["off"]
    assert await names(trust, service=Service.BOOTSTRAP) == ["middle", "dev"]
    assert await names(trust, is_developer_in=frozenset({True})) == ["dev"]
    assert await names(trust, is_developer_in=frozenset({False})) == every[:3]
    assert await names(trust, is_developer_in=frozenset()) == []
    assert await names(trust, owner_id=tenant.administrator.id) == every
    assert await names(trust, owner_id="0" * 32) == []
    assert await names(trust, enrols=True) == ["middle"]
    assert await names(trust, status=TrustedStatus.INACTIVE) == ["off"]
    assert await names(trust, issuer_part="old root") == ["middle"]
    assert await names(trust, subject_part="midd") == ["middle"]
    assert await names(trust, expires_within_days=8) == []
    assert await names(trust, expires_within_days=9) == ["soon"]
    tenant.clock.advance(timedelta(days=10))
    assert await names(trust, is_expired=True) == ["soon"]
    assert await names(trust, is_expired=False) == every[1:]
    assert await names(trust, expires_within_days=9) == []


async def test_a_change_stores_what_is_given_and_counts(tenant, trust):
    made = await trust.upload(authority(), description="old")
    tenant.clock.advance(timedelta(seconds=5))
    changed = await trust.update(made, name="new", enrols=True, service=Service.BOOTSTRAP)
    assert (changed.name, changed.description, changed.version) == ("new", "old", 2)
    assert changed.updated_at_ms == made.updated_at_ms + 5000
    assert (await trust.update(made, description=None)).description is None
    assert (await entries(tenant))[1].before == {"name": made.name, "enrols": False, "service": "lwm2m"}


async def test_a_change_of_nothing_stores_nothing(tenant, trust):
    made = await trust.upload(authority())
    tenant.clock.advance(timedelta(seconds=5))
    assert await trust.update(made, name=made.name, status=made.status) == made
    assert len(await entries(tenant)) == 1


async def test_a_signature_can_be_handed_in_later(tenant, trust):
    party = authority()
    made = await trust.upload(party)
    assert (await trust.update(made, signature=party.sign(tenant.account.id))).is_proven


async def test_another_key_has_to_be_proven_anew_and_a_renewed_certificate_has_not(trust):
    party = authority("one")
    made = await trust.upload(party, proven=True)
    renewed = authority("one", key=party.key)
    assert (await trust.update(made, certificate=renewed.pem)).is_proven
    assert not (await trust.update(made, certificate=authority("one").pem)).is_proven


async def test_an_exchanged_chain_is_judged_as_an_upload_is(trust):
    middle = authority("middle", authority("root"))
    made = await trust.upload(authority())
    with pytest.raises(InvalidField) as caught:
        await trust.update(made, certificate=middle.pem)
    assert caught.value.field == "signature"
    assert (await trust.update(made, certificate=middle.pem, as_parent=True)).trusted.subject == "CN=middle"


async def test_what_opens_and_closes_is_told(tenant, trust):
    party = authority("one")
    made = await trust.upload(party)
    told(tenant)
    await trust.update(made, name="other")
    assert told(tenant) == []
    await trust.update(made, status=TrustedStatus.INACTIVE)
    assert told(tenant) == [TrustClosed(made.id)]
    await trust.update(made, status=TrustedStatus.ACTIVE)
    assert told(tenant) == [TrustOpened(made.id, party.pem)]
    renewed = authority("one", key=party.key)
    await trust.update(made, certificate=renewed.pem)
    assert told(tenant) == [TrustOpened(made.id, renewed.pem)]
    next_one = authority("next")
    await trust.update(made, certificate=next_one.pem)
    assert told(tenant) == [TrustClosed(made.id), TrustOpened(made.id, next_one.pem)]
    await trust.remove(made)
    assert told(tenant) == [TrustClosed(made.id)]


async def test_what_another_key_vouched_for_is_forgotten(tenant, trust):
    party = authority("one")
    made = await trust.upload(party)
    row = replace(vouched_certificate("v1"), account_id=tenant.account.id, trusted_certificate_id=made.id)
    await tenant.database.write(lambda unit: unit.vouched_certificates.put(row))
    await trust.update(made, certificate=authority("one", key=party.key).pem)
    assert await tenant.database.read(lambda unit: unit.vouched_certificates.get("v1")) == row
    await trust.update(made, certificate=authority("one").pem)
    assert await tenant.database.read(lambda unit: unit.vouched_certificates.get("v1")) is None


async def test_a_removed_one_is_gone(trust):
    made = await trust.upload(authority())
    await trust.remove(made)
    assert await trust.get(made) is None
    with pytest.raises(TrustedCertificateNotFound):
        await trust.remove(made)
    await trust.upload(authority())


async def test_no_account_sees_or_touches_anothers(tenant, trust):
    other = await tenant.open_another_account()
    made = await trust.upload(authority(), account_id=other.id)
    mine = replace(made, account_id=tenant.account.id)
    assert (await listed(trust)).total == 0
    with pytest.raises(TrustedCertificateNotFound):
        await tenant.database.read(lambda unit: trust.registry.get(unit, trust.caller(), certificate_id=made.id))
    with pytest.raises(TrustedCertificateNotFound):
        await trust.update(mine, name="stolen")
    with pytest.raises(TrustedCertificateNotFound):
        await trust.remove(mine)
    assert await trust.get(made) == made


@pytest.mark.parametrize("grant", [Grant(DomainId("root"), "Watch"), Grant(DomainId("sub"), "Administrator")])
async def test_the_right_is_held_at_the_root(tenant, trust, grant):
    made = await trust.upload(authority())
    developer = await trust.developer()
    caller = tenant.caller_of(tenant.administrator.id, grant)
    for call in (
        lambda unit: trust.registry.get(unit, caller, certificate_id=made.id),
        lambda unit: trust.registry.list(unit, caller, page=PageRequest(), query=TrustedQuery()),
        lambda unit: trust.registry.remove(unit, caller, certificate_id=made.id),
        lambda unit: trust.developers.get(unit, caller, certificate_id=developer.trusted.id),
        lambda unit: trust.developers.create(unit, caller, name="x"),
    ):
        with pytest.raises(NotPermitted):
            await tenant.database.write(call)


async def test_developers_change_and_do_not_upload(tenant, trust):
    made = await trust.upload(authority())
    developer = tenant.caller_of(None, Grant(DomainId("root"), "ReadWrite"))
    await tenant.database.write(lambda unit: trust.registry.remove(unit, developer, certificate_id=made.id))
    trust.caller = lambda account_id: developer
    with pytest.raises(NotPermitted):
        await trust.upload(authority())
