"""A seller on Flask as of x402's first protocol version: the weather for 0.01 USDC on Base Sepolia."""

import os

from flask import Flask
from x402.flask.middleware import PaymentMiddleware

app = Flask(__name__)
PaymentMiddleware(app).add(
    price="$0.01",
    pay_to_address=os.environ["PAY_TO"],
    path="/weather",
    network="base-sepolia",
    facilitator_config={"url": os.environ["FACILITATOR_URL"]},
)


@app.get("/weather")
def weather_report() -> dict[str, str]:
    """What is paid for."""
    return {"weather": "sunny"}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
