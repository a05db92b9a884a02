"""The model: clients, processes, a chain and AWS do what they may, in any order, for a while."""

import random
from collections import Counter
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.domain.fees import FeeModel
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.units import Milliseconds, Wei
from ferryman.intents.forward_request import FORWARD_REQUEST
from tests.faults.messages import PROVEN, forward_request, message
from tests.faults.model.chain import OF_ANY, Lie
from tests.faults.model.deployment import LOCKED, TARGET_GAS, Deployment, Posted
from tests.faults.model.end import check_end, check_ledgers
from tests.faults.model.weather import Mishap

FAR_SECONDS: Final = 50_000
"""A deadline that no run reaches."""
NEAR_SECONDS: Final = 45
LATER_SECONDS: Final = 600
"""For what may wait for what nobody ever posts."""
ENOUGH_GAS: Final = 100_000
SMALL: Final = 20_000
"""Units of which a payer can afford many."""

Shape = dict[str, Any]
ALONE: Final[Shape] = {"batch_size": 0}
"""Each message has its own transaction."""
TOGETHER: Final[Shape] = {"batch_min": 2, "batch_size": 3}
"""Payments, or settlements, share transactions whenever two are ready."""

processes = st.integers(0, 1)
orders = st.randoms(use_true_random=False)


class Ferryman(RuleBasedStateMachine):
    """Rules of what may happen; afterwards everything heals, and all invariants hold."""

    shape: ClassVar[Shape] = ALONE
    tried: ClassVar[Counter[str]] = Counter()
    """What came to pass in all lives so far."""
    deployment: Deployment

    @initialize(
        wallets=st.integers(1, 2),
        endpoints=st.integers(1, 2),
        skew_ms=st.sampled_from([-3_000, 0, 3_000]),
        chosen=st.fixed_dictionaries(
            {
                "required_confirmations": st.integers(1, 3),
                "window": st.sampled_from([1, 2, 16]),
                "fee_model": st.sampled_from(FeeModel),
                "bump_after_blocks": st.sampled_from([1, 10]),
                "bump_after_seconds": st.sampled_from([0, 30]),
            }
        ),
    )
    def deploy(self, wallets: int, endpoints: int, skew_ms: int, chosen: Shape) -> None:
        """Begin with payers who have paid once."""
        settings = self.shape | chosen
        self.deployment = Deployment(skew_ms=skew_ms, wallets=wallets, endpoints=endpoints, settings=settings)
        for payer in range(len(self.deployment.payers)):
            self.post(0, payer, "payment", SMALL, is_urgent=False, seconds=FAR_SECONDS)

    def teardown(self) -> None:
        """Let everything heal and come to its end."""
        if hasattr(self, "deployment"):
            self.deployment.come_to_rest()
            check_end(self.deployment)
            self.tried["lives"] += 1
            self.tried.update(self.deployment.tally())

    # -- clients ------------------------------------------------------------------------------

    @rule(
        process=processes,
        payer=st.integers(0, 2),
        kind=st.sampled_from(["payment", "payment", *PROVEN]),
        units=st.sampled_from([SMALL, LOCKED // 3]),
        is_urgent=st.booleans(),
        seconds=st.sampled_from([FAR_SECONDS, FAR_SECONDS, FAR_SECONDS, NEAR_SECONDS]),
    )
    def post(self, process: int, payer: int, kind: str, units: int, *, is_urgent: bool, seconds: int) -> None:
        """A client posts a message of some kind."""
        deadline = self.deployment.clock.now() // 1000 + seconds
        priority = "fast" if is_urgent else "normal"
        signer = self.deployment.payers[payer]
        posted = Posted(message(kind, signer, units, deadline=deadline, priority=priority))
        self.deployment.posted.append(posted)
        self.deployment.post(posted, process=process)

    @rule(
        process=processes,
        payer=st.integers(0, 2),
        kind=st.sampled_from([*PROVEN, FORWARD_REQUEST.name]),
        count=st.integers(2, 6),
    )
    def post_many(self, process: int, payer: int, kind: str, count: int) -> None:
        """A client posts several messages at once."""
        if kind == FORWARD_REQUEST.name:
            self.forward(process, payer, [0] * count, ENOUGH_GAS, LATER_SECONDS)
            return
        for _ in range(count):
            self.post(process, payer, kind, SMALL, is_urgent=False, seconds=FAR_SECONDS)

    @rule(
        process=processes,
        payer=st.integers(0, 2),
        ahead=st.sampled_from([[0], [0], [0, 0], [0, 0, 0], [1, 0], [2], [-1]]),
        gas=st.sampled_from([ENOUGH_GAS, ENOUGH_GAS, ENOUGH_GAS, TARGET_GAS - 1]),
        seconds=st.sampled_from([LATER_SECONDS, LATER_SECONDS, NEAR_SECONDS]),
    )
    def forward(self, process: int, payer: int, ahead: list[int], gas: int, seconds: int) -> None:
        """A client posts forward requests, by the nonce that comes next or not."""
        deadline, signer = self.deployment.clock.now() // 1000 + seconds, self.deployment.payers[payer]
        for by in ahead:
            nonce = max(self.deployment.next_turn(signer) + by, 0)
            posted = Posted(forward_request(signer, nonce, gas=gas, deadline=deadline))
            self.deployment.posted.append(posted)
            self.deployment.post(posted, process=process)

    @precondition(lambda self: self.deployment.posted)
    @rule(process=processes, which=st.integers(0, 1_000))
    def post_again(self, process: int, which: int) -> None:
        """A client did not see an answer, or does not believe it."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        self.deployment.post(posted, process=process)

    @rule(payer=st.integers(0, 2), asks=st.booleans())
    def ask_for_a_withdrawal(self, payer: int, *, asks: bool) -> None:
        """A payer wants its money back, or changes its mind."""
        address = self.deployment.payers[payer].address
        units = LOCKED if asks else 0
        self.deployment.chain.request_withdrawal(self.deployment.settings.tokens[0], address, units)

    # -- processes ----------------------------------------------------------------------------

    @rule(process=processes, seconds=st.integers(1, 6))
    def go_about(self, process: int, seconds: int) -> None:
        """A while in which everything runs as it should, but for what is planned."""
        for _ in range(seconds):
            self.deployment.deliver(process)
            self.deployment.follow(process, run_ms=3_000)
            self.deployment.clock.sleep(Milliseconds(1_000))

    @rule(process=processes, is_slow=st.booleans())
    def deliver(self, process: int, *, is_slow: bool) -> None:
        """SQS hands a batch to submit."""
        self.deployment.deliver(process, is_slow=is_slow)

    @rule(process=processes, run_ms=st.sampled_from([0, 3_000, 8_000]))
    def follow(self, process: int, run_ms: int) -> None:
        """The schedule runs confirm."""
        self.deployment.follow(process, run_ms=run_ms)

    @rule(process=processes)
    def watch(self, process: int) -> None:
        """The schedule runs watch."""
        self.deployment.run(process, lambda world: world.watch_once())

    @rule(process=processes)
    def tell(self, process: int) -> None:
        """The stream hands events to notify."""
        self.deployment.tell(process)

    @rule(process=processes)
    def finish_dead_letters(self, process: int) -> None:
        """SQS hands what was given up to deadletter."""
        self.deployment.finish_dead(process)

    @precondition(lambda self: self.deployment.posted)
    @rule(process=processes, which=st.integers(0, 1_000))
    def retry_by_hand(self, process: int, which: int) -> None:
        """An operator is impatient."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        if posted.transaction_id:
            self.deployment.retry(process, posted.transaction_id)

    @rule(is_paused=st.booleans())
    def pause(self, *, is_paused: bool) -> None:
        """An operator pauses the chain, or resumes it."""
        store, scope = DynamoPauses(self.deployment.tables), Scope(chain_id=self.deployment.settings.chain_id)
        if is_paused:
            store.put(Pause(scope=scope, by="the model", note="", since=self.deployment.clock.now()))
        else:
            store.lift(scope)

    # -- time and weather ---------------------------------------------------------------------

    @rule(pause_ms=st.sampled_from([200, 1_000, 5_000, 16_000, 70_000]))
    def wait(self, pause_ms: int) -> None:
        """Time passes."""
        self.deployment.clock.sleep(Milliseconds(pause_ms))

    @rule(mishap=st.sampled_from(Mishap), calls_ahead=st.integers(1, 12))
    def plan(self, mishap: Mishap, calls_ahead: int) -> None:
        """Something goes wrong at one of the next port calls."""
        self.deployment.weather.plan(mishap, calls_ahead=calls_ahead)

    @rule(mishaps=st.lists(st.tuples(st.sampled_from(Mishap), st.integers(1, 8)), min_size=2, max_size=8))
    def storm(self, mishaps: list[tuple[Mishap, int]]) -> None:
        """One thing after another goes wrong, a few port calls apart."""
        calls_ahead = 0
        for mishap, gap in mishaps:
            calls_ahead += gap
            self.deployment.weather.plan(mishap, calls_ahead=calls_ahead)

    @rule(port=st.sampled_from(["tables", "chain", "signer", "queue"]), calls=st.integers(1, 12))
    def cut_off(self, port: str, calls: int) -> None:
        """A port is throttled, or away, for several calls."""
        self.deployment.weather.cut_off(port, calls=calls)

    @rule(order=orders, fate=st.sampled_from(["lost", "doubled", "shuffled"]))
    def disturb_the_queue(self, order: random.Random, fate: str) -> None:
        """Messages are hints."""
        match fate:
            case "lost":
                self.deployment.queue.lose()
            case "doubled":
                self.deployment.queue.double()
            case "shuffled":
                self.deployment.queue.shuffle(order)

    @rule(stand_still=st.booleans())
    def disturb_the_indexes(self, *, stand_still: bool) -> None:
        """Indexes lag, or catch up."""
        if stand_still:
            self.deployment.tables.freeze_indexes()
        else:
            self.deployment.tables.thaw_indexes()

    # -- the chain ----------------------------------------------------------------------------

    @rule(is_reachable=st.booleans(), forgets=st.booleans())
    def restart_the_node(self, *, is_reachable: bool, forgets: bool) -> None:
        """The node goes away or comes back, without what was not mined."""
        self.deployment.chain.is_reachable = is_reachable
        if forgets:
            self.deployment.chain.forget()

    @rule(is_mining=st.booleans())
    def halt_the_chain(self, *, is_mining: bool) -> None:
        """No block for a while; then all those that are due at once."""
        self.deployment.chain.is_mining = is_mining

    @rule(order=orders)
    def evict(self, order: random.Random) -> None:
        """The network drops what it has not mined."""
        self.deployment.evict(order)

    @rule(depth=st.integers(1, 4), forgets=st.booleans())
    def reorganise(self, depth: int, *, forgets: bool) -> None:
        """The newest blocks are replaced."""
        self.deployment.reorganise(depth, forgets=forgets)

    @rule(
        endpoint=st.integers(0, 1),
        lie=st.none() | st.sampled_from(Lie),
        blocks_behind=st.sampled_from([0, 0, 1, 3]),
    )
    def mislead(self, endpoint: int, lie: Lie | None, blocks_behind: int) -> None:
        """The endpoint that answers lies, or is behind; or all tell the truth again."""
        chain = self.deployment.chain
        if len(chain.endpoints) == 1 and lie not in OF_ANY:
            lie = None
        chain.mislead(endpoint, lie, blocks_behind=blocks_behind)

    @rule(base_fee=st.sampled_from([10**8, 10**9, 3 * 10**9, 10**10, 4 * 10**11, 10**12]))
    def move_the_market(self, base_fee: int) -> None:
        """Blocks cost more, or less; more than we ever pay, perhaps."""
        self.deployment.chain.base_fee = Wei(base_fee)

    @rule(is_paused=st.booleans())
    def pause_the_contracts(self, *, is_paused: bool) -> None:
        """Their owners pause escrow, token and relay."""
        self.deployment.chain.is_paused = is_paused
        self.deployment.contracts_were_paused |= is_paused

    @precondition(lambda self: self.deployment.posted)
    @rule(which=st.integers(0, 1_000), all_revert=st.booleans())
    def spoil_batches(self, which: int, *, all_revert: bool) -> None:
        """A payment fails in company, or all company does."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        self.deployment.chain.left_out.add(posted.message.key)
        self.deployment.chain.batches_revert = all_revert

    @rule(wallet=st.integers(0, 1), coins=st.sampled_from([0, 10**14, 10**18]))
    def change_coins(self, wallet: int, coins: int) -> None:
        """A wallet runs dry, or nearly so, or is funded."""
        keys = self.deployment.signer.wallets()
        self.deployment.chain.coins[keys[wallet % len(keys)]] = Wei(coins)

    @rule(wallet=st.integers(0, 1), ahead=st.integers(0, 2))
    def lend_a_key(self, wallet: int, ahead: int) -> None:
        """A stranger has a wallet's key, and uses one of its next nonces as soon as it can."""
        self.deployment.lend_key(wallet, ahead=ahead)

    @precondition(lambda self: self.deployment.posted)
    @rule(which=st.integers(0, 1_000))
    def refuse(self, which: int) -> None:
        """No node takes the bytes of a payment, from now on."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        self.deployment.chain.refused.add(posted.message.key)

    @precondition(lambda self: self.deployment.posted)
    @rule(which=st.integers(0, 1_000))
    def fail(self, which: int) -> None:
        """A message reverts when it is mined, from now on, though its simulations go through."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        self.deployment.chain.failing.add(posted.message.key)

    @precondition(lambda self: self.deployment.posted)
    @rule(which=st.integers(0, 1_000))
    def overtake(self, which: int) -> None:
        """A stranger sends what anybody may, as soon as it is seen on its way."""
        posted = self.deployment.posted[which % len(self.deployment.posted)]
        if posted.message.kind in {"settlement", "permit-transfer", FORWARD_REQUEST.name}:
            self.deployment.chain.overtaken.add(posted.message.key)

    @rule(payer=st.integers(0, 2))
    def give_away(self, payer: int) -> None:
        """A payer has a stranger forward another request of the nonce that comes next."""
        deadline = self.deployment.clock.now() // 1000 + LATER_SECONDS
        self.deployment.give_away(self.deployment.payers[payer], deadline=deadline)

    @rule(reverts=st.booleans())
    def break_the_target(self, *, reverts: bool) -> None:
        """The target of forward requests takes no calls for a while."""
        assert self.deployment.chain.forwarding
        self.deployment.chain.forwarding.target_reverts = reverts
        self.deployment.targets_were_broken |= reverts

    # -- always -------------------------------------------------------------------------------

    @invariant()
    def what_is_reserved_is_what_is_open(self) -> None:
        """At every moment, also between the steps of a process that died."""
        if hasattr(self, "deployment"):
            check_ledgers(self.deployment)


class Crowded(Ferryman):
    """The same, with messages that share transactions."""

    shape: ClassVar[Shape] = TOGETHER
