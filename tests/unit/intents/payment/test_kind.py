"""The kind `payment`: its time limits, its judgement of the chain's answers, its signers."""

from collections.abc import Callable

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.errors import DeadlinePassedError, InvalidFieldsError, NonceUsedError
from ferryman.domain.events import Step
from ferryman.domain.signatures import CURVE_ORDER, SignatureFormatError, recover
from ferryman.domain.units import Instant, Seconds, TokenUnits
from ferryman.intents.kind import SignedIntent
from ferryman.intents.payment import PAYMENT, escrow
from ferryman.ports import Depth
from tests.support.payments import (
    CHAIN_ID,
    ESCROW,
    PAYER,
    STRANGER,
    TOKEN,
    address_of,
    chain_settings,
    payment_message,
    request_body,
    signature_of,
    signed_request,
)
from tests.support.strategies import addresses

SETTINGS = chain_settings(inclusion_seconds=30, grace_seconds=86_400, withdrawal_margin_seconds=3_600)
NOW = 1_700_000_000
PAYLOAD = PAYMENT.parse(signed_request(amount=900, fee=100), {CHAIN_ID: SETTINGS}).payload
STATE = ["uint256", "uint256", "uint256", "bool", "uint256"]
DOMAIN = ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]


def intent(**members: object) -> SignedIntent:
    """Parse a really signed payment."""
    return PAYMENT.parse(signed_request(**members), {CHAIN_ID: SETTINGS})  # type: ignore[arg-type]


def check(deadline: int) -> None:
    """Check a deadline at NOW."""
    PAYMENT.check_time(intent(deadline=deadline), SETTINGS, Instant(NOW * 1000))


def state(
    balance: int, *, pending: int = 0, is_used: bool = False, invalid_from: int = 0, claimable_at: int = 0
) -> bytes:
    """Encode the escrow's answer to paymentState."""
    return encode(STATE, [balance, pending, claimable_at, is_used, invalid_from])


# -- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-86_400, -1, 0])
def test_a_deadline_that_has_passed_is_gone(seconds: int) -> None:
    """The contract refuses at the deadline plus one; nothing sent now is mined by then."""
    with pytest.raises(DeadlinePassedError) as refused:
        check(NOW + seconds)

    (problem,) = refused.value.problems
    assert problem.field == "deadline"
    assert str(NOW + SETTINGS.inclusion_seconds) in problem.reason
    assert "has passed" in refused.value.detail


@pytest.mark.parametrize("seconds", [1, 29])
def test_a_deadline_too_near_to_be_mined_is_refused(seconds: int) -> None:
    """One second short of the time that inclusion may take is too short."""
    with pytest.raises(InvalidFieldsError, match="too near") as refused:
        check(NOW + seconds)

    (problem,) = refused.value.problems
    assert problem.field == "deadline"
    assert str(NOW + 30) in problem.reason


@pytest.mark.parametrize("seconds", [30, 31, 3_600, 82_799, 82_800])
def test_a_deadline_between_both_bounds_is_taken(seconds: int) -> None:
    """Both bounds included: now + inclusion, and now + grace - margin."""
    check(NOW + seconds)


@pytest.mark.parametrize("seconds", [82_801, 86_400, 10**9])
def test_a_deadline_that_a_withdrawal_could_overtake_is_refused(seconds: int) -> None:
    """One second beyond grace less margin, and the payer could have the funds out first."""
    with pytest.raises(InvalidFieldsError, match="too far") as refused:
        check(NOW + seconds)

    (problem,) = refused.value.problems
    assert problem.field == "deadline"
    assert str(NOW + 82_800) in problem.reason


@given(seconds=st.integers(-100, 90_000), milliseconds=st.integers(0, 999))
def test_parts_of_a_second_change_nothing(seconds: int, milliseconds: int) -> None:
    """The chain counts whole seconds, and so do we."""

    def outcome(now: int) -> type[Exception] | None:
        try:
            PAYMENT.check_time(intent(deadline=NOW + seconds), SETTINGS, Instant(now))
        except (DeadlinePassedError, InvalidFieldsError) as error:
            return type(error)
        return None

    assert outcome(NOW * 1000 + milliseconds) is outcome(NOW * 1000)


# -- funds and nonces ---------------------------------------------------------------------------


@given(
    deep=st.integers(0, 10**36),
    newest=st.integers(0, 10**36),
    pending=st.tuples(st.integers(0, 10**36), st.integers(0, 10**36)),
)
def test_room_is_the_deep_balance_less_the_larger_withdrawal_less_the_payment(
    deep: int, newest: int, pending: tuple[int, int]
) -> None:
    """Section 5: the newest balance never helps, the newest withdrawal always counts."""
    answers = (state(deep, pending=pending[0]), state(newest, pending=pending[1]))

    assert PAYMENT.assess(PAYLOAD, answers) == deep - max(pending) - 1_000


@pytest.mark.parametrize("is_deep", [True, False])
def test_a_nonce_used_on_chain_is_refused(*, is_deep: bool) -> None:
    """Also when only the newest block has it: that payment is on its way to being deep."""
    answers = (state(5_000, is_used=is_deep), state(5_000, is_used=not is_deep))

    with pytest.raises(NonceUsedError) as refused:
        PAYMENT.assess(PAYLOAD, answers)

    assert [problem.field for problem in refused.value.problems] == ["nonce"]


def test_a_nonce_under_invalidation_is_refused_before_it_takes_effect() -> None:
    """It may take effect before the payment is mined."""
    with pytest.raises(NonceUsedError, match="invalidate"):
        PAYMENT.assess(PAYLOAD, (state(5_000), state(5_000, invalid_from=2**40)))


def test_state_is_read_deep_and_at_the_head() -> None:
    """Two readings of one view, of the escrow we are configured for."""
    reads = PAYMENT.state_reads(PAYLOAD)

    assert [(read.to, read.depth) for read in reads] == [(ESCROW, Depth.CONFIRMED), (ESCROW, Depth.HEAD)]
    assert reads[0].data == reads[1].data


def test_amount_and_fee_are_reserved_for_the_payer() -> None:
    """Both leave the payer's balance on chain."""
    reservation = PAYMENT.reservation(PAYLOAD)

    assert reservation.units == 1_000
    assert (reservation.payer, reservation.token, reservation.escrow, reservation.chain_id) == (
        address_of(PAYER),
        TOKEN,
        ESCROW,
        CHAIN_ID,
    )


def test_the_marker_is_the_payers_nonce_at_the_escrow() -> None:
    """Another payer, nonce, contract or chain is another marker."""
    marker = PAYMENT.marker(PAYLOAD)

    assert (marker.signer, marker.nonce, marker.contract, marker.chain_id) == (
        address_of(PAYER),
        "7",
        ESCROW,
        CHAIN_ID,
    )


# -- the contract -------------------------------------------------------------------------------


def domain_answer(**changes: object) -> bytes:
    """Encode the escrow's answer to eip712Domain."""
    values = {
        "name": "AION PaymentEscrow",
        "version": "1",
        "chain_id": CHAIN_ID,
        "contract": ESCROW,
    } | changes
    return encode(DOMAIN, [b"\x0f", *values.values(), b"\0" * 32, []])


def grace(seconds: int) -> bytes:
    """Encode the escrow's answer to gracePeriod."""
    return encode(["uint256"], [seconds])


@pytest.mark.parametrize("seconds", [86_400, 86_401, 10**9])
def test_our_contract_has_our_domain_and_at_least_our_grace_period(seconds: int) -> None:
    """A longer grace period on chain only makes acceptance safer."""
    assert PAYMENT.is_our_contract([domain_answer(), grace(seconds)], SETTINGS)


@pytest.mark.parametrize(
    "answers",
    [
        [domain_answer(name="Another Escrow"), grace(86_400)],
        [domain_answer(version="2"), grace(86_400)],
        [domain_answer(chain_id=1), grace(86_400)],
        [domain_answer(contract=TOKEN), grace(86_400)],
        [domain_answer(), grace(86_399)],
        [b"", b""],
        [domain_answer(), b""],
        [b"\xff" * 64, grace(86_400)],
    ],
    ids=["name", "version", "chain", "contract", "grace", "no contract", "half", "garbage"],
)
def test_a_contract_that_differs_is_not_ours(answers: list[bytes]) -> None:
    """Whatever we accepted under its domain could never be executed."""
    assert not PAYMENT.is_our_contract(answers, SETTINGS)


def test_both_questions_go_to_the_configured_escrow() -> None:
    """The request never says which contract."""
    assert {read.to for read in PAYMENT.contract_reads(SETTINGS)} == {ESCROW}


def test_every_step_has_a_public_name() -> None:
    """The five of the issue, and those between."""
    assert PAYMENT.events.keys() == set(Step)
    assert set(PAYMENT.events.values()) >= {
        "payment_accepted",
        "payment_pending",
        "payment_included",
        "payment_confirmed",
        "payment_failed",
    }


# -- signatures ---------------------------------------------------------------------------------


def altered(change: Callable[[int, int, int], bytes]) -> bytes:
    """Take the payer's signature apart and put it together otherwise."""
    raw = signature_of(payment_message())
    return change(int.from_bytes(raw[:32]), int.from_bytes(raw[32:64]), raw[64])


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (altered(lambda r, s, v: (r.to_bytes(32) + s.to_bytes(32) + bytes([v]))[:64]), "65 bytes"),
        (altered(lambda r, s, v: r.to_bytes(32) + s.to_bytes(32) + bytes([v, 0])), "65 bytes"),
        (altered(lambda r, s, v: r.to_bytes(32) + (CURVE_ORDER - s).to_bytes(32) + bytes([55 - v])), "lower"),
        (altered(lambda r, s, v: r.to_bytes(32) + s.to_bytes(32) + bytes([v - 27])), "27 or 28"),
    ],
    ids=["short", "long", "high s", "wrong v"],
)
def test_a_malformed_signature_says_what_is_wrong_with_it(signature: bytes, reason: str) -> None:
    """Each parses, since a contract wallet may sign anything; as a key's signature it is refused."""
    parsed = PAYMENT.parse(request_body(payment_message(), signature), {CHAIN_ID: SETTINGS})

    with pytest.raises(SignatureFormatError, match=reason):
        recover(parsed.digest, parsed.signature)


@pytest.mark.parametrize(
    "signature",
    [
        signature_of(payment_message(), by=STRANGER),
        signature_of(payment_message(), chain_id=1),
        signature_of(payment_message(), escrow=TOKEN),
        signature_of(payment_message(amount=1_000_001)),
    ],
    ids=["a stranger's", "for another chain", "for another contract", "of another amount"],
)
def test_a_signature_of_something_else_is_by_somebody_else(signature: bytes) -> None:
    """The digest is made of our configuration, so what was signed elsewhere recovers to a stranger."""
    parsed = PAYMENT.parse(request_body(payment_message(), signature), {CHAIN_ID: SETTINGS})

    assert recover(parsed.digest, parsed.signature) != parsed.sender


@given(contract=addresses)
def test_two_escrows_never_share_an_id(contract: str) -> None:
    """A deployment that moves to a new escrow starts with new ids, though it caches separators."""
    if contract == ESCROW:
        return
    elsewhere = chain_settings(escrow=contract)

    body = signed_request()

    one = PAYMENT.parse(body, {CHAIN_ID: SETTINGS}).transaction_id
    other = PAYMENT.parse(body, {CHAIN_ID: elsewhere}).transaction_id
    assert one != other


def test_the_answer_to_payment_state_is_read_member_by_member() -> None:
    """In the order of the contract's return values."""
    answer = state(5, pending=4, claimable_at=3, is_used=True, invalid_from=2)

    assert escrow.payment_state(answer) == escrow.PaymentState(
        balance=TokenUnits(5),
        pending_withdrawal=TokenUnits(4),
        is_nonce_used=True,
        invalidation_effective_at=Seconds(2),
    )
