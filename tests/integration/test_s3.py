"""The archive in S3 (moto), and one that is away."""

import gzip
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ferryman.adapters.s3 import S3Archive
from ferryman.domain.errors import StoreUnavailableError
from local.ports import LOOPBACK, any_free_port
from tests.support.ministack import client


def test_an_object_holds_the_lines_that_were_put_there() -> None:
    """Gzipped, and the same bytes for the same lines."""
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="archive")
        archive = S3Archive(s3, "archive")

        archive.put("one.jsonl.gz", ['{"a":1}', '{"b":2}'])
        archive.put("two.jsonl.gz", ['{"a":1}', '{"b":2}'])

        one, two = (s3.get_object(Bucket="archive", Key=name) for name in ("one.jsonl.gz", "two.jsonl.gz"))
        body = one["Body"].read()
        assert gzip.decompress(body).decode() == '{"a":1}\n{"b":2}\n'
        assert body == two["Body"].read()
        assert one["ContentEncoding"] == "gzip"


def test_a_bucket_that_is_not_there_or_away_is_told() -> None:
    """So that nothing expires."""
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        with pytest.raises(StoreUnavailableError):
            S3Archive(s3, "nowhere").put("one", ["{}"])
    with pytest.raises(StoreUnavailableError):
        S3Archive(client("s3", f"http://{LOOPBACK}:{any_free_port()}"), "away").put("one", ["{}"])
