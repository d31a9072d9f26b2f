"""ThingLambda, where it succeeds."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from cloudstead.core.shadows.changes import apply_update
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.things.events import CertificatesRevoked
from factories.contract import require_output
from factories.coverage import covers

ALL = ("thingType", "createdAt", "createdBy", "domain", "label", "description", "shadow", "domainTopic")


@covers("ThingLambda.CREATE", "success")
async def test_a_new_thing_is_answered_with_its_domain_as_an_id(world):
    thing = (
        await world.call(
            "ThingLambda.CREATE", world.writer, thingName="MyThing", thingType="type-north", domain="fjord"
        )
    ).ok()
    require_output("ThingLambda.CREATE", thing)
    assert thing == {
        "thingName": "MyThing",
        "thingType": "type-north",
        "createdAt": world.tenant.clock.millis(),
        "createdBy": "bob",
        "domain": "fjord",
        "label": "MyThing",
    }


@pytest.mark.parametrize("no_name", [{}, {"thingName": None}, {"thingName": ""}])
async def test_a_thing_without_a_name_is_numbered(world, no_name):
    names = [
        (await world.call("ThingLambda.CREATE", world.writer, thingType="type-root", domain="north", **no_name)).ok()
        for _ in range(2)
    ]
    assert [each["thingName"] for each in names] == ["00000001", "00000002"]


async def test_a_name_may_come_as_a_number(world):
    made = await world.call("ThingLambda.CREATE", world.writer, thingName=7, thingType="type-root", domain="north")
    assert made.ok()["thingName"] == "7"
    assert (await world.call("ThingLambda.GET", world.writer, thingName=7)).ok() == {"thingName": "7"}


@covers("ThingLambda.GET", "success")
async def test_a_thing_shows_what_was_selected_with_its_domain_as_an_object(world):
    found = (await world.call("ThingLambda.GET", world.reader, thingName="thing-north", **dict.fromkeys(ALL))).ok()
    require_output("ThingLambda.GET", found)
    assert found["domain"] == {"id": "north", "name": "North", "description": "", "data": {}}
    assert (found["label"], found["description"]) == ("thing-north", "")


async def test_nothing_selected_means_the_name_alone(world):
    found = await world.call("ThingLambda.GET", world.reader, thingName="thing-north", batchId=None, label="x")
    assert found.ok() == {"thingName": "thing-north"}


@pytest.mark.parametrize(("domain_id", "topic"), [("root", "/"), ("north", "/north/"), ("fjord", "/north/fjord/")])
async def test_the_domain_topic_leaves_out_the_root_and_has_a_slash_at_both_ends(world, domain_id, topic):
    await world.call("ThingLambda.CREATE", world.administrator, thingName="t", thingType="type-root", domain=domain_id)
    found = await world.call("ThingLambda.GET", world.administrator, thingName="t", domainTopic=None)
    assert found.ok() == {"thingName": "t", "domainTopic": topic}


async def test_a_shadow_is_shown_with_its_delta_as_it_is_now(world):
    thing = await world.tenant.database.read(lambda unit: unit.things.get(world.tenant.account.id, "thing-north"))
    shadow = Shadow(thing.uid, thing.account_id)
    apply_update(shadow, b'{"state":{"desired":{"on":true},"reported":{"on":false,"t":20.5}}}', at_s=1_500_000_000)
    world.shadows.kept[thing.uid] = shadow
    found = (await world.call("ThingLambda.GET", world.reader, thingName="thing-north", shadow=None)).ok()
    require_output("ThingLambda.GET", found)
    leaf = {"timestamp": 1_500_000_000}
    assert found["shadow"] == {
        "state": {"desired": {"on": True}, "reported": {"on": False, "t": 20.5}, "delta": {"on": True}},
        "metadata": {"desired": {"on": leaf}, "reported": {"on": leaf, "t": leaf}},
        "version": 1,
        "timestamp": world.tenant.clock.millis() // 1000,
    }


async def test_a_thing_that_never_spoke_has_an_empty_shadow_of_version_nought(world):
    found = (await world.call("ThingLambda.GET", world.reader, thingName="thing-north", shadow=None)).ok()
    require_output("ThingLambda.GET", found)
    assert (found["shadow"]["state"], found["shadow"]["version"]) == ({}, 0)


@covers("ThingLambda.UPDATE", "success")
async def test_a_change_touches_what_was_given(world):
    everything = await world.call(
        "ThingLambda.UPDATE",
        world.writer,
        thingName="thing-north",
        domain="fjord",
        label="TestLabel",
        description="TestDescription",
    )
    require_output("ThingLambda.UPDATE", everything.ok())
    label_alone = await world.call("ThingLambda.UPDATE", world.writer, thingName="thing-north", label="New", domain="")
    assert label_alone.ok() == {
        "thingType": "type-north",
        "thingName": "thing-north",
        "domain": "fjord",
        "label": "New",
        "description": "TestDescription",
    }


@pytest.mark.parametrize("nothing", [None, ""])
async def test_a_description_can_be_cleared(world, nothing):
    await world.call("ThingLambda.UPDATE", world.writer, thingName="thing-north", description="x")
    cleared = await world.call("ThingLambda.UPDATE", world.writer, thingName="thing-north", description=nothing)
    require_output("ThingLambda.UPDATE", cleared.ok())
    assert "description" not in cleared.ok()


def bundle(answer):
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer.ok(), validate=True))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@covers("ThingLambda.DOWNLOAD_CERTIFICATE", "success")
async def test_the_bundle_holds_a_certificate_and_the_keys_that_belong_to_it(world):
    answer = await world.call("ThingLambda.DOWNLOAD_CERTIFICATE", world.reader, thingName="thing-north")
    require_output("ThingLambda.DOWNLOAD_CERTIFICATE", answer.ok())
    files = bundle(answer)
    assert {"thing-north/cert.pem", "thing-north/privkey.pem", "thing-north/pubkey.pem"} <= set(files)
    certificate = x509.load_pem_x509_certificate(files["thing-north/cert.pem"])
    private_key = load_pem_private_key(files["thing-north/privkey.pem"], password=None)
    public = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == public
    assert files["thing-north/pubkey.pem"] == public


@covers("ThingLambda.REPLACE_CERTIFICATE", "success")
async def test_a_replaced_certificate_is_revoked_and_another_one_is_downloaded(world):
    before = bundle(await world.call("ThingLambda.DOWNLOAD_CERTIFICATE", world.writer, thingName="thing-north"))
    replaced = await world.call("ThingLambda.REPLACE_CERTIFICATE", world.writer, thingName="thing-north")
    require_output("ThingLambda.REPLACE_CERTIFICATE", replaced.ok())
    after = bundle(await world.call("ThingLambda.DOWNLOAD_CERTIFICATE", world.writer, thingName="thing-north"))
    assert before["thing-north/cert.pem"] != after["thing-north/cert.pem"]
    assert [type(each) for each in world.tenant.events] == [CertificatesRevoked]


async def test_a_thing_without_a_certificate_of_ours_has_none_to_download(world):
    def revoke(unit):
        thing = unit.things.get(world.tenant.account.id, "thing-north")
        unit.certificates.revoke_all(thing.account_id, thing.uid, 1)

    await world.tenant.database.write(revoke)
    answer = await world.call("ThingLambda.DOWNLOAD_CERTIFICATE", world.writer, thingName="thing-north")
    assert list(answer.error) == ["message"]


@covers("ThingLambda.REMOVE", "success")
async def test_a_removed_thing_is_gone(world):
    removed = await world.call("ThingLambda.REMOVE", world.writer, thingName="thing-north")
    require_output("ThingLambda.REMOVE", removed.ok())
    gone = await world.call("ThingLambda.GET", world.writer, thingName="thing-north")
    assert gone.told == ("THING_NOT_FOUND", "thingName")
