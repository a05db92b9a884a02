"""The archive in S3: gzipped lines, checked on arrival."""

import gzip
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LINES: Final = "application/x-ndjson"


class S3Archive:
    """The Archive port over a bucket.

    Args:
        client: a boto3 client.
        bucket: the bucket's name.

    """

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, lines: Sequence[str]) -> None:
        """Store an object; S3 answers only once it is durable and has the checksum of what was sent."""
        body = gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ContentType=_LINES,
                ContentEncoding="gzip",
                ChecksumAlgorithm="SHA256",
            )
        except (ClientError, BotoCoreError) as error:
            msg = f"S3 took no object: {code_of(error)}"
            raise StoreUnavailableError(msg) from error
