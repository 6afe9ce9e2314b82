import { createHmac, timingSafeEqual } from "node:crypto";

// body is a Buffer with the body as it came, before any parsing.
export function verify(key, headers, body) {
  const expected = Buffer.from(createHmac("HASH", key).update(body).digest("hex"));
  const given = Buffer.from(headers["LOWER"] ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
