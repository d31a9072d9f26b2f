"""Whose an authority is: every pair of claims on one key or one name."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from cloudstead.core.errors import InvalidField
from cloudstead.core.paging import PageRequest
from cloudstead.core.trustedcertificates.chains import name_hash
from cloudstead.core.trustedcertificates.errors import TrustedCertificateSubjectTaken
from cloudstead.core.trustedcertificates.events import TrustClosed
from cloudstead.core.trustedcertificates.model import TrustedStatus
from factories.authorities import authority, name_of
from factories.trusting import trusting


@pytest.fixture
async def other(tenant):
    return (await tenant.open_another_account()).id


@pytest.mark.parametrize("status", list(TrustedStatus))
async def test_the_first_keeps_an_authority_that_nobody_has_proven(trust, other, status):
    party = authority()
    first = await trust.upload(party, account_id=other, status=status)
    with pytest.raises(InvalidField) as caught:
        await trust.upload(party)
    assert caught.value.field == "signature"
    assert await trust.get(first) == first


async def test_proof_takes_it_and_the_loser_finds_that_in_its_trail(tenant, trust, other):
    party = authority()
    lost = await trust.upload(party, account_id=other)
    await trust.upload(party, proven=True)
    assert await trust.get(lost) is None
    assert TrustClosed(lost.id) in tenant.events
    page = await tenant.database.read(lambda unit: unit.audit.page(other, PageRequest()))
    (entry,) = [each for each in page.items if each.operation == "trusted-certificate.lose"]
    assert (entry.object_id, entry.principal) == (lost.id, "cloudstead")
    assert tenant.account.id not in str(entry)


@pytest.mark.parametrize("proven", [True, False])
async def test_proof_is_not_outdone(trust, other, proven):
    party = authority()
    first = await trust.upload(party, account_id=other, proven=True)
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.upload(party, proven=proven)
    assert await trust.get(first) == first


async def test_it_is_free_again_when_it_is_removed(trust, other):
    party = authority()
    await trust.remove(await trust.upload(party, account_id=other, proven=True))
    await trust.upload(party)


async def test_a_key_under_another_name_is_the_same_authority(trust, other):
    party = authority("one")
    await trust.upload(party, account_id=other)
    with pytest.raises(InvalidField):
        await trust.upload(authority("two", key=party.key))


async def test_a_key_that_another_authority_signed_is_the_same_authority(trust, other):
    """Nobody needs a private key to have the public one certified below an authority of one's own."""
    party = authority("one")
    await trust.upload(party, account_id=other)
    mine = authority("mine")
    with pytest.raises(InvalidField):
        await trust.upload(mine, authority("one", mine, key=party.key))


@pytest.mark.parametrize("name", ["Acme", "ACME", " acme "])
@pytest.mark.parametrize("proven", [True, False])
async def test_a_name_stands_for_one_key_in_the_whole_installation(trust, other, name, proven):
    await trust.upload(authority("Acme", key_id=b"1"), account_id=other)
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.upload(authority(name, key_id=b"1"), proven=proven)


async def test_nobody_takes_the_name_of_our_own_authorities(tenant):
    trust = trusting(tenant, {name_hash(name_of("cloudstead issuing"))})
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.upload(authority("Cloudstead  Issuing"), proven=True)
    made = await trust.upload(authority("other"))
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.update(made, certificate=authority("cloudstead issuing").pem)


async def test_claims_are_weighed_for_changes_as_well(trust, other):
    party = authority("theirs")
    await trust.upload(party, account_id=other)
    mine = await trust.upload(authority("mine"))
    with pytest.raises(InvalidField):
        await trust.update(mine, certificate=party.pem)
    taken = await trust.update(mine, certificate=party.pem, signature=party.sign(mine.account_id))
    assert taken.is_proven


async def test_a_proof_handed_in_later_takes_the_authority_for_good(trust, other):
    party = authority()
    first = await trust.upload(party, account_id=other)
    await trust.update(first, signature=party.sign(other))
    with pytest.raises(TrustedCertificateSubjectTaken):
        await trust.upload(party, proven=True)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_accounts_do_an_authority_has_one_account_and_a_name_one_key(tenant, trust, seed):
    rng = random.Random(seed)
    accounts = [tenant.account.id, *[(await tenant.open_another_account(f"other{each}")).id for each in range(2)]]
    names = ["one", "two"]
    pool = [authority(name, key_id=b"same") for name in names for _ in range(2)]
    pool += [authority("two", key=pool[0].key), authority("three", pool[1], key=pool[0].key)]
    for _ in range(30):
        before = await everything(tenant)
        account, party = rng.choice(accounts), rng.choice(pool)
        own = [each for each in before if each.account_id == account]
        options = {"proven": rng.random() < 0.4, "enrols": True}
        with suppress(InvalidField, TrustedCertificateSubjectTaken):
            if own and rng.random() < 0.2:
                gone = rng.choice(own)
                await trust.remove(gone)
                before.remove(gone)
            elif own and rng.random() < 0.4:
                proof = {"signature": party.sign(account)} if options["proven"] else {}
                changing = rng.choice(own)
                before.remove(changing)
                await trust.update(changing, certificate=party.pem, **proof)
            else:
                await trust.upload(party, account_id=account, name=f"n{tenant.ids.new()}", **options)
        after = await everything(tenant)
        keys = [each.trusted.key_hash for each in after]
        assert len(set(keys)) == len({(each.trusted.key_hash, each.account_id) for each in after})
        assert len({each.trusted.subject_hash for each in after}) == len(
            {(each.trusted.subject_hash, each.trusted.key_hash) for each in after}
        )
        kept = {each.id for each in after}
        assert {each.id for each in before if each.is_proven} <= kept  # nobody takes what was proven


async def everything(tenant):
    def read(unit):
        return [each for account in unit.accounts.all() for each in unit.trusted_certificates.of_account(account.id)]

    return await tenant.database.read(read)
