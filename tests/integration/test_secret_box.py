"""Secrets sealed and opened: KMS (MiniStack's) and its fake keep the same promises."""

from collections.abc import Callable

import pytest

from ferryman.adapters.secret_box import KmsSecretBox
from ferryman.domain.errors import StoreUnavailableError
from ferryman.ports import SecretBox
from local.ports import LOOPBACK, any_free_port
from tests.fakes.webhooks import FakeSecretBox
from tests.support.ministack import client


@pytest.fixture(params=["fake", "kms"])
def box(request: pytest.FixtureRequest) -> SecretBox:
    """Give a box of either kind."""
    if request.param == "fake":
        return FakeSecretBox()
    kms = client("kms", request.getfixturevalue("aws_url"))
    return KmsSecretBox(kms, kms.create_key()["KeyMetadata"]["KeyId"])


def test_a_sealed_secret_opens_again_and_is_not_readable_meanwhile(box: SecretBox) -> None:
    """Also a second time."""
    sealed = box.seal("whsec_secret", webhook_id="wh_1")

    assert b"whsec_secret" not in sealed
    assert [box.unseal(sealed, webhook_id="wh_1") for _ in range(2)] == ["whsec_secret"] * 2


def test_a_secret_opens_for_its_own_webhook_only(box: SecretBox) -> None:
    """A sealed secret copied into another row signs nothing, also after it was opened for its own."""
    sealed = box.seal("whsec_secret", webhook_id="wh_1")
    box.unseal(sealed, webhook_id="wh_1")

    with pytest.raises(StoreUnavailableError):
        box.unseal(sealed, webhook_id="wh_2")


@pytest.mark.parametrize(
    "ask",
    [
        lambda box: box.seal("whsec_secret", webhook_id="wh_1"),
        lambda box: box.unseal(b"sealed", webhook_id="wh_1"),
    ],
    ids=["seal", "unseal"],
)
def test_a_key_service_that_is_away_is_unavailable(ask: Callable[[SecretBox], object]) -> None:
    """The delivery comes again, the registration is refused; neither tells the secret."""
    away = KmsSecretBox(client("kms", f"http://{LOOPBACK}:{any_free_port()}"), "key")

    with pytest.raises(StoreUnavailableError) as unavailable:
        ask(away)

    assert "whsec" not in str(unavailable.value)
