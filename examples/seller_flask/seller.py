"""A seller on Flask: the weather for 0.01 USDC, settled by Ferryman."""

import os

from flask import Flask
from werkzeug.serving import make_server
from x402 import x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync, PaymentOption
from x402.http.middleware.flask import payment_middleware
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


facilitator = HTTPFacilitatorClientSync(FacilitatorConfig(url=os.environ["FACILITATOR_URL"]))
server = register_exact_evm_server(x402ResourceServerSync(facilitator), NETWORK)
weather = PaymentOption(
    scheme="exact", network=NETWORK, pay_to=os.environ["PAY_TO"], price=price(), extra=method()
)

app = Flask(__name__)
payment_middleware(app, {"GET /weather": RouteConfig(accepts=weather, description="The weather")}, server)


@app.get("/weather")
def weather_report() -> dict[str, str]:
    """What is paid for."""
    return {"weather": "sunny"}


if __name__ == "__main__":
    shop = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
    print(f"selling at http://127.0.0.1:{shop.port}/weather; Ctrl-C ends it", flush=True)
    shop.serve_forever()
