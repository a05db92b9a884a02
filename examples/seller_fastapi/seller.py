"""A seller on FastAPI: the weather for 0.01 USDC, settled by Ferryman."""

import os
import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, PaymentOption
from x402.http.middleware.fastapi import PaymentMiddlewareASGI
from x402.http.types import RouteConfig
from x402.mechanisms.evm.exact import register_exact_evm_server
from x402.schemas import AssetAmount, Price

NETWORK = os.environ["NETWORK"]


def price() -> Price:
    """Ask for 0.01 of the network's USDC, or of ASSET where the x402 packages know no USDC."""
    if "ASSET" not in os.environ:
        return "$0.01"
    domain = {"name": os.environ["ASSET_NAME"], "version": os.environ["ASSET_VERSION"]}
    return AssetAmount(amount="10000", asset=os.environ["ASSET"], extra=domain)


def method() -> dict[str, str]:
    """Say how the money is to be taken, if the usual way will not do."""
    wanted = os.environ.get("TRANSFER_METHOD")
    return {"assetTransferMethod": wanted} if wanted else {}


facilitator = HTTPFacilitatorClient(FacilitatorConfig(url=os.environ["FACILITATOR_URL"]))
server = register_exact_evm_server(x402ResourceServer(facilitator), NETWORK)
weather = PaymentOption(
    scheme="exact", network=NETWORK, pay_to=os.environ["PAY_TO"], price=price(), extra=method()
)

app = FastAPI()
app.add_middleware(
    PaymentMiddlewareASGI,
    routes={"GET /weather": RouteConfig(accepts=weather, description="The weather")},
    server=server,
)


@app.get("/weather")
def weather_report() -> dict[str, str]:
    """What is paid for."""
    return {"weather": "sunny"}


class Shop(uvicorn.Server):
    """A server that says where it sells, once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors."""
        await super().startup(sockets)
        print(f"selling at http://{self.config.host}:{self.config.port}/weather; Ctrl-C ends it", flush=True)


if __name__ == "__main__":
    shop = Shop(uvicorn.Config(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning"))
    with suppress(KeyboardInterrupt):
        shop.run()
