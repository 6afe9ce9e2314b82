import { createHmac, timingSafeEqual } from "node:crypto";

// body is a Buffer with the body as it came, before any parsing.
export function verify(key, headers, body) {
  const secret = Buffer.from(key.replace(/^whsec_/, ""), "base64");
  const sent = Number(headers["webhook-timestamp"]);
  if (!(Math.abs(Date.now() / 1000 - sent) < 300)) return false;
  const hmac = createHmac("sha256", secret);
  hmac.update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`).update(body);
  const expected = Buffer.from("v1," + hmac.digest("base64"));
  return headers["webhook-signature"].split(" ").some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
