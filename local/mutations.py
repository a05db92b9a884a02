"""Does a test notice? Each protection is taken out of a copy of the sources, and a test has to fail.

`python -m local.mutations [word …]` tries those whose name holds one of the words, or all of them. It ends
with an error if the tests fail before anything was taken out, if all of them pass afterwards, or if the text
of a protection is no longer where it was.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.paths import ROOT

_PACKAGE: Final = "layers/ferryman/ferryman"
_KILL: Final = "tests/faults/test_exhaustive_kill.py"
_NO_KIND: Final = f"{_KILL}::test_no_kind_of_message_is_lost_or_doubled_whichever_port_call_a_process_dies_at"
_KINDS: Final = "tests/conformance/test_kinds.py"
_SETTLEMENT: Final = "tests/unit/intents/settlement/test_kind.py"
_META_TRANSACTION: Final = "tests/unit/intents/meta_transaction/test_kind.py"
_PERMIT: Final = "tests/unit/intents/permit_transfer/test_kind.py"
_UPTO: Final = "tests/unit/services/test_x402_upto.py"
_FORWARD_REQUEST: Final = "tests/unit/intents/forward_request/test_kind.py"
_X402: Final = "tests/unit/services/test_x402.py"
_STORES: Final = "tests/conformance/test_stores.py"
_SUBMIT: Final = "tests/unit/services/test_submit.py"
_WITNESSING: Final = "tests/unit/services/test_witnessing.py"
_REORGS: Final = "tests/unit/services/test_reorgs.py"
_TESTS_FAILED: Final = 1
"""pytest's exit code for that, and not for tests that cannot be found or read."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text of a source file, which is there once, and what stands there instead."""

    path: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Change the file.

        Raises:
            LookupError: the text is not there, or more than once.

        """
        file = root / self.path
        text = file.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            msg = f"{self.path} holds {count} times: {self.old}"
            raise LookupError(msg)
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A protection, the edits that take it away, and the tests of which one has to notice."""

    protection: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


MUTATIONS: Final = (
    Mutation(
        "conditional bind: the wallet is still what was read",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/wallets.py",
                'Equals("next_nonce", first),',
                "",
            ),
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/wallets.py",
                'item=nonce_row_item(row), where=(Absent("wallet"),))',
                "item=nonce_row_item(row))",
            ),
        ),
        (f"{_STORES}::TestBind",),
    ),
    Mutation(
        "conditional bind: each row is still what was read",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/transactions.py",
                '            Equals("version", change.before.version),\n'
                '            Equals("status", str(change.before.status)),\n',
                "",
            ),
        ),
        (f"{_STORES}::TestBind",),
    ),
    Mutation(
        "a crowd is bound without what others went on with meanwhile",
        (
            Edit(
                f"{_PACKAGE}/services/submit.py",
                "parcels, pool = self._read_again(parcels, access)",
                "pool = self.binder.pool(access)",
            ),
        ),
        ("tests/unit/services/test_batches.py",),
    ),
    Mutation(
        "a part of the backlog is one run's",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/backlog_parts.py",
                'where=(AnyOf((Absent("lease_until"), AtMost("lease_until", now))),),',
                "where=(),",
            ),
        ),
        ("tests/unit/services/test_batches.py", f"{_STORES}::TestBacklogParts"),
    ),
    Mutation(
        "what others carried out before its deadline is not failed",
        (
            Edit(
                f"{_PACKAGE}/services/submit.py",
                "self._end(row, _LATE, access, witnesses=len(access.chain.witnesses()))",
                "self._fail(row, _LATE)",
            ),
        ),
        ("tests/unit/services/test_deadlines.py",),
    ),
    Mutation(
        "persist before send",
        (
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "*self._signed(unsigned)], access)\n",
                "*self._signed(unsigned, access)], access)\n",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "def _signed(self, unsigned: Sequence[_Unsigned]) ->",
                "def _signed(self, unsigned: Sequence[_Unsigned], access: ChainAccess | None = None) ->",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "self._kept_or_told(one)",
                "self._kept_or_told(one, access)",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "def _kept_or_told(self, one: _Unsigned) ->",
                "def _kept_or_told(self, one: _Unsigned, access: ChainAccess | None = None) ->",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "return self._kept(one)",
                "return self._kept(one, access)",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "def _kept(self, one: _Unsigned) ->",
                "def _kept(self, one: _Unsigned, access: ChainAccess | None = None) ->",
            ),
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "        attempt = TransactionAttempt(\n",
                "        if access:\n"
                "            access.chain.send([raw])\n"
                "        attempt = TransactionAttempt(\n",
            ),
        ),
        # A grant: what no contract knows again, it would carry out twice.
        (f"{_NO_KIND}[faucet-failing-False]",),
    ),
    Mutation(
        "bytes that need more of a wallet's coin are kept one after the other",
        (
            Edit(
                f"{_PACKAGE}/services/advance.py",
                "None if takes_more else one.row.nonce",
                "one.row.nonce",
            ),
        ),
        ("tests/unit/services/test_bumps.py",),
    ),
    Mutation(
        "a nonce that cannot be signed keeps none of the others",
        (
            Edit(
                f"{_PACKAGE}/services/advance.py",
                'self.log.warning("nonce not signed, confirm will ask again", **said, cause=str(error))\n',
                "raise\n",
            ),
        ),
        (_SUBMIT,),
    ),
    Mutation(
        "what has to be told again is not counted yet",
        (
            Edit(
                f"{_PACKAGE}/services/telling.py",
                "self.counting.take_back(events[told:], counted)\n",
                "pass\n",
            ),
        ),
        ("tests/unit/services/test_counting.py",),
    ),
    Mutation(
        "a bump raises both fields",
        (
            Edit(
                f"{_PACKAGE}/domain/fees.py",
                "            _bumped(standing.max_priority_fee_per_gas), market.max_priority_fee_per_gas\n",
                "            standing.max_priority_fee_per_gas, market.max_priority_fee_per_gas\n",
            ),
        ),
        ("tests/unit/domain/test_fees.py", "tests/unit/services/test_bumps.py"),
    ),
    Mutation(
        "a second endpoint must agree",
        (
            Edit(
                f"{_PACKAGE}/services/agreement.py",
                "for witness in chain.witnesses()",
                "for witness in chain.witnesses()[:1]",
            ),
        ),
        (_WITNESSING,),
    ),
    Mutation(
        "those that contradict each other are not asked together again",
        (
            Edit(
                f"{_PACKAGE}/services/agreement.py",
                "        if not is_so:\n            self.doubt()\n",
                "",
            ),
        ),
        (_WITNESSING,),
    ),
    Mutation(
        "the block's hash is compared at every look",
        (
            Edit(
                f"{_PACKAGE}/services/canonical.py",
                "        return theirs.id == block\n",
                "        return theirs.number == block.number\n",
            ),
        ),
        (_REORGS,),
    ),
    Mutation(
        "a block is gone by the word of two",
        (
            Edit(
                f"{_PACKAGE}/services/canonical.py",
                "hear_each(self.chain, lambda one: one.blocks(there)) if there else ()",
                "tuple(Hearing((one,)) for one in self.chain.blocks(there))",
            ),
            Edit(
                f"{_PACKAGE}/services/canonical.py",
                "import hear, hear_each",
                "import Hearing, hear",
            ),
        ),
        (_REORGS,),
    ),
    Mutation(
        "what is opened again holds its funds again",
        (
            Edit(
                f"{_PACKAGE}/services/reopening.py",
                "hold_again=kind.reservation(row.payload), nonce_row=nonce_row)\n",
                "nonce_row=nonce_row)\n",
            ),
        ),
        (_REORGS,),
    ),
    Mutation(
        "what others carried out is looked at until their block is final",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "        return unhindered(after, due_at=Instant(now + LOOKED_AT_AGAIN_MS)), event\n",
                "        return unhindered(after, due_at=None), event\n",
            ),
        ),
        ("tests/unit/services/test_resting.py",),
    ),
    Mutation(
        "what the chain has carried out is looked for before an end",
        (
            Edit(
                f"{_PACKAGE}/services/submit.py",
                "            found = self.executions.find(row, access, since=since, is_late=is_late)\n",
                "            found = None\n",
            ),
        ),
        (_SUBMIT,),
    ),
    Mutation(
        "who does not know why it was refused does not end it",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "        if any(word.head < since for word in spent.answers):\n",
                "        if not spent.answers:\n",
            ),
        ),
        ("tests/unit/services/test_executions.py",),
    ),
    Mutation(
        "a search reaches the block that used the nonce",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "        if head < word.block:\n",
                "        if head < 0:\n",
            ),
        ),
        ("tests/unit/services/test_executions.py",),
    ),
    Mutation(
        "a deadline has passed on the chain",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "    return deep.timestamp_seconds <= row.deadline_seconds\n",
                "    return False\n",
            ),
        ),
        ("tests/unit/services/test_executions.py",),
    ),
    Mutation(
        "a search goes back to what was final at acceptance",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "    return max(final, since - _DEEPEST_REORG)\n",
                "    return since\n",
            ),
        ),
        ("tests/unit/services/test_resting.py",),
    ),
    Mutation(
        "what a restore forgot the block of is watched",
        (
            Edit(
                f"{_PACKAGE}/services/recover.py",
                "                self._held(self._watched(self._caught_up(row)))\n",
                "                self._held(self._caught_up(row))\n",
            ),
        ),
        ("tests/unit/services/test_recover.py",),
    ),
    Mutation(
        "after a restore what is not final is judged anew",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/recovery.py",
                "        DynamoLeases(self._tables).forget(chain_id)\n",
                "        DynamoLeases(self._tables)\n",
            ),
        ),
        ("tests/unit/services/test_recover.py",),
    ),
    Mutation(
        "what a repeat leaves out is another body",
        (
            Edit(
                f"{_PACKAGE}/services/ingest.py",
                "for name in (*intent.payload, *known.payload) if",
                "for name in intent.payload if",
            ),
        ),
        ("tests/conformance/test_kinds.py",),
    ),
    Mutation(
        "release once",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/transactions.py",
                "remove=(units,), where=(Present(units),)),",
                "remove=(units,)),",
            ),
        ),
        (f"{_STORES}::TestWrite::test_funds_are_let_go_once",),
    ),
    Mutation(
        "simulate first",
        (
            Edit(
                f"{_PACKAGE}/services/simulating.py",
                "        if _permanent_reason(row, outcome, simulation, kinds):\n",
                "        if isinstance(outcome, Reverted):\n"
                "            ready.append(Ready(row, Gas(100_000)))\n"
                "        elif _permanent_reason(row, outcome, simulation, kinds):\n",
            ),
        ),
        (_SUBMIT,),
    ),
    Mutation(
        "what is tried together is tried alone, too",
        (
            Edit(
                f"{_PACKAGE}/services/batching.py",
                "return [*alone, Trial(self.call, tried_with(self.gas))]",
                "return [Trial(self.call, tried_with(self.gas))]",
            ),
        ),
        ("tests/unit/services/test_batching.py",),
    ),
    Mutation(
        "a nonce is closed last",
        (
            Edit(
                f"{_PACKAGE}/services/recording.py",
                "if plan.last and plan.finding.key not in stale]",
                "if plan.last]",
            ),
        ),
        ("tests/unit/services/test_side_by_side.py",),
    ),
    Mutation(
        "a reservation fits what was read",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/transactions.py",
                '        AnyOf((Absent("reserved"), AtMost("reserved", room.units))),\n',
                "",
            ),
        ),
        ("tests/faults/test_reservations.py",),
    ),
    Mutation(
        "a reading is no older than the last settlement",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/transactions.py",
                '        AnyOf((Absent("settled_block"), AtMost("settled_block", room.block))),\n',
                "",
            ),
        ),
        ("tests/faults/test_reservations.py",),
    ),
    Mutation(
        "a lease is fenced",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/leases.py",
                '            where=(Equals("fence", lease.fence),),\n',
                "",
            ),
        ),
        (f"{_STORES}::TestLeases",),
    ),
    Mutation(
        "a payer's nonce is one message's",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/transactions.py",
                "where=(ours, *(Absent(held_units(taker)) for taker in takers)),",
                "where=tuple(Absent(held_units(taker)) for taker in takers),",
            ),
        ),
        (f"{_KINDS}::test_another_message_with_the_same_nonce_is_refused",),
    ),
    Mutation(
        "what a contract refuses is tried before it is accepted",
        (
            Edit(
                f"{_PACKAGE}/services/assurance.py",
                "                if isinstance(answer, Reverted):\n",
                "                if isinstance(answer, Reverted) and not tried:\n",
            ),
        ),
        (_META_TRANSACTION,),
    ),
    Mutation(
        "a contract is the one that is configured",
        (
            Edit(
                f"{_PACKAGE}/services/assurance.py",
                "            if not kind.is_our_contract(_answered(shown), settings, payload):\n"
                "                raise _mismatch()\n",
                "",
            ),
        ),
        (_META_TRANSACTION,),
    ),
    Mutation(
        "a settlement is proven by its own transfer, in the token's log",
        (
            Edit(
                f"{_PACKAGE}/intents/eip3009.py",
                "        first.topics == used and then.topics == moved and"
                " int.from_bytes(then.data) == authorization.value\n",
                "        first.topics == used\n",
            ),
        ),
        (_SETTLEMENT,),
    ),
    Mutation(
        "a meta-transaction whose target failed is none that was carried out",
        (
            Edit(
                f"{_PACKAGE}/intents/meta_transaction/kind.py",
                "        if not told.succeeded:\n"
                '            return Leg(is_done=False, reason="call_reverted")\n',
                "",
            ),
        ),
        (_META_TRANSACTION,),
    ),
    Mutation(
        "a forward request is proven by its own signature, in the calldata",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "return is_own and evidence in call.data",
                "return is_own",
            ),
        ),
        (_FORWARD_REQUEST,),
    ),
    Mutation(
        "what reverts out of its turn is tried once more",
        (
            Edit(
                f"{_PACKAGE}/services/outcomes.py",
                "        if kind.ordered and _may",
                "        if not kind and _may",
            ),
        ),
        (_FORWARD_REQUEST,),
    ),
    Mutation(
        "a target gets all the gas that it was promised",
        (
            Edit(
                f"{_PACKAGE}/services/simulating.py",
                "max(with_headroom(outcome), call.least_gas)",
                "with_headroom(outcome)",
            ),
        ),
        (_FORWARD_REQUEST,),
    ),
    Mutation(
        "what another relayer was first with is no failure",
        (
            Edit(
                f"{_PACKAGE}/services/recording.py",
                "failing = [one for one in carried if legs[one.transaction_id].reason]",
                "failing = list[Transaction]()",
            ),
        ),
        (f"{_NO_KIND}[settlement-overtaken-False]",),
    ),
    Mutation(
        "x402: what was signed is what the seller requires",
        (
            Edit(
                f"{_PACKAGE}/intents/x402/eip3009.py",
                "        raise RefusedError(Reason.VALUE_MISMATCH,",
                "        RefusedError(Reason.VALUE_MISMATCH,",
            ),
        ),
        (_X402,),
    ),
    Mutation(
        "x402: a payment buys one resource",
        (
            Edit(
                f"{_PACKAGE}/intents/x402/request.py",
                'body=signed | ({"resource": resource} if resource else {})',
                "body=signed",
            ),
        ),
        (_X402,),
    ),
    Mutation(
        "permits: a transfer counts for the permit that its call carries",
        (
            Edit(
                f"{_PACKAGE}/services/executions.py",
                "head is None or (call.to == kind.to_call(row.payload).to and call.data.startswith(head))",
                "True",
            ),
        ),
        ("tests/unit/services/test_x402_permit2.py",),
    ),
    Mutation(
        "permits: who copies another's has a record of its own",
        (
            Edit(
                f"{_PACKAGE}/intents/permit2.py",
                "return keccak(digest + words([payer]))",
                "return digest",
            ),
        ),
        (_PERMIT,),
    ),
    Mutation(
        "permits: what Permit2 may not take is refused",
        (
            Edit(
                f"{_PACKAGE}/intents/permits.py",
                "if eip3009.balance(answers[4]) < permit.units:",
                "if False:",
            ),
        ),
        (_PERMIT,),
    ),
    Mutation(
        "x402: no more is taken than was signed",
        (Edit(f"{_PACKAGE}/intents/x402/upto.py", "if taken > maximum:", "if False:"),),
        (_UPTO,),
    ),
    Mutation(
        "x402: what was taken of a maximum is settled, and nothing if nothing was",
        (Edit(f"{_PACKAGE}/services/x402.py", "if asked.is_nothing:", "if False:"),),
        (_UPTO,),
    ),
    Mutation(
        "x402: a maximum is settled by whom its payer named",
        (
            Edit(
                f"{_PACKAGE}/intents/x402/upto.py",
                "if one.witness.facilitator.lower() != ours.settler.lower():",
                "if False:",
            ),
        ),
        (_UPTO,),
    ),
    Mutation(
        "x402: how much is taken of a maximum is the word of a known seller",
        (Edit(f"{_PACKAGE}/intents/x402/request.py", "if scheme not in schemes:", "if False:"),),
        (_UPTO,),
    ),
    Mutation(
        "wallets: only a listed factory is called",
        (
            Edit(
                f"{_PACKAGE}/intents/settlement/kind.py",
                "if factory not in ours.factories:",
                "if False:",
            ),
        ),
        ("tests/unit/services/test_x402_undeployed.py",),
    ),
    Mutation(
        "wallets: one that is not there is asked for its signature all the same",
        (
            Edit(
                f"{_PACKAGE}/services/ingest.py",
                "intent.vouching or Read(intent.sender, call, gas=GAS_LIMIT)",
                "Read(intent.sender, call, gas=GAS_LIMIT)",
            ),
        ),
        ("tests/unit/services/test_x402_undeployed.py",),
    ),
    Mutation(
        "submit: a message that was handed out before has its row read, whatever a process remembers",
        (Edit(f"{_PACKAGE}/services/lately.py", " or hint.redelivered", ""),),
        ("tests/unit/services/test_lately.py",),
    ),
    Mutation(
        "submit: only what a node has taken is on its way",
        (Edit(f"{_PACKAGE}/services/submit.py", " if row.transaction_id in taken_by_node)", ")"),),
        ("tests/unit/services/test_lately.py",),
    ),
    Mutation(
        "the faucet: only test chains have one, whatever is configured",
        (
            Edit(
                f"{_PACKAGE}/domain/chain.py",
                "if self.faucet and not is_test_chain(self.chain_id):",
                "if False:",
            ),
        ),
        ("tests/unit/domain/test_faucet.py",),
    ),
    Mutation(
        "the faucet: of many who ask at once for one account, one is answered",
        (Edit(f"{_PACKAGE}/services/faucet.py", "if not accepted.is_new:", "if False:"),),
        ("tests/unit/services/test_faucet.py",),
    ),
    Mutation(
        "the faucet: an IP address asks for few accounts",
        (
            Edit(
                f"{_PACKAGE}/adapters/dynamodb/allowances.py",
                'where=(AnyOf((Absent("taken"), AtMost("taken", most - 1))),),',
                "where=(),",
            ),
        ),
        ("tests/unit/services/test_faucet.py",),
    ),
    Mutation(
        "the faucet: what no contract stops is bound again only when that is final",
        (
            Edit(
                f"{_PACKAGE}/intents/faucet/kind.py",
                "is_replay_protected: Final = False",
                "is_replay_protected: Final = True",
            ),
        ),
        ("tests/unit/services/test_faucet.py",),
    ),
)


def tried(mutation: Mutation, root: Path) -> str:
    """Take a protection out of a copy of the sources; give the test that noticed.

    Raises:
        LookupError: the text of the protection is not where it was, or a test does not exist.
        RuntimeError: no test noticed.

    """
    originals = {edit.path: (root / edit.path).read_text(encoding="utf-8") for edit in mutation.edits}
    try:
        for edit in mutation.edits:
            edit.apply(root)
        code, told = _run_tests(mutation.tests, root)
    finally:
        for path, text in originals.items():
            (root / path).write_text(text, encoding="utf-8")
    if code == 0:
        msg = f"nobody noticed, of {', '.join(mutation.tests)}"
        raise RuntimeError(msg)
    failed = re.search(r"^FAILED (.+?)(?: - .*)?$", told, re.MULTILINE)
    if code != _TESTS_FAILED or failed is None:
        raise LookupError(told)
    return failed[1]


def _run_tests(tests: Iterable[str], root: Path) -> tuple[int, str]:
    """Run tests of a copy up to the first failure; give pytest's exit code and what it said."""
    environment = os.environ | {
        "PYTHONPATH": str(root / "layers" / "ferryman"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def _copied(root: Path) -> None:
    """Copy what git knows of the project, and what it would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)


def main() -> None:
    """Try the mutations that the command line asks for."""
    words = sys.argv[1:]
    chosen = [one for one in MUTATIONS if not words or any(word in one.protection for word in words)]
    if not chosen:
        sys.exit(f"no protection has any of these words: {', '.join(words)}")
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="ferryman-mutations-") as folder:
        root = Path(folder)
        _copied(root)
        code, told = _run_tests(dict.fromkeys(test for one in chosen for test in one.tests), root)
        if code:
            sys.exit(f"the tests fail with every protection in place\n{told}")
        for mutation in chosen:
            try:
                print(f"| {mutation.protection} | `{tried(mutation, root)}` |", flush=True)
            except (LookupError, RuntimeError) as error:
                survivors += 1
                print(f"| {mutation.protection} | **survives**: {error} |", flush=True)
    if survivors:
        sys.exit(f"{survivors} of {len(chosen)} mutations were not noticed")


if __name__ == "__main__":
    main()
