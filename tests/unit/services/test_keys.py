"""API keys: made, listed, revoked."""

import pytest

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.domain.access import Role
from ferryman.domain.errors import InvalidFieldsError, NotFoundError, StoreUnavailableError
from ferryman.domain.units import Milliseconds
from ferryman.services.authorizer import Authorizer
from ferryman.services.keys import Keys
from tests.fakes.clock import FakeClock
from tests.fakes.plans import FakeUsagePlans
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog

ME = "arn:aws:iam::123456789012:user/ada"


class Office:
    """The services that deal with keys, over tables in memory."""

    def __init__(self) -> None:
        self.tables, self.clock, self.log = MemoryTables(), FakeClock(), FakeLog()
        self.plans = FakeUsagePlans()
        access = DynamoAccess(self.tables)
        self.keys = Keys(access=access, plans=self.plans, clock=self.clock, log=self.log)
        self.door = Authorizer(access=access, clock=self.clock)


def test_a_new_key_works_and_is_counted_under_the_plan_of_its_role() -> None:
    """From the moment it is shown."""
    office = Office()

    made = office.keys.create({"name": "Shop of Ada", "role": "service"}, by=ME)

    caller = office.door.request(token=None, api_key=made["key"])
    assert caller.has(Role.SERVICE)
    assert caller.key_id == made["key_id"]
    assert office.plans.roles == {made["key_id"]: Role.SERVICE}


def test_a_key_is_shown_once_and_kept_nowhere() -> None:
    """Neither in the table, nor in the list, nor in the log."""
    office = Office()

    text = office.keys.create({"name": "Ada", "role": "reader"}, by=ME)["key"]

    *_, secret = text.split("_", 2)  # which may have more of them
    assert secret not in str(office.tables.items)
    assert secret not in str(office.keys.list())
    assert secret not in str(office.log.lines)
    assert secret not in str(office.plans.roles)


def test_keys_are_listed_the_oldest_first_the_revoked_ones_too() -> None:
    """An operator sees who had access."""
    office, made = Office(), []
    for name in ("one", "two", "three"):
        made.append(office.keys.create({"name": name, "role": "reader"}, by=ME))
        office.clock.sleep(Milliseconds(1_000))
    office.keys.revoke(made[1]["key_id"], by=ME)

    listed = office.keys.list()

    assert [key["name"] for key in listed] == ["one", "two", "three"]
    assert [key["revoked_at"] is None for key in listed] == [True, False, True]
    assert [{name: key[name] for name in listed[0]} for key in made[::2]] == listed[::2]


def test_revoking_twice_is_no_mistake_and_the_first_moment_stays() -> None:
    """The other keys of the name are left alone."""
    office = Office()
    made, other = (office.keys.create({"name": "Ada", "role": "reader"}, by=ME) for _ in range(2))

    first = office.keys.revoke(made["key_id"], by=ME)
    office.clock.sleep(Milliseconds(5_000))
    again = office.keys.revoke(made["key_id"], by=ME)

    assert first == again
    assert first["revoked_at"]
    assert office.plans.roles.keys() == {other["key_id"]}
    assert office.door.request(token=None, api_key=other["key"])


def test_a_revocation_that_the_gateway_did_not_take_counts_here_and_can_be_said_again() -> None:
    """The authorizer refuses the key from the first moment on."""
    office = Office()
    made = office.keys.create({"name": "Ada", "role": "reader"}, by=ME)
    office.plans.is_away = True

    with pytest.raises(StoreUnavailableError):
        office.keys.revoke(made["key_id"], by=ME)

    assert office.keys.list()[0]["revoked_at"]
    office.plans.is_away = False
    office.keys.revoke(made["key_id"], by=ME)
    assert not office.plans.roles


def test_a_key_that_the_gateway_does_not_count_is_not_made() -> None:
    """It would be refused at the door."""
    office = Office()
    office.plans.is_away = True

    with pytest.raises(StoreUnavailableError):
        office.keys.create({"name": "Ada", "role": "reader"}, by=ME)

    assert office.keys.list() == []


@pytest.mark.parametrize("name", [None, 1, ["a"], "", " ", "-x", "x" * 65, "a\nb", "é", "<b>"])
def test_a_name_that_would_spoil_a_list_is_refused(name: object) -> None:
    """The field and the rule are named."""
    with pytest.raises(InvalidFieldsError) as refused:
        Office().keys.create({"name": name, "role": "reader"}, by=ME)

    assert [problem.field for problem in refused.value.problems] == ["name"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    """And the roles there are."""
    with pytest.raises(InvalidFieldsError) as refused:
        Office().keys.create({"name": "", "role": "root", "key": "mine"}, by=ME)

    assert [problem.field for problem in refused.value.problems] == ["key", "name", "role"]
    assert "reader, service, admin" in refused.value.problems[2].reason


@pytest.mark.parametrize("key_id", ["", "0" * 24, "x" * 24, "0" * 10_000])
def test_a_key_that_is_not_there_cannot_be_revoked(key_id: str) -> None:
    """404, whatever it looks like."""
    with pytest.raises(NotFoundError):
        Office().keys.revoke(key_id, by=ME)
