// What a customer writes with the TypeScript clients of openapi-generator. It
// prints what the clients give it, for the test to compare.
import * as abbeycross from "./abbeycross/index.js";
import * as operatorapi from "./operatorapi/index.js";
import * as shoptet from "./shoptet/index.js";
import * as squake from "./squake/index.js";

declare const process: { env: Record<string, string> };

// refused gives the status and the error of a call that must be refused.
async function refused<T>(call: Promise<unknown>, parse: (json: unknown) => T): Promise<[number, T]> {
  try {
    await call;
  } catch (e) {
    const { response } = e as { response: Response };
    return [response.status, parse(await response.json())];
  }
  throw new Error("it was not refused");
}

function squakeAPI(accessToken: string): squake.WebhooksApi {
  return new squake.WebhooksApi(new squake.Configuration({ basePath: process.env.SQUAKE_URL, accessToken }));
}

async function doSquake(): Promise<void> {
  const api = squakeAPI(process.env.SQUAKE_TOKEN);
  const registration: squake.Registration = { kind: squake.EventKind.Order, endpointUrl: "https://example.com/squake" };
  const made = await api.registerWebhook({ registration });
  console.log("squake registered", made.kind, made.endpointUrl, made.lastSentAt ?? "never", made.signingKey.length);
  let [status, { errors }] = await refused(api.registerWebhook({ registration }), squake.ErrorsFromJSON);
  console.log("squake refused", status, errors[0].code, errors[0].source.attribute, errors[0].source.id === made.id);
  [status, { errors }] = await refused(squakeAPI("wrong").listWebhooks(), squake.ErrorsFromJSON);
  console.log("squake unauthorized", status, errors[0].code, errors[0].source.attribute);
  const listed: squake.Webhook[] = await api.listWebhooks();
  console.log("squake listed", listed.length, listed[0].kind, listed[0].failedAttempts);
  const changed = await api.changeWebhook({ id: made.id, change: { endpointUrl: "https://example.com/new" } });
  console.log("squake changed", changed.kind, changed.endpointUrl);
  console.log("squake read", (await api.getWebhook({ id: made.id })).endpointUrl);
  await api.deleteWebhook({ id: made.id });
  console.log("squake deleted");
  console.log("squake listed", (await api.listWebhooks()).length);
}

// shoptetConfiguration sends the token in one of the two headers that may carry
// it: to send both is refused.
function shoptetConfiguration(token: string): shoptet.Configuration {
  const apiKey = (name: string): string => (name === "Shoptet-Access-Token" ? token : undefined!);
  return new shoptet.Configuration({ basePath: process.env.SHOPTET_URL, apiKey });
}

async function doShoptet(): Promise<void> {
  const configuration = shoptetConfiguration(process.env.SHOPTET_TOKEN);
  const api = new shoptet.WebhooksApi(configuration);
  const url = "https://example.com/shoptet";
  const data: shoptet.RegistrationItem[] = [
    { event: shoptet.RegistrableEvent.OrderCreate, url, sendPayload: "full" },
    { event: shoptet.RegistrableEvent.OrderDelete, url },
  ];
  const made = (await api.registerWebhooks({ registration: { data } })).data.webhooks;
  console.log("shoptet registered", made.length, made[0].event, made[0].sendPayload, made[1].event, made[1].sendPayload);
  let [status, { errors }] = await refused(api.registerWebhooks({ registration: { data: data.slice(0, 1) } }), shoptet.ErrorsFromJSON);
  console.log("shoptet refused", status, errors[0].errorCode, errors[0].instance);
  const wrong = new shoptet.WebhooksApi(shoptetConfiguration("wrong"));
  [status, { errors }] = await refused(wrong.listWebhooks(), shoptet.ErrorsFromJSON);
  console.log("shoptet unauthorized", status, errors[0].errorCode, errors[0].instance);
  let listed = (await api.listWebhooks({ itemsPerPage: 1000 })).data;
  console.log("shoptet listed", listed.webhooks.length, "of", listed.paginator.totalCount);
  const changed = await api.changeWebhook({ id: made[0].id, change: { data: { url: "https://example.com/new" } } });
  console.log("shoptet changed", changed.data === null);
  const read = (await api.getWebhook({ id: made[1].id })).data.webhook;
  const other = (await api.getWebhook({ id: made[0].id })).data.webhook;
  console.log("shoptet read", other.url, read.updated ?? "never", other.updated === null);
  console.log("shoptet key", (await new shoptet.SignatureApi(configuration).renewSignatureKey()).data.signatureKey.length);
  const sent = await new shoptet.NotificationsApi(configuration).listNotifications({ status: shoptet.Status.Failed, active: "true" });
  console.log("shoptet notifications", sent.data.notifications.length);
  console.log("shoptet deleted", (await api.deleteWebhook({ id: made[0].id })).data === null);
  listed = (await api.listWebhooks()).data;
  console.log("shoptet listed", listed.webhooks.length, "of", listed.paginator.totalCount);
}

function abbeycrossAPI(accessToken: string): abbeycross.WebhooksApi {
  return new abbeycross.WebhooksApi(new abbeycross.Configuration({ basePath: process.env.ABBEYCROSS_URL, accessToken }));
}

async function doAbbeycross(): Promise<void> {
  const api = abbeycrossAPI(process.env.ABBEYCROSS_TOKEN);
  const registration: abbeycross.Registration = { url: "https://example.com/abbeycross", events: new Set(["shipment.created", "shipment.delivered"]) };
  const key = (await api.registerWebhook({ registration })).apiSecretKey;
  console.log("abbeycross registered", key.length);
  let [status, e] = await refused(api.registerWebhook({ registration }), abbeycross.ErrorResponseFromJSON);
  console.log("abbeycross refused", status, e.code, e.parameterName, e.parameterValue);
  [status, e] = await refused(abbeycrossAPI("wrong").listWebhooks(), abbeycross.ErrorResponseFromJSON);
  console.log("abbeycross unauthorized", status, e.code);
  const listed = (await api.listWebhooks()).webhooks;
  console.log("abbeycross listed", listed.length, ...listed[0].events);
  const rotated = (await api.rotateSecret({ id: listed[0].id })).apiSecretKey;
  console.log("abbeycross rotated", rotated.length, rotated !== key);
  await api.deleteWebhook({ id: listed[0].id });
  console.log("abbeycross deleted");
  console.log("abbeycross listed", (await api.listWebhooks()).webhooks.length);
}

function operatorConfiguration(accessToken: string): operatorapi.Configuration {
  return new operatorapi.Configuration({ basePath: process.env.OPERATOR_URL, accessToken });
}

async function doOperator(): Promise<void> {
  const configuration = operatorConfiguration(process.env.OPERATOR_TOKEN);
  const api = new operatorapi.AccountsApi(configuration);
  const account = "squake:acme";
  const made = await api.createAccount({ account });
  console.log("operator created", made.account, made.closing);
  await api.createAccount({ account: "squake:other" });
  const wrong = new operatorapi.AccountsApi(operatorConfiguration("wrong"));
  let [status, { error }] = await refused(wrong.getAccount({ account }), operatorapi.ErrorResponseFromJSON);
  console.log("operator unauthorized", status, error.code);
  [status, { error }] = await refused(api.getAccount({ account: "nowhere:1" }), operatorapi.ErrorResponseFromJSON);
  console.log("operator refused", status, error.code, error.field);
  const token = await new operatorapi.TokensApi(configuration).createToken({ account, tokenRequest: {} });
  console.log("operator token", token.token.length, ...token.rights, token.expiresAt ?? "never");
  const events: operatorapi.Event[] = [{ account, event: "order", payload: { number: 17 } }];
  const { results } = await new operatorapi.EventsApi(configuration).publishEvents({ publication: { events } });
  console.log("operator published", results[0].status, results[0].delivery);
  let page = await api.listAccounts({ api: "squake", limit: 1 });
  const listed = page.accounts;
  while (page.next !== null) {
    page = await api.listAccounts({ api: "squake", limit: 1, cursor: page.next });
    listed.push(...page.accounts);
  }
  console.log("operator listed", ...listed.map((a) => a.account));
  console.log("operator deleted", (await api.deleteAccount({ account })).closing);
}

await doSquake();
await doShoptet();
await doAbbeycross();
await doOperator();
