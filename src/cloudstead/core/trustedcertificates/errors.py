"""What can go wrong with trusted certificates."""

from __future__ import annotations

from cloudstead.core.accounts.profile import NEEDED_FOR_COMMERCIAL
from cloudstead.core.errors import CloudsteadError


class TrustedCertificateNotFound(CloudsteadError):
    """The account has no trusted, or no developer certificate with that id."""

    code = "trusted_certificate_not_found"

    def __init__(self) -> None:
        super().__init__("The certificate could not be found.")


class TrustedCertificateNameTaken(CloudsteadError):
    """Another trusted certificate of the account has that name."""

    code = "trusted_certificate_name_taken"

    def __init__(self) -> None:
        super().__init__("Another certificate has that name.")


class TrustedCertificateSubjectTaken(CloudsteadError):
    """The subject stands for another certificate already, of this account or of another one."""

    code = "trusted_certificate_subject_taken"

    def __init__(self) -> None:
        super().__init__("Another certificate with that subject is trusted already.")


class CommercialOnly(CloudsteadError):
    """Accounts of the free tier cannot do this."""

    code = "commercial_only"

    def __init__(self) -> None:
        needed = ", ".join(NEEDED_FOR_COMMERCIAL)
        super().__init__(f"This is for commercial accounts only: an account becomes one that tells its {needed}.")
