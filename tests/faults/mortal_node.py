"""An anvil that can be killed and started again: it keeps its chain and loses its mempool."""

import gzip
import os
import signal
from pathlib import Path
from typing import Any, Final

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from local.anvil import start_anvil
from local.ports import any_free_port
from local.process import end_group
from local.settings import StackSettings

NEVER_SECONDS: Final = 100_000
"""Block time of an anvil that mines only when told to."""
_USER_TICKS: Final = 11
_SYSTEM_TICKS: Final = 12
"""Places in /proc/<pid>/stat, counted from behind the name."""


class MortalNode:
    """A running anvil.

    Args:
        accounts: how many have ether.
        block_time_seconds: between two blocks.

    """

    def __init__(self, *, accounts: int, block_time_seconds: float = NEVER_SECONDS) -> None:
        self._settings = StackSettings(
            block_times_seconds=[block_time_seconds],
            wallets=2,
            accounts=max(10, accounts),
            aws_port=None,
            # Not the preferred one: workers that start at the same moment would share it.
            rpc_port=any_free_port(),
            log_level="INFO",
        )
        self._process, self.rpc_url = start_anvil(self._settings)

    def kill(self, chain: Path) -> int:
        """Kill it, as when its machine dies.

        Args:
            chain: where its blocks and states are kept.

        Returns:
            How many transactions its mempool held, which nobody has any more.

        """
        # Not a block may come between the last look at the chain and the end.
        self._ask("evm_setIntervalMining", 0)
        mempool = self._ask("txpool_status")
        dump: str = self._ask("anvil_dumpState", True)  # noqa: FBT003 (with the states of past blocks)
        chain.write_bytes(gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))))
        end_group(self._process.pid, signal.SIGKILL)
        self._process.popen.wait()
        return int(mempool["pending"], 16) + int(mempool["queued"], 16)

    def revive(self, chain: Path) -> None:
        """Start it again at the same address, with what it knew of the chain."""
        self._process, _ = start_anvil(self._settings, chain=chain)

    def cpu_seconds(self) -> float:
        """Give the processor time it has used; as often as it was revived, from nothing."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def _ask(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 (a JSON value)
        web3 = Web3(HTTPProvider(self.rpc_url))
        answer = web3.provider.make_request(RPCEndpoint(method), list(parameters))
        assert "error" not in answer, answer
        return answer["result"]
