from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factories.demo import Doors, require_silence
from factories.running import running_cloud
from journeys.aws_user import AwsUser
from journeys.mqtt_user import Device

if TYPE_CHECKING:
    from pathlib import Path

    import paho.mqtt.client as mqtt


class Sleeper(Device):
    """A device that keeps its session while it is away."""

    def __init__(self, doors: Doors, files: Path) -> None:
        super().__init__(doors, files)
        self.client._clean_session = False
        self.present: list[bool] = []
        told = self.client.on_connect

        def on_connect(client: mqtt.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
            self.present.append(flags.session_present)
            told(client, data, flags, code, properties)

        self.client.on_connect = on_connect


def test_a_device_of_the_standard_profile_finds_what_it_missed(tmp_path: Path) -> None:
    config = tmp_path / "cloudstead.toml"
    config.write_text('[demo]\nmqtt_profile = "standard"\n')
    with running_cloud(tmp_path, "demo", "--config", str(config)) as cloud:
        doors = Doors(cloud.ready)
        user = AwsUser(doors, doors.administrator).log_in()
        name = user.add_thing("sleeper")
        files = user.fetch_certificate(name, tmp_path)
        with Sleeper(doors, files) as device:
            device.listen("update/delta")
        user.update(name, state={"desired": {"light": "off"}})

        with Sleeper(doors, files) as device:
            ((topic, delta),) = device.answers()

    assert (device.present, topic, delta["state"]) == ([True], "update/delta", {"light": "off"})
    require_silence(tmp_path)
