// What a customer writes with the types of openapi-typescript and its client,
// openapi-fetch. It prints what the client gives it, for the test to compare.
import createClient from "openapi-fetch";

import type * as abbeycross from "./abbeycross.js";
import type * as operatorapi from "./operatorapi.js";
import type * as shoptet from "./shoptet.js";
import type * as squake from "./squake.js";

declare const process: { env: Record<string, string> };

// the gives what must be there.
function the<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("it is not there");
  }
  return value;
}

function squakeAPI(token: string) {
  return createClient<squake.paths>({ baseUrl: process.env.SQUAKE_URL, headers: { Authorization: `Bearer ${token}` } });
}

async function doSquake(): Promise<void> {
  const api = squakeAPI(process.env.SQUAKE_TOKEN);
  const body: squake.components["schemas"]["Registration"] = { kind: "order", endpoint_url: "https://example.com/squake" };
  const made = the((await api.POST("/v2/webhooks", { body })).data);
  console.log("squake registered", made.kind, made.endpoint_url, made.last_sent_at ?? "never", made.signing_key.length);
  let { response, error } = await api.POST("/v2/webhooks", { body });
  let refused = the(error).errors[0];
  console.log("squake refused", response.status, refused.code, refused.source.attribute, refused.source.id === made.id);
  ({ response, error } = await squakeAPI("wrong").GET("/v2/webhooks"));
  refused = the(error).errors[0];
  console.log("squake unauthorized", response.status, refused.code, refused.source.attribute);
  const listed = the((await api.GET("/v2/webhooks")).data);
  console.log("squake listed", listed.length, listed[0].kind, listed[0].failed_attempts);
  const params = { path: { id: made.id } };
  const changed = the((await api.PUT("/v2/webhooks/{id}", { params, body: { endpoint_url: "https://example.com/new" } })).data);
  console.log("squake changed", changed.kind, changed.endpoint_url);
  console.log("squake read", the((await api.GET("/v2/webhooks/{id}", { params })).data).endpoint_url);
  if ((await api.DELETE("/v2/webhooks/{id}", { params })).response.status === 204) {
    console.log("squake deleted");
  }
  console.log("squake listed", the((await api.GET("/v2/webhooks")).data).length);
}

function shoptetAPI(token: string) {
  return createClient<shoptet.paths>({ baseUrl: process.env.SHOPTET_URL, headers: { "Shoptet-Access-Token": token } });
}

async function doShoptet(): Promise<void> {
  const api = shoptetAPI(process.env.SHOPTET_TOKEN);
  const url = "https://example.com/shoptet";
  const data: shoptet.components["schemas"]["RegistrationItem"][] = [
    { event: "order:create", url, sendPayload: "full" },
    { event: "order:delete", url },
  ];
  const made = the((await api.POST("/api/webhooks", { body: { data } })).data).data.webhooks;
  console.log("shoptet registered", made.length, made[0].event, made[0].sendPayload, made[1].event, made[1].sendPayload);
  let { response, error } = await api.POST("/api/webhooks", { body: { data: data.slice(0, 1) } });
  let refused = the(error).errors[0];
  console.log("shoptet refused", response.status, refused.errorCode, refused.instance);
  ({ response, error } = await shoptetAPI("wrong").GET("/api/webhooks"));
  refused = the(error).errors[0];
  console.log("shoptet unauthorized", response.status, refused.errorCode, refused.instance);
  let listed = the((await api.GET("/api/webhooks", { params: { query: { itemsPerPage: 1000 } } })).data).data;
  console.log("shoptet listed", listed.webhooks.length, "of", listed.paginator.totalCount);
  const params = (id: number) => ({ params: { path: { id } } });
  const body = { data: { url: "https://example.com/new" } };
  const changed = the((await api.PATCH("/api/webhooks/{id}", { ...params(made[0].id), body })).data);
  console.log("shoptet changed", changed.data === null);
  const read = the((await api.GET("/api/webhooks/{id}", params(made[1].id))).data).data.webhook;
  const other = the((await api.GET("/api/webhooks/{id}", params(made[0].id))).data).data.webhook;
  console.log("shoptet read", other.url, read.updated ?? "never", other.updated === null);
  console.log("shoptet key", the((await api.POST("/api/webhooks/renew-signature-key")).data).data.signatureKey.length);
  const query = { status: "failed" as const, active: "true" as const };
  const sent = the((await api.GET("/api/webhooks/notifications", { params: { query } })).data);
  console.log("shoptet notifications", sent.data.notifications.length);
  console.log("shoptet deleted", the((await api.DELETE("/api/webhooks/{id}", params(made[0].id))).data).data === null);
  listed = the((await api.GET("/api/webhooks")).data).data;
  console.log("shoptet listed", listed.webhooks.length, "of", listed.paginator.totalCount);
}

function abbeycrossAPI(token: string) {
  return createClient<abbeycross.paths>({ baseUrl: process.env.ABBEYCROSS_URL, headers: { Authorization: `Bearer ${token}` } });
}

async function doAbbeycross(): Promise<void> {
  const api = abbeycrossAPI(process.env.ABBEYCROSS_TOKEN);
  const body = { url: "https://example.com/abbeycross", events: ["shipment.created", "shipment.delivered"] };
  const key = the((await api.POST("/v1/webhooks/register", { body })).data).apiSecretKey;
  console.log("abbeycross registered", key.length);
  let { response, error } = await api.POST("/v1/webhooks/register", { body });
  let refused = the(error);
  console.log("abbeycross refused", response.status, refused.code, refused.parameter_name, refused.parameter_value);
  ({ response, error } = await abbeycrossAPI("wrong").GET("/v1/webhooks"));
  refused = the(error);
  console.log("abbeycross unauthorized", response.status, refused.code);
  const listed = the((await api.GET("/v1/webhooks")).data).webhooks;
  console.log("abbeycross listed", listed.length, ...listed[0].events);
  const params = { path: { id: listed[0].id } };
  const rotated = the((await api.POST("/v1/webhooks/{id}/rotate-secret", { params })).data).apiSecretKey;
  console.log("abbeycross rotated", rotated.length, rotated !== key);
  if ((await api.DELETE("/v1/webhooks/{id}", { params })).response.status === 204) {
    console.log("abbeycross deleted");
  }
  console.log("abbeycross listed", the((await api.GET("/v1/webhooks")).data).webhooks.length);
}

function operatorAPI(token: string) {
  return createClient<operatorapi.paths>({ baseUrl: process.env.OPERATOR_URL, headers: { Authorization: `Bearer ${token}` } });
}

async function doOperator(): Promise<void> {
  const api = operatorAPI(process.env.OPERATOR_TOKEN);
  const params = { path: { account: "squake:acme" } };
  const made = the((await api.PUT("/operator/accounts/{account}", { params })).data);
  console.log("operator created", made.account, made.closing);
  await api.PUT("/operator/accounts/{account}", { params: { path: { account: "squake:other" } } });
  let { response, error } = await operatorAPI("wrong").GET("/operator/accounts/{account}", { params });
  console.log("operator unauthorized", response.status, the(error).error.code);
  ({ response, error } = await api.GET("/operator/accounts/{account}", { params: { path: { account: "nowhere:1" } } }));
  console.log("operator refused", response.status, the(error).error.code, the(error).error.field);
  const token = the((await api.POST("/operator/accounts/{account}/tokens", { params, body: {} })).data);
  console.log("operator token", token.token.length, ...token.rights, token.expires_at ?? "never");
  const events = [{ account: "squake:acme", event: "order", payload: { number: 17 } }];
  const { results } = the((await api.POST("/events", { body: { events } })).data);
  console.log("operator published", results[0].status, results[0].delivery);
  const query = { api: "squake", limit: 1 };
  let page = the((await api.GET("/operator/accounts", { params: { query } })).data);
  const listed = page.accounts;
  while (page.next !== null) {
    page = the((await api.GET("/operator/accounts", { params: { query: { ...query, cursor: page.next } } })).data);
    listed.push(...page.accounts);
  }
  console.log("operator listed", ...listed.map((a) => a.account));
  console.log("operator deleted", the((await api.DELETE("/operator/accounts/{account}", { params })).data).closing);
}

await doSquake();
await doShoptet();
await doAbbeycross();
await doOperator();
