"""The real template on the emulated AWS, by `sam deploy`, and what came out of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from eth_keys.datatypes import PublicKey
from eth_typing import ChecksumAddress

from local.api_keys import create_key
from local.build import LOCAL_RUNTIME, run_tool
from local.contracts import (
    FAUCET_USDC,
    FORWARDER_NAME,
    GRACE_SECONDS,
    GUESTBOOK_SELECTORS,
    NEVER_STALE,
    ONE_USDC,
    USDC_PER_COIN,
)
from local.description import ChainDescription
from local.errors import LocalStackError
from local.ministack import REGION, LocalAws
from local.paths import BUILD
from local.settings import STACK_NAME, StackSettings

COIN_WEI = 10**18
"""One of a chain's coin. A wallet with less is low, and gets ten of them from the treasury."""
_ARTIFACTS_BUCKET = "ferryman-artifacts"


@dataclass(frozen=True)
class Deployment:
    """What the deployed stack answers to."""

    api_url: str
    websocket_url: str
    wallets: list[ChecksumAddress]
    """The relayers: addresses of the stack's KMS keys."""
    treasury: ChecksumAddress
    """Tops low wallets up: the address of a KMS key that is not the stack's."""
    reader_key: str
    """An API key with role reader, made as an operator makes one."""
    service_key: str
    """One with role service."""


def rpc_urls_parameter(chain_id: int) -> str:
    """Name the parameter with a chain's RPC addresses."""
    return f"/{STACK_NAME}/chains/{chain_id}/rpc-urls"


def deploy(aws: LocalAws, settings: StackSettings, chains: Sequence[ChainDescription]) -> Deployment:
    """Deploy what was built and read the stack's outputs."""
    aws.session().client("s3", endpoint_url=aws.endpoint_url).create_bucket(Bucket=_ARTIFACTS_BUCKET)
    for chain in chains:
        store_rpc_urls(aws, chain.chain_id, [chain.rpc_url])
    configured = [_chain(chains[0]), *(_stored(aws, chain) for chain in chains[1:])]
    treasury = _create_treasury(aws)
    run_tool(
        "sam",
        "deploy",
        # No section of samconfig.toml has this name: those are for AWS.
        *("--config-env", "local"),
        *("--template-file", str(BUILD / "template.yaml")),
        *("--stack-name", STACK_NAME),
        *("--region", REGION),
        *("--s3-bucket", _ARTIFACTS_BUCKET),
        *("--capabilities", "CAPABILITY_IAM"),
        "--no-confirm-changeset",
        "--no-progressbar",
        "--disable-rollback",
        *("--parameter-overrides", _parameters(aws, settings, configured, treasury)),
        environment=aws.environment,
    )
    _allow_recursion(aws)
    return _read(aws, treasury)


def store_rpc_urls(aws: LocalAws, chain_id: int, urls: Sequence[str]) -> None:
    """Put a chain's addresses where the functions read them; CloudFormation makes no SecureStrings."""
    aws.session().client("ssm", endpoint_url=aws.endpoint_url).put_parameter(
        Name=rpc_urls_parameter(chain_id), Value=json.dumps(urls), Type="SecureString", Overwrite=True
    )


def _create_treasury(aws: LocalAws) -> str:
    """Make the key that an operator has before a deployment, and give its ARN."""
    client = aws.session().client("kms", endpoint_url=aws.endpoint_url)
    created = client.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", Description="Treasury")
    return str(created["KeyMetadata"]["Arn"])


def _allow_recursion(aws: LocalAws) -> None:
    """Do what `RecursiveLoop: Allow` of the template does on AWS; the emulator passes over it."""
    client = aws.session().client("lambda", endpoint_url=aws.endpoint_url)
    for step in ("submit", "confirm", "watch", "deliver"):
        client.put_function_recursion_config(FunctionName=f"{STACK_NAME}-{step}", RecursiveLoop="Allow")


def _parameters(
    aws: LocalAws, settings: StackSettings, chains: Sequence[Mapping[str, object]], treasury: str
) -> str:
    configured = json.dumps(chains, separators=(",", ":"))
    parameters: Mapping[str, object] = {
        "PythonRuntime": LOCAL_RUNTIME,
        "Chains": f"'{configured}'",
        "WalletCount": settings.wallets,
        "TreasuryKeyArn": treasury,
        "RetentionDays": 30,
        "AnyWebhookTarget": "true",
        "Faucet": "true",
        "SignInOrigins": aws.endpoint_url,
        "ExecuteApiBase": aws.execute_api_base,
        "LogLevel": settings.log_level,
    }
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def _stored(aws: LocalAws, chain: ChainDescription) -> dict[str, object]:
    """Store a chain's settings, as one does who has more chains than fit in a variable; give what is left."""
    settings = {name: value for name, value in _chain(chain).items() if name != "chain_id"}
    version = (
        aws.session()
        .client("ssm", endpoint_url=aws.endpoint_url)
        .put_parameter(
            Name=f"/{STACK_NAME}/chains/{chain.chain_id}/settings",
            Value=json.dumps(settings, separators=(",", ":")),
            Type="String",
            Overwrite=True,
        )["Version"]
    )
    return {"chain_id": chain.chain_id, "settings": version}


def _chain(chain: ChainDescription) -> dict[str, object]:
    return {
        "chain_id": chain.chain_id,
        "block_time_ms": chain.block_time_ms,
        "required_confirmations": 1,
        "escrow": chain.contracts["PaymentEscrow"],
        "tokens": [chain.contracts["MockUSDC"]],
        "authorized_tokens": {
            chain.contracts["MockUSDC"]: {"name": "USDC", "version": "2", "takes_bytes": True}
        },
        "undeployed_wallets": {
            "settler": chain.contracts["DeployingSettler"],
            "factories": [chain.contracts["WalletFactory"]],
        },
        "permit2": {
            "tokens": [chain.contracts["MockUSDC"]],
            "upto": {"settler": chain.contracts["UptoSettler"]},
        },
        "settler": chain.contracts["BatchSettler"],
        "relay": {
            "address": chain.contracts["MetaTxRelay"],
            "fee_token": chain.contracts["MockUSDC"],
            "price_feed": {
                "address": chain.contracts["MockPriceFeed"],
                # Nobody updates it.
                "max_age_seconds": NEVER_STALE,
                "least_units": USDC_PER_COIN * ONE_USDC // 10,
                "most_units": USDC_PER_COIN * ONE_USDC * 10,
            },
        },
        "faucet": {
            "token": chain.contracts["MockUSDC"],
            "units": FAUCET_USDC * ONE_USDC,
            "mint": True,
            # Everybody here has the same address.
            "per_source": 10_000,
        },
        "forwarder": {
            "address": chain.contracts["ERC2771Forwarder"],
            "name": FORWARDER_NAME,
            "allowed": [{"target": chain.contracts["Guestbook"], "selectors": GUESTBOOK_SELECTORS}],
        },
        "grace_seconds": GRACE_SECONDS,
        "low_balance_wei": COIN_WEI,
        "top_up_wei": 10 * COIN_WEI,
        # Bursts and benchmarks come from a few accounts.
        "sender_limits": {"per_minute": 60_000, "burst": 10_000, "daily_count": 10_000_000},
    }


def _read(aws: LocalAws, treasury: str) -> Deployment:
    client = aws.session().client("cloudformation", endpoint_url=aws.endpoint_url)
    stack = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return Deployment(
        api_url=outputs["ApiUrl"],
        websocket_url=outputs["WebSocketUrl"],
        wallets=[_address_of(aws, key_id) for key_id in outputs["WalletKeyIds"].split(",")],
        treasury=_address_of(aws, treasury),
        reader_key=create_key(aws.session(), outputs["ApiUrl"], name="local tools", role="reader"),
        service_key=create_key(aws.session(), outputs["ApiUrl"], name="local sellers", role="service"),
    )


def _address_of(aws: LocalAws, key_id: str) -> ChecksumAddress:
    client = aws.session().client("kms", endpoint_url=aws.endpoint_url)
    key = load_der_public_key(client.get_public_key(KeyId=key_id)["PublicKey"])
    if not isinstance(key, EllipticCurvePublicKey):
        raise LocalStackError(f"KMS key {key_id} is not an elliptic-curve key")
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return PublicKey(point.removeprefix(b"\x04")).to_checksum_address()
