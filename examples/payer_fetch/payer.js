// A payer with fetch: gets each address given, and pays for it if it is asked to.
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/client";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

// What this payer spends at once, in units of an asset that the x402 packages do not know.
const MOST_UNITS = "1000000";

const { ASSET, NETWORK, PRIVATE_KEY } = process.env;

// At most 1 USDC at once (the default), and in no other asset than ASSET.
const account = privateKeyToAccount(PRIVATE_KEY);
const client = new x402Client()
  .register("eip155:*", new ExactEvmScheme(account))
  .register("eip155:*", new UptoEvmScheme(account))
  .registerV1("base-sepolia", new ExactEvmSchemeV1(account));
if (ASSET) {
  const allowed = { network: NETWORK, asset: ASSET, maxAmountPerPayment: MOST_UNITS };
  client.setSpendControls({ allowedAssets: [allowed] });
}
const payingFetch = wrapFetchWithPayment(fetch, client);

const addresses = process.argv.slice(2);
if (!addresses.length) {
  console.error("which address? It is paid for if it asks for money.");
  process.exit(1);
}
for (const address of addresses) {
  const answer = await payingFetch(address).catch((error) => {
    const reasons = [error.message, error.cause?.message].filter(Boolean);
    console.error(`${address} does not answer, or is not paid: ${reasons.join(": ")}`);
    process.exit(1);
  });
  const receipt = answer.headers.get("PAYMENT-RESPONSE") ?? answer.headers.get("X-PAYMENT-RESPONSE");
  const paid = receipt && decodePaymentResponseHeader(receipt);
  // Why it was not taken: version 1 says it in the body.
  const required = answer.headers.get("PAYMENT-REQUIRED");
  const refused = required && decodePaymentRequiredHeader(required).error;
  console.log(JSON.stringify({ status: answer.status, body: await answer.text(), paid, refused }));
}
