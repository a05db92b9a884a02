"""The reference facilitator of PyPI's x402, over HTTP: to measure beside ours, and to try sellers with.

`python -m local.bench.reference_facilitator` reads RPC_URL, CHAIN_ID, PRIVATE_KEY, PORT and SERVED from the
environment. SERVED=loop awaits it inside the server's event loop, as x402's own example does; SERVED=threads
gives each request a thread.
"""

import os
from typing import Any, Final, Protocol

import uvicorn
from fastapi import FastAPI
from x402 import x402Facilitator, x402FacilitatorSync
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

Body = dict[str, Any]
SERVED: Final = ("loop", "threads")


class _Answer(Protocol):
    def model_dump(self, *, by_alias: bool, exclude_none: bool) -> Body: ...


def in_loop(signer: FacilitatorWeb3Signer, network: str) -> FastAPI:
    """Serve it as its authors do: its waiting for a block is the whole server's."""
    facilitator = register_exact_evm_facilitator(x402Facilitator(), signer, networks=network)
    app = FastAPI()

    @app.post("/verify")
    async def verify(body: Body) -> Body:
        return _written(await facilitator.verify(*_read(body)))

    @app.post("/settle")
    async def settle(body: Body) -> Body:
        return _written(await facilitator.settle(*_read(body)))

    @app.get("/supported")
    def supported() -> Body:
        return _written(facilitator.get_supported())

    return app


def in_threads(signer: FacilitatorWeb3Signer, network: str) -> FastAPI:
    """Serve it as well as its parts allow: up to 40 requests wait for their blocks at once."""
    facilitator = register_exact_evm_facilitator(x402FacilitatorSync(), signer, networks=network)
    app = FastAPI()

    @app.post("/verify")
    def verify(body: Body) -> Body:
        return _written(facilitator.verify(*_read(body)))

    @app.post("/settle")
    def settle(body: Body) -> Body:
        return _written(facilitator.settle(*_read(body)))

    @app.get("/supported")
    def supported() -> Body:
        return _written(facilitator.get_supported())

    return app


def main() -> None:
    """Serve until a signal."""
    signer = FacilitatorWeb3Signer(os.environ["PRIVATE_KEY"], os.environ["RPC_URL"])
    serve = {"loop": in_loop, "threads": in_threads}[os.environ["SERVED"]]
    app = serve(signer, f"eip155:{os.environ['CHAIN_ID']}")
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")


def _read(body: Body) -> tuple[Any, Any]:
    payload = parse_payment_payload(body["paymentPayload"])
    return payload, parse_payment_requirements(payload.x402_version, body["paymentRequirements"])


def _written(answer: _Answer) -> Body:
    return answer.model_dump(by_alias=True, exclude_none=True)


if __name__ == "__main__":
    main()
