"""A chain's ERC2771Forwarder, as its operator configured it."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ferryman.domain.configured import ConfiguredAddress
from ferryman.domain.fees import BPS
from ferryman.domain.units import Address, Gas, Seconds, hex_bytes

SELECTOR_BYTES: Final = 4
_INTRINSIC_GAS: Final = Gas(21_000)
_ZERO_GAS: Final = 4
"""Of a byte of calldata (EIP-2028)."""
_NONZERO_GAS: Final = 16
_ZERO_FLOOR: Final = 10
_BYTE_GAS: Final = Gas(40)
"""What a byte of calldata costs at most: 16, or 40 where the floor of EIP-7623 applies."""
_OVERHEAD_GAS: Final = Gas(70_000)
"""What the forwarder itself needs: signature, trust of the target, a nonce's first slot, its event."""
_HEADROOM_BPS: Final = 12_500
"""A target's gas over its estimate: a slot that is warm or set now may not be so then."""
_LEAST_GAS: Final = Gas(5_000)
_KEPT: Final = 64
"""A call gets all but one part in so many of the gas that is left (EIP-150)."""


def _selector(text: str) -> str:
    if len(hex_bytes(text)) != SELECTOR_BYTES:
        msg = "must be 0x and 8 hex digits"
        raise ValueError(msg)
    return text.lower()


class AllowedTarget(BaseModel):
    """A contract that may be called, and which of its functions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: ConfiguredAddress
    """It has to trust the forwarder (ERC-2771)."""
    selectors: tuple[Annotated[str, AfterValidator(_selector)], ...] = Field(min_length=1)
    """The first four bytes of the calls that are made."""


class ForwarderSettings(BaseModel):
    """What forward requests are executed by, and which of them we pay for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: ConfiguredAddress
    """OpenZeppelin's ERC2771Forwarder; anybody may call it, so it has no list of its own."""
    name: str = Field(min_length=1, max_length=64)
    """`name` of its EIP-712 domain: what its constructor was given."""
    version: str = Field(default="1", min_length=1, max_length=16)
    """`version` of that domain."""
    allowed: tuple[AllowedTarget, ...] = Field(min_length=1)
    """What we pay for: nobody else does."""
    most_gas: Gas = Field(default=Gas(500_000), ge=1)
    """The most gas a target gets."""
    most_ahead: int = Field(default=8, ge=0, le=100)
    """How many requests of one signer may wait for those before them."""
    longest_seconds: Seconds = Field(default=Seconds(86_400), ge=60)
    """How far off a deadline may be."""

    def allows(self, target: Address, selector: bytes) -> bool:
        """Whether we pay for calls of a function of a target."""
        name = f"0x{selector.hex()}"
        return any(one.target == target and name in one.selectors for one in self.allowed)

    def asked_gas(self, estimate: Gas, *, call: bytes) -> Gas:
        """Give what to ask for a target: what it uses and a quarter, or the most there is if it uses no more.

        Args:
            estimate: of the call as a transaction of its own.
            call: its calldata, which that pays for first.

        """
        used = max(estimate - _INTRINSIC_GAS - _calldata_gas(call), _LEAST_GAS)
        return Gas(min(used * _HEADROOM_BPS // BPS, max(used, self.most_gas)))

    @staticmethod
    def trial_gas(asked: Gas, *, call: bytes) -> Gas:
        """Give the gas with which the target, called directly, has just what its user asked for.

        Args:
            asked: for the target.
            call: its calldata, which a transaction to it would pay for first.

        """
        zeros = call.count(0)
        # With less than the floor (EIP-7623) a node would not begin.
        floor = _ZERO_FLOOR * zeros + _BYTE_GAS * (len(call) - zeros)
        return Gas(_INTRINSIC_GAS + max(asked + _calldata_gas(call), floor))

    @staticmethod
    def transaction_gas(asked: Gas, *, call_bytes: int) -> Gas:
        """Give the least gas limit with which a target gets all that its user asked for.

        With less the forwarder would burn everything: it looks, after the call, whether a 63rd of what was
        asked for is left.

        Args:
            asked: for the target.
            call_bytes: of the transaction's calldata.

        """
        kept = -(-asked // (_KEPT - 1))
        return Gas(asked + kept + _INTRINSIC_GAS + _BYTE_GAS * call_bytes + _OVERHEAD_GAS)


def _calldata_gas(call: bytes) -> Gas:
    zeros = call.count(0)
    return Gas(_ZERO_GAS * zeros + _NONZERO_GAS * (len(call) - zeros))
