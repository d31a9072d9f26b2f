"""What the first page says is typed as it stands there: a device of one's own, with nothing but curl."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from factories.chromium import chromium
from journeys.mqtt_user import MqttUser
from journeys.plain import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from factories.chromium import Browser
    from factories.demo import Demo


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        opened.call("Emulation.setScriptExecutionDisabled", value=False)
        yield opened


def reported(demo: Demo, thing: str) -> object:
    key = demo.administrator.api_key
    shadow = ask(demo, "GET", f"/things/{thing}/shadow", Authorization=f"Bearer {key}").json
    return shadow["state"]["reported"]


def test_the_button_leads_to_commands_that_connect_a_device(demo: Demo, browser: Browser, tmp_path: Path) -> None:
    browser.open(demo.url() + "/")
    browser.evaluate("document.getElementById('connect').open = false")
    browser.evaluate("document.getElementById('add').click()")
    assert browser.evaluate("document.getElementById('connect').open")
    text = browser.evaluate("document.getElementById('device').textContent")
    thing = demo.new_name("pump")
    commands, publish = text.replace("pump-1", thing).split("mosquitto_pub ")

    script = commands.replace("YOUR_API_KEY", demo.administrator.api_key)
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.rpartition("}{")[2].join(["{", ""]))["version"] == 1
    assert reported(demo, thing) == {"bar": 3.2}

    words = shlex.split(publish.replace("\\\n", ""))
    said = dict(zip(words[::2], words[1::2], strict=True))
    device = MqttUser(thing)
    device.client.tls_set(*(str(tmp_path / said[f"--{name}"]) for name in ("cafile", "cert", "key")))
    device.connect((said["-h"], int(said["-p"])))
    with device:
        device.publish(said["-t"], json.loads(said["-m"]), qos=int(said["-q"]))
    assert reported(demo, thing) == {"bar": 3.3}
