// A seller on Express: the weather for 0.01 USDC, settled by Ferryman.
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const { ASSET, ASSET_NAME, ASSET_VERSION, FACILITATOR_URL, NETWORK, PAY_TO, PORT, TRANSFER_METHOD } = process.env;

// The network's USDC, or ASSET where the x402 packages know no USDC.
const price = ASSET
  ? { amount: "10000", asset: ASSET, extra: { name: ASSET_NAME, version: ASSET_VERSION } }
  : "$0.01";
// How the money is to be taken, if the usual way will not do.
const extra = TRANSFER_METHOD ? { assetTransferMethod: TRANSFER_METHOD } : {};

const facilitator = new HTTPFacilitatorClient({ url: FACILITATOR_URL });
const server = new x402ResourceServer(facilitator).register(NETWORK, new ExactEvmScheme());
const weather = { scheme: "exact", network: NETWORK, payTo: PAY_TO, price, extra };

const app = express();
app.use(paymentMiddleware({ "GET /weather": { accepts: weather, description: "The weather" } }, server));
app.get("/weather", (_request, response) => {
  response.json({ weather: "sunny" });
});
app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`selling at http://127.0.0.1:${PORT}/weather; Ctrl-C ends it`);
});
