"""What only S3 refuses."""

from __future__ import annotations

from cloudstead.dialects.aws.refusals import AwsRefusal


class BucketUnknown(AwsRefusal):
    """The account has no such bucket; another account's looks the same."""

    def __init__(self, name: str) -> None:
        super().__init__("The specified bucket does not exist")
        self.name = name


class AccessRefused(AwsRefusal):
    """Nobody has signed the request, or somebody who may not read here."""

    def __init__(self) -> None:
        super().__init__("Access Denied")


class SignatureTooOld(AwsRefusal):
    """The request is signed with Signature Version 2, as boto3 and the AWS command line 1 do to addresses by default.

    S3 itself answers so in every region that was opened after 2013.
    """

    def __init__(self) -> None:
        super().__init__("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")


class ArgumentInvalid(AwsRefusal):
    """A parameter has a value that it cannot have."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


class UriInvalid(AwsRefusal):
    """The path is no text in UTF-8."""

    def __init__(self) -> None:
        super().__init__("Couldn't parse the specified URI.")


class NotOffered(AwsRefusal):
    """S3 has it; we have not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"A header or query that you provided implies functionality that is not implemented: {what}")
        self.what = what
