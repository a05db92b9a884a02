"""Following the real escrow's events on a real anvil."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from ferryman.domain.accounts import ContractAccount
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import Address, BlockHash, BlockNumber
from ferryman.intents.payment.followed import FOLLOWED_ESCROW
from ferryman.ports import LogFilter, NonceMarker, Read
from tests.integration.test_evm_chain import body, call_of, chain_on, signed
from tests.support.anvil import LOCKED, Node
from tests.support.payments import CHAIN_ID, PAYER, address_of


def wanted(node: Node) -> LogFilter:
    """Ask for what watch follows."""
    return LogFilter(contracts=(node.settings().escrow,), topics=FOLLOWED_ESCROW.topics)


def funds_of(node: Node) -> ContractAccount:
    """Name the payer's account."""
    return ContractAccount(
        chain_id=CHAIN_ID,
        contract=node.settings().escrow,
        token=Address(node.usdc.address),
        owner=address_of(PAYER),
    )


def executed(node: Node, wallet: LocalAccount) -> int:
    """Execute a payment, and give its nonce."""
    one = body(node, nonce=2**255 + 7)
    (sent,) = chain_on(node)[0].send([signed(wallet, call_of(node, one), nonce=0)])
    node.mine()
    assert sent
    return int(one["nonce"])


def test_every_event_that_changes_an_account_touches_it(node: Node, wallet: LocalAccount) -> None:
    """Each of the escrow's functions, by its own log; and each state as the contract gives it then."""
    (chain, _), escrow, funds = chain_on(node), node.escrow.functions, funds_of(node)
    first, token, payer = int(node.web3.eth.block_number), node.usdc.address, PAYER.address
    grace = int(escrow.gracePeriod().call())
    steps: list[Any] = [
        escrow.requestWithdraw(token, 100),
        escrow.cancelWithdraw(token),
        escrow.requestWithdraw(token, 200),
        escrow.requestInvalidate(5),
    ]
    node.lock(PAYER, 300)
    for step in steps:
        node.run(step, sender=payer)
    nonce = executed(node, wallet)
    node.rpc("evm_increaseTime", grace)
    node.run(escrow.claim(token), sender=payer)
    blocks = chain.blocks([BlockNumber(number) for number in range(first + 1, node.mine())])

    found = chain.block_logs(blocks, wanted(node))
    touches = [FOLLOWED_ESCROW.touched(CHAIN_ID, log) for log in found]

    assert [touch.account for touch in touches] == [funds] * 4 + [None] + [funds] * 2
    marker = NonceMarker(chain_id=CHAIN_ID, contract=funds.contract, signer=funds.owner, nonce="5")
    expected = [None] * 4 + [marker, replace(marker, nonce=str(nonce)), None]
    assert [touch.nonce for touch in touches] == expected
    by_hash = {block.hash: block for block in blocks}
    answers = chain.read_at([(by_hash[log.block_hash], FOLLOWED_ESCROW.account_read(funds)) for log in found])
    values = [FOLLOWED_ESCROW.account_values(answer) for answer in answers if isinstance(answer, bytes)]
    pays = 1_001_000
    assert [(balance, pending) for balance, pending, _ in values] == [
        (LOCKED + 300, 0),
        (LOCKED + 300, 100),
        (LOCKED + 300, 0),
        (LOCKED + 300, 200),
        (LOCKED + 300, 200),
        (LOCKED + 300 - pays, 200),
        (LOCKED + 100 - pays, 0),
    ]


def test_a_range_gives_the_same_logs_between_its_headers(node: Node, wallet: LocalAccount) -> None:
    """By numbers, for what is far behind; the header before it shows of which chain."""
    (chain, _), first = chain_on(node), BlockNumber(int(node.web3.eth.block_number))
    node.lock(PAYER, 300)
    executed(node, wallet)
    last = BlockNumber(node.mine(3))
    blocks = chain.blocks([BlockNumber(number) for number in range(first, last + 1)])

    found = chain.range_logs(BlockNumber(first + 1), last, wanted(node))

    assert found.logs == chain.block_logs(blocks, wanted(node))
    assert len(found.logs) == 2
    assert (found.before, found.last) == (blocks[0], blocks[-1])


def test_headers_are_linked(node: Node) -> None:
    """Each names the one before."""
    chain, _ = chain_on(node)
    head = node.mine(3)

    blocks = chain.blocks([BlockNumber(number) for number in range(head - 3, head + 1)])

    assert [block.parent_hash for block in blocks[1:]] == [block.hash for block in blocks[:-1]]
    assert blocks[-1] == chain.head()


def test_a_block_that_a_reorg_took_gives_no_logs_and_no_state(node: Node) -> None:
    """Not an empty answer, which would be taken for the truth: the endpoint does not have it."""
    chain, _ = chain_on(node)
    node.lock(PAYER, 300)
    (gone,) = chain.blocks([BlockNumber(int(node.web3.eth.block_number))])
    node.rpc("anvil_reorg", 1, [])
    node.mine()

    with pytest.raises(ChainUnreachableError):
        chain.block_logs([gone], wanted(node))
    with pytest.raises(ChainUnreachableError):
        chain.read_at([(gone, FOLLOWED_ESCROW.account_read(funds_of(node)))])


def test_what_the_endpoint_does_not_have_yet_is_no_answer(node: Node) -> None:
    """Blocks after its head, by number, in a range and by hash."""
    (chain, _), head = chain_on(node), BlockNumber(int(node.web3.eth.block_number))
    unknown = replace(chain.head(), number=BlockNumber(head + 1), hash=BlockHash("0x" + "11" * 32))

    with pytest.raises(ChainUnreachableError):
        chain.blocks([BlockNumber(head + 1)])
    with pytest.raises(ChainUnreachableError):
        chain.range_logs(head, BlockNumber(head + 1), wanted(node))
    with pytest.raises(ChainUnreachableError):
        chain.block_logs([unknown], wanted(node))
    with pytest.raises(ChainUnreachableError):
        chain.read_at([(unknown, Read(node.settings().escrow, b""))])
