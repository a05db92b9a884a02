"""Every kind of signed intent in the registry: what a kind inherits by being there."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_account.signers.local import LocalAccount

from ferryman.domain.errors import (
    BodyDiffersError,
    DeadlinePassedError,
    InsufficientFundsError,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TargetNotAllowedError,
    WrongSignerError,
)
from ferryman.domain.events import Step
from ferryman.domain.fees import Tier
from ferryman.domain.signatures import recover
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.intents import KINDS, SIGNED
from ferryman.intents.kind import SignedKind
from ferryman.ports import Funds
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.faults.messages import PROVEN
from tests.support.kinds import SAMPLE_KINDS, SampleKind
from tests.support.payments import DEADLINE, NOW_SECONDS, PAYER, STRANGER
from tests.support.template import ROOT

Body = dict[str, Any]
SAMPLES: Final = {
    name: json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8")) for name in SIGNED
}

LEFT_OUT: Final = [
    (kind_name, name, field.examples[0])
    for kind_name, kind in SIGNED.items()
    for name, field in kind.request_model.model_fields.items()
    if not field.is_required() and field.default is None and field.examples
]
"""Fields that a request may leave out, and that then say nothing."""


@dataclass(frozen=True, slots=True)
class Ours:
    """One kind in a small world, with a funded signer."""

    kind: SignedKind
    sample: SampleKind
    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock

    def post(self, body: Body) -> tuple[str, bool]:
        """Post a body; give the id and whether it is new."""
        accepted = self.world.ingest(self.kind.name, body)
        return accepted.transaction.transaction_id, accepted.is_new

    def id_of(self, body: Body) -> str:
        """Parse a body and give its id."""
        settings = self.sample.settings
        return self.kind.parse(body, {settings.chain_id: settings}).transaction_id

    def refuse(self, body: Body, error: type[RequestError]) -> RequestError:
        """Post what must be refused; nothing may come of it."""
        before = (len(self.world.rows()), self.world.reserved(), len(self.world.queue))
        with pytest.raises(error) as refused:
            self.post(body)
        assert (len(self.world.rows()), self.world.reserved(), len(self.world.queue)) == before
        assert (self.signer.signatures, self.chain.sends) == (0, 0)
        return refused.value


@pytest.fixture(params=list(SIGNED))
def ours(request: pytest.FixtureRequest) -> Ours:
    """Give each kind of the registry in turn."""
    return world_of(request.param, now_seconds=NOW_SECONDS)


def world_of(name: str, *, now_seconds: int, funded: LocalAccount | None = PAYER) -> Ours:
    """Build a world at a moment."""
    sample, clock, signer = SAMPLE_KINDS[name], FakeClock(now_seconds * 1000), FakeSigner([b"\x07" * 32])
    chain = FakeChain(sample.settings, clock)
    if funded and sample.fund:
        sample.fund(chain, funded)
    world = World(sample.settings, chain, signer, clock)
    return Ours(SIGNED[name], sample, world, chain, signer, clock)


# -- what a kind says of itself -----------------------------------------------------------------


def test_every_kind_can_be_signed_for_these_tests_and_for_the_proofs() -> None:
    """A kind without an entry would inherit nothing; what is taken in order has a proof of its own."""
    assert SAMPLE_KINDS.keys() == SIGNED.keys()
    assert PROVEN.keys() == {name for name, kind in KINDS.items() if kind.ordered is None}


def test_names_and_paths_are_each_of_one_kind() -> None:
    """A record names its kind; a route leads to one."""
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    paths = [kind.path for kind in KINDS.values()]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("/") for path in paths)


def test_every_step_has_a_public_event_of_the_kinds_name(ours: Ours) -> None:
    """A step without one could not be told."""
    assert ours.kind.events.keys() == set(Step)
    word = ours.kind.name.replace("-", "_")
    assert all(name.startswith(f"{word}_") for name in ours.kind.events.values())


def test_what_its_contract_refuses_for_good_has_a_reason_for_machines(ours: Ours) -> None:
    """Words, so that clients can branch; none of it passes, and what nobody knows is neither."""
    assert ours.sample.reverts
    for revert, reason in ours.sample.reverts.items():
        assert reason.isidentifier()
        assert ours.kind.permanent_reason(revert) == reason
        assert not ours.kind.is_passing(revert)
    for revert in (b"", b"\0", b"\xde\xad\xbe\xef"):
        assert ours.kind.permanent_reason(revert) is None
        assert not ours.kind.is_passing(revert)


def test_a_kind_is_offered_only_where_it_has_a_contract(ours: Ours) -> None:
    """With all that a wallet needs to sign."""
    signing = ours.kind.signing(ours.sample.settings)

    assert signing
    assert signing["primary_type"] in signing["types"]
    assert signing["domain"]["chainId"] == ours.sample.settings.chain_id
    assert signing["domain"] in signing["domains"].values()
    assert all(domain["verifyingContract"] == address for address, domain in signing["domains"].items())


# -- the sample ---------------------------------------------------------------------------------


def test_the_sample_is_accepted_an_hour_before_its_deadline(ours: Ours) -> None:
    """It parses, its signature is right, and it goes all the way."""
    body = SAMPLES[ours.kind.name]
    then = world_of(ours.kind.name, now_seconds=body[SAMPLE_KINDS[ours.kind.name].deadline] - 3_600)

    transaction_id, is_new = then.post(body)

    assert is_new
    then.world.settle()
    (row,) = then.world.rows()
    assert (row.transaction_id, row.status) == (transaction_id, Status.CONFIRMED)


def test_the_sample_is_a_body_of_the_kinds_model(ours: Ours) -> None:
    """Nothing more and nothing less than the fields there are."""
    known = {field.alias or name for name, field in ours.kind.request_model.model_fields.items()}

    assert SAMPLES[ours.kind.name].keys() <= known


# -- parse, id, round trip ----------------------------------------------------------------------


def test_what_is_stored_says_what_was_signed(ours: Ours) -> None:
    """The row alone gives the same message, id and call again: nothing else is kept."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    settings = ours.sample.settings
    sent = ours.kind.parse(json.loads(json.dumps(body)), {settings.chain_id: settings})

    ours.post(body)

    (row,) = ours.world.rows()
    terms = ours.kind.terms(sent.payload, settings, None)
    assert row.payload == {**sent.payload, **terms}
    assert ours.kind.to_call(row.payload) == ours.kind.to_call({**sent.payload, **terms})


def test_the_signer_of_a_parsed_message_is_its_sender(ours: Ours) -> None:
    """By the digest that is its id, unless two may sign the same."""
    settings = ours.sample.settings
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    intent = ours.kind.parse(body, {settings.chain_id: settings})

    assert recover(intent.digest, intent.signature) == intent.sender
    assert (intent.transaction_id == "0x" + intent.digest.hex()) is ours.sample.names_signer


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, sample in SAMPLE_KINDS.items() for field in sample.changes]
)
def test_every_signed_field_is_part_of_the_id(name: str, field: str) -> None:
    """Changed on the way, it is another message, which nobody signed."""
    ours = world_of(name, now_seconds=NOW_SECONDS)
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    changed = body | {field: ours.sample.changes[field]}

    error = ours.refuse(changed, RequestError)

    assert isinstance(error, WrongSignerError | InvalidFieldsError | TargetNotAllowedError)
    assert isinstance(error, WrongSignerError) or field in {one.field for one in error.problems}


@pytest.mark.parametrize("tier", list(Tier))
def test_the_priority_is_part_of_the_id_only_where_it_is_signed(ours: Ours, tier: Tier) -> None:
    """Else the same message with another one is the same record."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)

    other = ours.id_of(body | {ours.sample.priority: tier.value})

    is_signed = ours.sample.priority in ours.sample.changes
    assert (other == ours.id_of(body)) is (not is_signed or tier is Tier.NORMAL)


# -- wrong signer -------------------------------------------------------------------------------


def test_a_strangers_signature_is_refused(ours: Ours) -> None:
    """It says whose it is; nothing is stored, sent or signed."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    theirs = ours.sample.signed(by=STRANGER, deadline=DEADLINE)

    error = ours.refuse(body | {"signature": theirs["signature"]}, WrongSignerError)

    assert [problem.field for problem in error.problems] == ["signature"]


def test_a_signature_for_another_chain_is_refused(ours: Ours) -> None:
    """The same message, signed for a chain of another id."""
    other_id = ours.sample.settings.chain_id + 1
    elsewhere = ours.sample.settings.model_copy(update={"chain_id": other_id})
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)

    there = ours.kind.parse(body | {"chain_id": other_id}, {elsewhere.chain_id: elsewhere})

    assert there.transaction_id != ours.id_of(body)
    assert recover(there.digest, there.signature) != there.sender


# -- expiry -------------------------------------------------------------------------------------


def test_its_fee_can_be_asked_for_and_is_what_a_message_pays(ours: Ours) -> None:
    """The question names the same chain, token and payer that the message will spend from."""
    settings = ours.sample.settings
    asked = ours.kind.parse_quote(dict(ours.sample.quote), {settings.chain_id: settings})
    spent = ours.kind.reservation(
        ours.kind.parse(
            ours.sample.signed(by=PAYER, deadline=DEADLINE), {settings.chain_id: settings}
        ).payload
    )

    assert asked.spending == Funds(
        chain_id=spent.chain_id, escrow=spent.escrow, token=spent.token, payer=spent.payer
    )
    assert (asked.chain_id, asked.token, asked.tier) == (spent.chain_id, spent.token, Tier.FAST)


def test_a_message_pays_no_more_than_it_spends_and_fits_its_predicted_size(ours: Ours) -> None:
    """The fee is part of what is reserved; the size is what an OP-style chain's data fee rests on."""
    settings = ours.sample.settings
    payload = ours.kind.parse(
        ours.sample.signed(by=PAYER, deadline=DEADLINE), {settings.chain_id: settings}
    ).payload

    accepted = {**payload, **ours.kind.terms(payload, settings, None)}

    assert 0 <= ours.kind.fee(payload) <= ours.kind.reservation(payload).units
    assert ours.kind.reservation(payload).marker == ours.kind.marker(payload)
    assert len(ours.kind.to_call(accepted).data) == ours.kind.call_bytes


def test_a_question_for_its_fee_is_parsed_as_strictly_as_a_message(ours: Ours) -> None:
    """Unknown fields, foreign chains, and another kind's name."""
    settings = ours.sample.settings
    for change in ({"tip": "1"}, {"chain_id": settings.chain_id + 1}, {"kind": "other"}):
        with pytest.raises(InvalidFieldsError) as refused:
            ours.kind.parse_quote({**ours.sample.quote, **change}, {settings.chain_id: settings})
        assert {problem.field for problem in refused.value.problems} == set(change)


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_message_past_its_deadline_is_refused(ours: Ours, seconds: int) -> None:
    """Well signed and funded, and still too late."""
    error = ours.refuse(ours.sample.signed(by=PAYER, deadline=NOW_SECONDS + seconds), DeadlinePassedError)

    assert [problem.field for problem in error.problems] == [ours.sample.deadline]


@pytest.mark.parametrize("seconds", [1, 10**8])
def test_a_deadline_too_near_or_too_far_is_refused(ours: Ours, seconds: int) -> None:
    """Too near to be mined; so far that its funds could be withdrawn first."""
    error = ours.refuse(ours.sample.signed(by=PAYER, deadline=NOW_SECONDS + seconds), InvalidFieldsError)

    assert [problem.field for problem in error.problems] == [ours.sample.deadline]


# -- replay and idempotency ---------------------------------------------------------------------


def test_the_same_message_again_is_the_same_record(ours: Ours) -> None:
    """Before, while and after it is mined: one transaction, one reservation."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    first = ours.post(body)
    held = ours.world.reserved()

    again = ours.post(body)
    assert ours.world.reserved() == held
    ours.world.settle()
    afterwards = ours.post(body)
    ours.world.settle()

    assert first == (ours.id_of(body), True)
    assert again == afterwards == (ours.id_of(body), False)
    assert len(ours.chain.state.executed) == 1
    assert ours.world.reserved() == ours.world.held() == 0
    ours.world.check_events()


def test_a_repeat_after_the_deadline_is_still_its_record(ours: Ours) -> None:
    """A client that lost the answer asks later."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    ours.post(body)
    ours.world.settle()

    ours.clock.sleep(Milliseconds((DEADLINE - NOW_SECONDS + 60) * 1000))

    assert ours.post(body) == (ours.id_of(body), False)


def test_the_same_message_with_another_body_is_refused(ours: Ours) -> None:
    """409, and the field that differs."""
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    ours.post(body)

    error = ours.refuse({**body, **ours.sample.unsigned}, BodyDiffersError)

    assert {problem.field.split(".")[0] for problem in error.problems} == ours.sample.unsigned.keys()


@pytest.mark.parametrize(("name", "field", "said"), LEFT_OUT)
@pytest.mark.parametrize("is_first", [True, False])
def test_what_one_of_two_bodies_leaves_out_differs(
    name: str, field: str, said: object, *, is_first: bool
) -> None:
    """Whether the first or the second says it: what was asked for is not the same."""
    ours = world_of(name, now_seconds=NOW_SECONDS)
    body = ours.sample.signed(by=PAYER, deadline=DEADLINE)
    more = body | {field: said}
    ours.post(more if is_first else body)

    error = ours.refuse(body if is_first else more, BodyDiffersError)

    assert [problem.field for problem in error.problems] == [field]
    assert ours.post(more if is_first else body) == (ours.id_of(body), False)


def test_what_a_payload_has_besides_what_was_sent_is_named(ours: Ours) -> None:
    """A repeat is compared by what clients say: neither by our settings, nor by what acceptance fixed."""
    ours.post(ours.sample.signed(by=PAYER, deadline=DEADLINE))

    fields = ours.kind.request_model.model_fields.items()
    sent = {field.alias or name for name, field in fields}
    (row,) = ours.world.rows()
    added = {name for name in row.payload if name.split(".")[0] not in sent}
    assert added <= ours.kind.added
    assert not sent & ours.kind.added


def test_another_message_with_the_same_nonce_is_refused(ours: Ours) -> None:
    """The chain would execute one of them; which, nobody may choose afterwards."""
    ours.post(ours.sample.signed(by=PAYER, deadline=DEADLINE))

    error = ours.refuse(ours.sample.signed(by=PAYER, deadline=DEADLINE + 1), NonceUsedError)

    assert [problem.field for problem in error.problems] == ["nonce"]


def test_the_same_nonce_of_another_signer_is_another_nonce(ours: Ours) -> None:
    """Nobody can use up somebody else's."""
    if ours.sample.fund:
        ours.sample.fund(ours.chain, STRANGER)

    ids = {ours.post(ours.sample.signed(by=account, deadline=DEADLINE)) for account in (PAYER, STRANGER)}

    assert len(ids) == 2
    assert all(is_new for _, is_new in ids)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLE_KINDS.items() if sample.fund])
def test_a_message_without_funds_is_refused(name: str) -> None:
    """402, at no cost: no gas, and no signature of ours."""
    ours = world_of(name, now_seconds=NOW_SECONDS)

    body = ours.sample.signed(by=STRANGER, deadline=DEADLINE)
    error = ours.refuse(body, InsufficientFundsError)

    assert [problem.field in body for problem in error.problems] == [True]
