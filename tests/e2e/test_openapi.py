"""schemathesis over the deployed `/openapi.json`: no request makes a 5xx, every answer is as documented."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import Stack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
X402 = "^/(verify|settle)$"


@pytest.mark.parametrize(
    ("checks", "selection"),
    [
        ((*CHECKS, "negative_data_rejection"), ("--exclude-path-regex", X402)),
        # What x402 cannot read is answered as any other refusal: with 200 and a reason.
        (CHECKS, ("--include-path-regex", X402)),
    ],
    ids=["all but x402", "x402"],
)
def test_no_request_makes_a_5xx_and_every_answer_is_as_documented(
    stack: Stack, tmp_path: Path, checks: tuple[str, ...], selection: tuple[str, str]
) -> None:
    """Requests that fit the schema, and requests that break it, generated from the document itself."""
    # One caller for all requests: made-up credentials are tried in test_access.py.
    (tmp_path / "schemathesis.toml").write_text("[generation]\nwith-security-parameters = false\n")
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"{stack.description.api_url}/openapi.json",
        *("--url", stack.description.api_url),
        *("--checks", ",".join(checks)),
        *selection,
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "25"),
        *("--workers", "4"),
        *("--request-timeout", "60"),
        *("--seed", "1"),
        "--continue-on-failure",
        *("--header", f"X-Api-Key: {stack.description.reader_key}"),
    ]

    # A folder of its own: what an earlier run remembers is no part of this one.
    ended = subprocess.run(
        command, cwd=tmp_path, env=os.environ, check=False, capture_output=True, text=True, timeout=600
    )

    assert ended.returncode == 0, ended.stdout[-8_000:]
