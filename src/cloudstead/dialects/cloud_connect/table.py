"""The actions, one row each: what they are called, who may perform them, what they take and what they run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.errors import CloudsteadError, OutOfReach
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.dialects.cloud_connect.handlers import (
    auth,
    batches,
    domains,
    files,
    observations,
    people,
    rules,
    thing_types,
    things,
    traces,
)
from cloudstead.dialects.cloud_connect.shapes import inputs, rule_inputs
from cloudstead.dialects.cloud_connect.shapes.traces import FollowedMessage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import msgspec

    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend

    Handler = Callable[[Backend, Call[Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of one function.

    ``permission`` is ``None`` for what guests may do. ``at_top`` says that the input stands beside the action rather
    than inside ``attributes``; ``beside`` names the fields of an input inside ``attributes`` that stand there all the
    same. ``properties`` names the property that an error is reported under where this action
    departs from the dialect's rule, ``None`` for none. ``is_ours`` marks what the document does not know.
    """

    function: str
    name: str
    permission: Permission | None
    takes: type[msgspec.Struct]
    run: Handler
    at_top: bool = False
    beside: tuple[str, ...] = ()
    properties: Mapping[type[CloudsteadError], str | None] = field(default_factory=lambda: MappingProxyType({}))
    is_ours: bool = False

    @property
    def label(self) -> str:
        """The name in logs, metrics and tests: ``ThingLambda.CREATE``."""
        return f"{self.function}.{self.name}"

    @property
    def object_type(self) -> str:
        """What the function is about: ``Thing`` for ``ThingLambda``."""
        return self.function.removesuffix("Lambda")


def _open(label: str, *, takes: type[msgspec.Struct], run: Handler) -> Action:
    function, _, name = label.partition(".")
    return Action(function, name, None, takes, run)


def _action(
    label: str,
    permission: str,
    *,
    takes: type[msgspec.Struct],
    run: Handler,
    properties: Mapping[type[CloudsteadError], str | None] = MappingProxyType({}),
    beside: tuple[str, ...] = (),
) -> Action:
    function, _, name = label.partition(".")
    at_top = takes is inputs.Find
    return Action(function, name, Permission(permission), takes, run, at_top, beside, properties)


# The tables of sections 11.1.5 to 11.1.7 leave the property of THING_NOT_FOUND empty, unlike their neighbours.
_UNNAMED_THING: Final = MappingProxyType[type[CloudsteadError], str | None]({ThingNotFound: None})
# Section 3.3.3.3 prints parentId, although the input is called id.
_NAMED_PARENT: Final = MappingProxyType[type[CloudsteadError], str | None]({OutOfReach: "parentId"})

# Section 4.1.2 calls the name of a thing its id.
_THING_BY_ID: Final = MappingProxyType[type[CloudsteadError], str | None]({ThingNotFound: "thingId"})


def _ours(label: str, permission: str, *, takes: type[msgspec.Struct], run: Handler) -> Action:
    """Return a further action of one of the functions."""
    return replace(_action(label, permission, takes=takes, run=run), is_ours=True)


ACTIONS: Final = (
    _open("AuthLambda.FORGOT_PASSWORD", takes=inputs.OnePerson, run=auth.forgot_password),
    _open("AuthLambda.LOGIN", takes=inputs.Login, run=auth.login),
    _open("AuthLambda.REFRESH", takes=inputs.Refresh, run=auth.refresh),
    _open("AuthLambda.RESEND_CONFIRMATION_CODE", takes=inputs.OnePerson, run=auth.resend_confirmation_code),
    _open("AuthLambda.SIGN_UP", takes=inputs.SignUp, run=auth.sign_up),
    _action("DomainLambda.CREATE", "domain:create", takes=inputs.NewDomain, run=domains.create),
    _action("DomainLambda.GET", "domain:read", takes=inputs.OneId, run=domains.get, properties=_NAMED_PARENT),
    _action("DomainLambda.LIST", "domain:read", takes=inputs.Nothing, run=domains.show_tree),
    _action("DomainLambda.REMOVE", "domain:remove", takes=inputs.OneId, run=domains.remove),
    _action("DomainLambda.UPDATE", "domain:update", takes=inputs.ChangedDomain, run=domains.update),
    _action(
        "FileLambda.DELETE_THING_IMAGE",
        "file:write",
        takes=inputs.ThingOfType,
        run=files.delete_image,
        properties=_THING_BY_ID,
    ),
    _action("FileLambda.LIST", "file:read", takes=inputs.ListedFiles, run=files.show_all),
    _action(
        "FileLambda.PUT_THING_IMAGE",
        "file:write",
        takes=inputs.ThingImage,
        run=files.put_image,
        properties=_THING_BY_ID,
    ),
    _action("ObservationLambda.FIND", "observation:read", takes=inputs.Find, run=observations.find),
    _action("ThingBatchLambda.CREATE", "batch:create", takes=inputs.NewBatch, run=batches.create),
    _action(
        "ThingBatchLambda.LIST", "batch:read", takes=inputs.ListedBatches, run=batches.show_all, beside=("filter",)
    ),
    _action("RuleLambda.CREATE", "rule:create", takes=rule_inputs.NewRule, run=rules.create),
    _action("RuleLambda.GET", "rule:read", takes=inputs.OneId, run=rules.get),
    _action("RuleLambda.LIST", "rule:read", takes=inputs.Nothing, run=rules.show_all),
    _ours(
        "RuleLambda.LIST_DELIVERIES",
        "rule:read",
        takes=rule_inputs.ListedDeliveries,
        run=rules.list_deliveries,
    ),
    _action("RuleLambda.REMOVE", "rule:remove", takes=inputs.OneId, run=rules.remove),
    _ours("RuleLambda.RENEW_SECRET", "rule:update", takes=inputs.OneId, run=rules.renew_secret),
    _ours(
        "RuleLambda.REPLAY_DELIVERIES",
        "rule:update",
        takes=rule_inputs.ReplayedDeliveries,
        run=rules.replay_deliveries,
    ),
    _ours("RuleLambda.TRY", "rule:try", takes=rule_inputs.TriedRule, run=rules.try_out),
    _action("RuleLambda.UPDATE", "rule:update", takes=rule_inputs.ChangedRule, run=rules.update),
    _action("ThingLambda.CREATE", "thing:create", takes=inputs.NewThing, run=things.create),
    _action(
        "ThingLambda.DOWNLOAD_CERTIFICATE",
        "thing:download-certificate",
        takes=inputs.OneThing,
        run=things.download_certificate,
    ),
    _action("ThingLambda.FIND", "thing:read", takes=inputs.Find, run=things.find),
    _action("ThingLambda.GET", "thing:read", takes=inputs.OneThing, run=things.get),
    _action("ThingLambda.REMOVE", "thing:remove", takes=inputs.OneThing, run=things.remove, properties=_UNNAMED_THING),
    _action(
        "ThingLambda.REPLACE_CERTIFICATE",
        "thing:replace-certificate",
        takes=inputs.OneThing,
        run=things.replace_certificate,
        properties=_UNNAMED_THING,
    ),
    _ours("ThingLambda.TRACE", "shadow:read", takes=FollowedMessage, run=traces.follow),
    _action(
        "ThingLambda.UPDATE", "thing:update", takes=inputs.ChangedThing, run=things.update, properties=_UNNAMED_THING
    ),
    _action("ThingTypeLambda.CREATE", "thing-type:create", takes=inputs.NewThingType, run=thing_types.create),
    _action("ThingTypeLambda.GET", "thing-type:read", takes=inputs.OneId, run=thing_types.get),
    _action("ThingTypeLambda.LIST", "thing-type:read", takes=inputs.Nothing, run=thing_types.show_all),
    _action("ThingTypeLambda.REMOVE", "thing-type:remove", takes=inputs.OneId, run=thing_types.remove),
    _action(
        "ThingTypeLambda.REMOVE_ATTRIBUTE",
        "thing-type:update",
        takes=inputs.RemovedAttribute,
        run=thing_types.remove_attribute,
    ),
    _action("ThingTypeLambda.UPDATE", "thing-type:update", takes=inputs.ChangedThingType, run=thing_types.update),
    _action(
        "ThingTypeLambda.UPDATE_ATTRIBUTE",
        "thing-type:update",
        takes=inputs.ChangedAttribute,
        run=thing_types.update_attribute,
    ),
    _action("UserLambda.CREATE", "person:create", takes=inputs.NewPerson, run=people.create),
    _action("UserLambda.GET", "person:read", takes=inputs.OnePerson, run=people.get),
    _action("UserLambda.GET_USERDATA", "user-data:read", takes=inputs.Nothing, run=people.get_user_data),
    _action(
        "UserLambda.LIST",
        "person:read",
        takes=inputs.ListedPeople,
        run=people.show_all,
        beside=("filter", "page", "size", "sortProp"),
    ),
    _action("UserLambda.REMOVE", "person:remove", takes=inputs.RemovedPeople, run=people.remove),
    _action("UserLambda.RESET_PASSWORD", "person:reset-password", takes=inputs.OnePerson, run=people.reset_password),
    _action("UserLambda.UPDATE", "person:update", takes=inputs.ChangedPerson, run=people.update),
    _action(
        "UserLambda.UPDATE_PROFILE", "person:update-profile", takes=inputs.ChangedProfile, run=people.update_profile
    ),
    _action("UserLambda.UPDATE_USERDATA", "user-data:write", takes=inputs.UserData, run=people.update_user_data),
)
