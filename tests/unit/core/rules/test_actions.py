from __future__ import annotations

import pytest

from cloudstead.core.errors import InvalidField
from cloudstead.core.rules.actions import require_callable
from cloudstead.core.rules.model import Action, ActionType

MAIL = Action(ActionType.MAIL, {"to": "a@10.0.0.1", "subject": "Hot", "text": "It is."})


def inside(host):
    return host != "10.0.0.1"


def webhook(url):
    return Action(ActionType.WEBHOOK, {"url": url})


@pytest.mark.parametrize("url", ["http://10.0.0.1", "HTTPS://10.0.0.1:8443/${thing.thingName}?x=${resource.value}"])
def test_an_address_that_none_may_reach_is_refused_with_its_place(url):
    with pytest.raises(InvalidField, match=r"webhooks\.allow") as caught:
        require_callable([MAIL, webhook("https://hooks.example"), webhook(url)], inside)

    assert caught.value.field == "actions[2].config.url"


@pytest.mark.parametrize(
    "url", ["https://hooks.example/10.0.0.1", "http://${resource.value}/", "http://10.0.0.${x.y}/"]
)
def test_what_is_not_known_yet_is_looked_at_when_it_is_sent(url):
    require_callable([MAIL, webhook(url)], inside)
