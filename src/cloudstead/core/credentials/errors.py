"""What can go wrong with credentials."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError, NotPermitted


class CredentialRefused(CloudsteadError):
    """A key, token or session is unknown, forged, withdrawn or belongs to somebody disabled."""

    code = "credential_refused"

    def __init__(self, reason: str = "The credential is not valid.") -> None:
        super().__init__(reason)


class AccountClosed(CredentialRefused):
    """The credential is genuine, but its account lets nobody in; ``status`` is that of the account."""

    code = "account_closed"

    def __init__(self, status: str) -> None:
        super().__init__("The account is not open.")
        self.status = status


class CertificateUnknown(CredentialRefused):
    """It is none of our own authority's certificates, or one of a thing that is gone."""

    code = "certificate_unknown"

    def __init__(self) -> None:
        super().__init__("The certificate is not valid.")


class CredentialExpired(CloudsteadError):
    """It was good once; both times are in seconds since 1970."""

    code = "credential_expired"

    def __init__(self, expired_at_s: int, now_s: int) -> None:
        super().__init__("The credential is expired.")
        self.expired_at_s = expired_at_s
        self.now_s = now_s


class ApiKeyNotFound(CloudsteadError):
    """The account has no API key with that id."""

    code = "api_key_not_found"

    def __init__(self) -> None:
        super().__init__("The API key could not be found.")


class KeyHoldsTooMuch(NotPermitted):
    """The key may do more than the caller, who may therefore neither see its secret nor let it work again."""

    code = "key_holds_too_much"

    def __init__(self) -> None:
        super().__init__("be given an API key that may do more than the caller")


class AccessKeyNotFound(CloudsteadError):
    """The person has no access key with that id."""

    code = "access_key_not_found"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"The access key with id {key_id} cannot be found.")


class TooManyAccessKeys(CloudsteadError):
    """The person has as many access keys as one may have."""

    code = "too_many_access_keys"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A person may have {limit} access keys: remove one first.")
        self.limit = limit


class CertificateNotFound(CloudsteadError):
    """The thing has no live certificate whose key we keep."""

    code = "certificate_not_found"

    def __init__(self) -> None:
        super().__init__("The thing has no certificate that can be downloaded.")


class SealBroken(CloudsteadError):
    """A sealed secret was not sealed with this installation's key, or was altered."""

    code = "seal_broken"

    def __init__(self) -> None:
        super().__init__("The sealed value cannot be opened with this installation's key.")
