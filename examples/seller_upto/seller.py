"""A seller on FastAPI who is paid by use: up to 0.01 USDC for the weather, as many words as it takes."""

import os
import socket

import uvicorn
from fastapi import FastAPI, Response
from x402 import x402ResourceServer
from x402.http import (
    CreateHeadersAuthProvider,
    FacilitatorConfig,
    HTTPFacilitatorClient,
    PaymentOption,
)
from x402.http.middleware.fastapi import PaymentMiddlewareASGI, set_settlement_overrides
from x402.http.types import RouteConfig
from x402.mechanisms.evm.upto import UptoEvmServerScheme
from x402.schemas import AssetAmount, Price

NETWORK = os.environ["NETWORK"]
UNITS_PER_WORD = 2_350


def most() -> Price:
    """Ask for 0.01 of the network's USDC at most, or of ASSET where the x402 packages know no USDC."""
    if "ASSET" not in os.environ:
        return "$0.01"
    domain = {"name": os.environ["ASSET_NAME"], "version": os.environ["ASSET_VERSION"]}
    return AssetAmount(amount="10000", asset=os.environ["ASSET"], extra=domain)


def signed_in() -> dict[str, dict[str, str]]:
    """Say who sells: what was taken is our word, so the facilitator wants to know us."""
    key = {"X-Api-Key": os.environ["FACILITATOR_KEY"]}
    return {"verify": key, "settle": key, "supported": key}


facilitator = HTTPFacilitatorClient(
    FacilitatorConfig(
        url=f"{os.environ['FACILITATOR_URL']}/service",
        auth_provider=CreateHeadersAuthProvider(signed_in),
    )
)
server = x402ResourceServer(facilitator)
# The package does not say what it takes here, and takes it.
server.register(NETWORK, UptoEvmServerScheme())  # type: ignore[no-untyped-call, arg-type]
weather = PaymentOption(scheme="upto", network=NETWORK, pay_to=os.environ["PAY_TO"], price=most())

app = FastAPI()
app.add_middleware(
    PaymentMiddlewareASGI,
    routes={"GET /weather": RouteConfig(accepts=weather, description="The weather")},
    server=server,
)


@app.get("/weather")
def weather_report(response: Response) -> dict[str, str]:
    """What is paid for, and how much of the maximum it took."""
    report = "sunny"
    set_settlement_overrides(response, {"amount": str(UNITS_PER_WORD * len(report.split()))})
    return {"weather": report}


class Shop(uvicorn.Server):
    """A server that says where it sells, once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors."""
        await super().startup(sockets)
        print(f"selling at http://{self.config.host}:{self.config.port}/weather; Ctrl-C ends it", flush=True)


if __name__ == "__main__":
    Shop(uvicorn.Config(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")).run()
