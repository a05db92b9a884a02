"""Secrets: their form, and what is kept of them."""

import re

import pytest

from ferryman.domain.credentials import ApiKeyText, digest_of, is_secret, new_nonce, new_secret

DRAWS = 200


def test_every_secret_is_another_and_has_the_form_that_is_asked_for() -> None:
    """256 random bits, safe in a header and in a query string."""
    secrets = {new_secret() for _ in range(DRAWS)}

    assert len(secrets) == DRAWS
    assert all(is_secret(secret) for secret in secrets)


def test_a_nonce_is_letters_and_digits() -> None:
    """EIP-4361 allows nothing else, and at least eight of them."""
    nonces = {new_nonce() for _ in range(DRAWS)}

    assert len(nonces) == DRAWS
    assert all(re.fullmatch(r"[A-Za-z0-9]{22}", nonce) for nonce in nonces)


def test_an_api_key_reads_as_it_was_written() -> None:
    """Its secret may hold the character that separates the parts."""
    for _ in range(DRAWS):
        key = ApiKeyText.new()
        assert ApiKeyText.parsed(str(key)) == key
    tricky = ApiKeyText("0" * 24, "_" * 43)
    assert ApiKeyText.parsed(str(tricky)) == tricky


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ferryman",
        f"ferryman_{'0' * 24}",
        f"ferryman_{'0' * 24}_{'a' * 42}",
        f"ferryman_{'0' * 24}_{'a' * 44}",
        f"ferryman_{'G' * 24}_{'a' * 43}",
        f"FERRYMAN_{'0' * 24}_{'a' * 43}",
        f"ferryman_{'0' * 24}_{'a' * 43}\n",
        f" ferryman_{'0' * 24}_{'a' * 43}",
    ],
)
def test_what_is_no_api_key_is_not_read_as_one(text: str) -> None:
    """No table is asked about it."""
    assert ApiKeyText.parsed(text) is None


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "é", "a" * 43 + "\n"])
def test_what_is_no_secret_is_not_taken_for_one(text: str) -> None:
    """Nor is it hashed and looked up."""
    assert not is_secret(text)


def test_a_digest_is_sha_256() -> None:
    """Of the text's UTF-8 bytes (FIPS 180-4, example "abc")."""
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
