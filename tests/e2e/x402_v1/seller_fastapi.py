"""A seller on FastAPI as of x402's first protocol version: the weather for 0.01 USDC on Base Sepolia."""

import os
from functools import partial

import httpx
import uvicorn
from fastapi import FastAPI
from x402.fastapi.middleware import require_payment

# The package gives a facilitator five seconds and has no setting for it: too few on a busy machine.
httpx.AsyncClient = partial(httpx.AsyncClient, timeout=60.0)  # type: ignore[assignment,misc]

app = FastAPI()
app.middleware("http")(
    require_payment(
        price="$0.01",
        pay_to_address=os.environ["PAY_TO"],
        path="/weather",
        network="base-sepolia",
        facilitator_config={"url": os.environ["FACILITATOR_URL"]},
    )
)


@app.get("/weather")
def weather_report() -> dict[str, str]:
    """What is paid for."""
    return {"weather": "sunny"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
