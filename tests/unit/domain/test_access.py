"""Callers and their roles."""

import pytest

from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.units import Address

ALICE, BOB = Address("0x" + "a" * 40), Address("0x" + "b" * 40)


@pytest.mark.parametrize(
    ("role", "included"),
    [
        (Role.READER, {Role.READER}),
        (Role.SERVICE, {Role.READER, Role.SERVICE}),
        (Role.ADMIN, {Role.READER, Role.SERVICE, Role.ADMIN}),
    ],
)
def test_a_role_may_do_what_the_lower_ones_may(role: Role, included: set[Role]) -> None:
    """Roles form a ladder."""
    caller = Caller(name="key:1", role=role)

    assert {other for other in Role if caller.has(other)} == included


def test_an_account_reads_its_own_list_and_no_other() -> None:
    """A sign-in proves one address."""
    caller = Caller(name=f"address:{ALICE}", address=ALICE)

    assert caller.may_read(ALICE)
    assert not caller.may_read(BOB)
    assert not caller.has(Role.READER)


def test_a_reader_reads_every_list_and_the_anonymous_none() -> None:
    """An API key is not bound to a sender."""
    assert Caller(name="key:1", role=Role.READER).may_read(ALICE)
    assert not ANONYMOUS.may_read(ALICE)


def test_a_caller_tells_the_id_of_its_key_and_of_nothing_else() -> None:
    """API Gateway counts a key's calls by it; who signed in is counted together."""
    assert Caller(name="key:0a1b", role=Role.READER).key_id == "0a1b"
    assert Caller(name=f"address:{ALICE}", address=ALICE).key_id is None
    assert ANONYMOUS.key_id is None
