from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cloudstead.app.addresses import Address, is_host, parse_address, without_password
from cloudstead.app.settings import BadSetting, Settings, StorageSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str) -> Path:
    file = folder / "cloudstead.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_source_every_setting_has_its_default() -> None:
    assert load_settings({}, {}, None) == Settings()


def test_devices_and_people_are_served_on_loopback_only_by_default() -> None:
    settings = Settings()

    assert {settings.http.bind.host, settings.https.bind.host, settings.mqtts.bind.host} == {"127.0.0.1"}
    assert settings.mqtt.bind is None


def test_a_flag_wins_over_the_environment_which_wins_over_the_file_which_wins_over_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\naddress = "127.0.0.1:1"\n[mqtts]\naddress = "127.0.0.1:1"\n[data]\nfolder = "f"')
    environment = {"CLOUDSTEAD_HTTP_ADDRESS": "127.0.0.1:2", "CLOUDSTEAD_MQTTS_ADDRESS": "127.0.0.1:2"}

    settings = load_settings({"http": {"address": "127.0.0.1:3"}}, environment, file)

    assert (settings.http.bind.port, settings.mqtts.bind.port, settings.data.folder) == (3, 2, "f")
    assert settings.https == Settings().https


def test_sources_add_up_within_a_section(tmp_path: Path) -> None:
    file = written(tmp_path, '[https]\ncertificate_file = "chain.pem"')

    settings = load_settings({}, {"CLOUDSTEAD_HTTPS_PRIVATE_KEY_FILE": "key.pem"}, file)

    assert (settings.https.certificate_file, settings.https.private_key_file) == ("chain.pem", "key.pem")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "[log]\nkeep_days = 30")

    assert load_settings({}, {"CLOUDSTEAD_CONFIG": str(file)}, None).log.keep_days == 30


def test_lists_of_the_environment_are_separated_by_commas() -> None:
    settings = load_settings({}, {"CLOUDSTEAD_PUBLIC_OTHER_NAMES": "cloud.example, 192.0.2.7,"}, None)

    assert settings.public.other_names == ("cloud.example", "192.0.2.7")


def test_variables_of_others_are_left_alone() -> None:
    assert load_settings({}, {"CLOUDSTEAD_VENV": "/x", "PATH": "/bin", "HTTP_ADDRESS": "x"}, None) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[htpp]\nport = 1", "unknown field `htpp`"),
        ('[http]\nadress = "x"', "http: Object contains unknown field `adress`"),
        ('[http]\naddress = "8080"', "http: '8080' is not HOST:PORT"),
        ("[log]\nkeep_days = -1", "log.keep_days: Expected `int` >= 0"),
        ('[log]\nkeep_days = "many"', "log.keep_days: Expected `int`"),
        ('[public]\nregion = "somewhere"', "public.region: expected a name such as eu-west-1"),
        ('[mail]\ntls = "ssl"', "mail.tls: expected starttls, tls or none"),
        ('[public]\nhostname = "no host"', "public: 'no host' is neither"),
        ('[http]\ntrusted_proxies = ["everywhere"]', "http: 'everywhere' does not appear to be"),
        ('[storage]\nurl = "mysql://x"', "storage: url: the address begins with"),
        ('[observations]\nurl = "clickhouse://x"', "observations: url: the address begins with"),
        ('[objects]\nurl = "gs://bucket"', "objects: url: the address is s3://bucket"),
        ('[objects]\nurl = "s3:///prefix"', "objects: url: the address is s3://bucket"),
        ('[objects]\nurl = "s3://bucket/a//b"', "objects: url: the prefix has"),
        ('[objects]\nendpoint = "minio:9000"', "objects: endpoint: the address begins with"),
        ('[objects]\nendpoint = "http://"', "objects: endpoint: the address names a host"),
        ('[objects]\naccess_key_id = "AKIA"', "objects: access_key_id and secret_access_key are given together"),
        ('[bootstrap]\nurl = "coap://boot.example:5684"', "bootstrap: url: the address is coaps://host"),
        ('[bootstrap]\nurl = "coaps://boot.example:5684?aid=1"', "bootstrap: url: the address is coaps://host"),
        ('[lwm2m]\nurl = "coaps://:5684"', "lwm2m: url: the address names a host"),
        ('[lwm2m]\nurl = "coaps://lwm2m.example:0"', "lwm2m: url: the address names a host"),
        ("[lwm2m]\nurl = 'coaps://a\"b'", "lwm2m: url: the address names a lower-case host name"),
        ("[http", "Expected"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_the_file_and_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    file = written(tmp_path, text)

    with pytest.raises(BadSetting) as caught:
        load_settings({}, {}, file)

    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_setting_asks_anybody_to_read_a_regular_expression() -> None:
    patterned = []
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type):
            (meta,) = getattr(field.type, "__metadata__", (None,))
            if getattr(meta, "pattern", None) is not None:
                patterned.append(f"{section.name}.{field.name}")
                with pytest.raises(BadSetting) as caught:
                    load_settings({section.name: {field.name: "?"}}, {}, None)
                assert str(caught.value).startswith(f"{section.name}.{field.name}: expected ")
                assert "^" not in str(caught.value)
    assert "logging.level" in patterned


def test_a_misspelt_variable_of_a_known_section_is_an_error() -> None:
    with pytest.raises(BadSetting, match="CLOUDSTEAD_HTTP_ADRESS is no setting"):
        load_settings({}, {"CLOUDSTEAD_HTTP_ADRESS": "127.0.0.1:80"}, None)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="No such file"):
        load_settings({}, {}, tmp_path / "nowhere.toml")


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(BadSetting, match="together or not at all"):
        load_settings({"https": {"certificate_file": "chain.pem"}}, {}, None)


def test_a_service_that_nobody_could_reach_is_an_error() -> None:
    with pytest.raises(BadSetting, match="both off"):
        load_settings({"http": {"address": ""}, "https": {"address": ""}}, {}, None)


def test_passwords_in_addresses_are_never_shown() -> None:
    url = "postgresql://cloud:s3cret@db.example:5432/cloudstead"

    assert without_password(url) == "postgresql://cloud:***@db.example:5432/cloudstead"
    assert "s3cret" not in repr(Settings(storage=StorageSettings(url=url)))
    assert without_password("postgresql://db.example/x") == "postgresql://db.example/x"


def test_the_secret_of_a_bucket_is_never_shown() -> None:
    named = {"url": "s3://bucket/prefix", "access_key_id": "AKIA", "secret_access_key": "s3cret"}

    assert "s3cret" not in repr(load_settings({"objects": named}, {}, None))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("*:8883", Address("0.0.0.0", 8883)),
        ("[::1]:8080", Address("::1", 8080)),
        ("", None),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address | None) -> None:
    assert parse_address(text) == address
    if address is not None:
        assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["8080", ":8080", "host", "host:", "host:port", "host:65536", "host:²", "::1:8080", "[x]:1"]
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_address(text)


@pytest.mark.parametrize("name", ["localhost", "a.b-c.example", "::1", "192.0.2.1"])
def test_a_host_is_a_lower_case_name_or_an_address(name: str) -> None:
    assert is_host(name)


@pytest.mark.parametrize("name", ["", "Upper.example", "-a.example", "a..b", "a b", "x" * 64, "*.example"])
def test_anything_else_is_no_host(name: str) -> None:
    assert not is_host(name)


@pytest.mark.parametrize(
    "url", ["http://", "http://:8123/db", "http://host:99999/", "http://host:x/", "http://host:0/"]
)
def test_an_address_of_observations_names_a_host_and_a_possible_port(url: str) -> None:
    with pytest.raises(BadSetting, match="observations: url"):
        load_settings({"observations": {"url": url}}, {}, None)


def test_the_demo_reports_no_faster_than_the_agent_can() -> None:
    with pytest.raises(BadSetting, match="interval_s"):
        load_settings({"demo": {"interval_s": 0.1}}, {}, None)
