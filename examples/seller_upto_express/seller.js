// A seller on Express who is paid by use: up to 0.01 USDC for the weather, as many words as it takes.
import { HTTPFacilitatorClient } from "@x402/core/server";
import { UptoEvmScheme } from "@x402/evm/upto/server";
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from "@x402/express";
import express from "express";

const { ASSET, ASSET_NAME, ASSET_VERSION, FACILITATOR_KEY, FACILITATOR_URL, NETWORK, PAY_TO, PORT } = process.env;
const UNITS_PER_WORD = 2_350;

// The most that is asked: of the network's USDC, or of ASSET where the x402 packages know no USDC.
const price = ASSET
  ? { amount: "10000", asset: ASSET, extra: { name: ASSET_NAME, version: ASSET_VERSION } }
  : "$0.01";

// Who sells: what was taken is our word, so the facilitator wants to know us.
const key = { "X-Api-Key": FACILITATOR_KEY };
const facilitator = new HTTPFacilitatorClient({
  url: `${FACILITATOR_URL}/service`,
  createAuthHeaders: async () => ({ verify: key, settle: key, supported: key }),
});
const server = new x402ResourceServer(facilitator).register(NETWORK, new UptoEvmScheme());
const weather = { scheme: "upto", network: NETWORK, payTo: PAY_TO, price };

const app = express();
app.use(paymentMiddleware({ "GET /weather": { accepts: weather, description: "The weather" } }, server));
app.get("/weather", (_request, response) => {
  const report = "sunny";
  setSettlementOverrides(response, { amount: String(UNITS_PER_WORD * report.split(" ").length) });
  response.json({ weather: report });
});
app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`selling at http://127.0.0.1:${PORT}/weather; Ctrl-C ends it`);
});
