"""What a deployment offers: enough to sign, and nothing that is only ours to know."""

from eth_account.messages import encode_typed_data

from ferryman.intents import KINDS
from ferryman.intents.payment import PAYMENT
from ferryman.services.offer import Offer
from tests.support.payments import CHAIN_ID, PAYER, address_of, chain_settings, payment_message, request_body

CHAIN = chain_settings()
OFFER = Offer(kinds=KINDS, chains={CHAIN_ID: CHAIN}, websocket_url="wss://socket.example/v1")


def test_a_message_signed_by_nothing_but_the_offer_is_a_payment_of_ours() -> None:
    """The domain and the members are those that acceptance recovers the signer with."""
    (chain,) = OFFER.public()["chains"]
    signing, message = chain["intents"]["payment"], payment_message()

    signable = encode_typed_data(signing["domain"], signing["types"], message)
    body = request_body(message, bytes(PAYER.sign_message(signable).signature))

    intent = PAYMENT.parse(body, {CHAIN_ID: CHAIN})
    assert signing["primary_type"] == "Payment"
    assert signing["path"] == PAYMENT.path
    assert intent.sender == address_of(PAYER)
    assert [member["name"] for member in signing["types"]["Payment"]] == list(message)


def test_deadlines_inside_the_offered_bounds_are_those_that_are_taken() -> None:
    """From now: as long as a transaction may need, to the end of the grace period less the margin."""
    (chain,) = OFFER.public()["chains"]

    assert chain["shortest_deadline_seconds"] == CHAIN.inclusion_seconds
    assert chain["longest_deadline_seconds"] == CHAIN.grace_seconds - CHAIN.withdrawal_margin_seconds
