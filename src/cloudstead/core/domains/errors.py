"""What can go wrong with domains."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class DomainNotFound(CloudsteadError):
    """The account has no domain with that id; ``field`` names the input that carried it."""

    code = "domain_not_found"

    def __init__(self, domain_id: str, *, field: str = "id") -> None:
        super().__init__(f"A domain with the id {domain_id!r} could not be found.")
        self.domain_id = domain_id
        self.field = field


class DomainIdTaken(CloudsteadError):
    """Another domain of the account has that id."""

    code = "domain_id_taken"

    def __init__(self, domain_id: str) -> None:
        super().__init__(f"A domain with the id {domain_id!r} exists already.")
        self.domain_id = domain_id


class DomainHasThings(CloudsteadError):
    """The domain, or one below it, still holds things."""

    code = "domain_has_things"

    def __init__(self) -> None:
        super().__init__("The domain, or a domain below it, still has things.")


class DomainHasPeople(CloudsteadError):
    """The domain, or one below it, is still the home of people."""

    code = "domain_has_people"

    def __init__(self) -> None:
        super().__init__("The domain, or a domain below it, still has users.")


class DomainMoveMakesLoop(CloudsteadError):
    """The new parent is the domain itself or lies below it."""

    code = "domain_move_makes_loop"

    def __init__(self) -> None:
        super().__init__("A domain cannot be moved below itself.")


class RootIsFixed(CloudsteadError):
    """The root can be neither moved nor removed."""

    code = "root_is_fixed"

    def __init__(self) -> None:
        super().__init__("The root domain can be neither moved nor removed.")
