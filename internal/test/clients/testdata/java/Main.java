import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import client.abbeycross.api.WebhooksApi;
import client.abbeycross.model.ErrorResponse;

/**
 * What a customer writes with the Java clients of openapi-generator. It prints
 * what the clients give it, for the test to compare.
 */
public class Main {
  public static void main(String[] args) throws Exception {
    squake();
    shoptet();
    abbeycross();
    operator();
  }

  static String env(String name) {
    return System.getenv(name);
  }

  static void say(Object... words) {
    System.out.println(String.join(" ", List.of(words).stream().map(String::valueOf).toList()));
  }

  static client.squake.api.WebhooksApi squakeApi(String token) {
    var c = new client.squake.ApiClient();
    c.updateBaseUri(env("SQUAKE_URL"));
    c.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return new client.squake.api.WebhooksApi(c);
  }

  static void squake() throws Exception {
    var api = squakeApi(env("SQUAKE_TOKEN"));
    var registration = new client.squake.model.Registration().kind(client.squake.model.EventKind.ORDER).endpointUrl("https://example.com/squake");
    var made = api.registerWebhook(registration);
    say("squake registered", made.getKind(), made.getEndpointUrl(), Objects.requireNonNullElse(made.getLastSentAt(), "never"), made.getSigningKey().length());
    try {
      api.registerWebhook(registration);
    } catch (client.squake.ApiException e) {
      var error = squakeError(e);
      say("squake refused", e.getCode(), error.getCode(), error.getSource().getAttribute(), made.getId().equals(error.getSource().getId()));
    }
    try {
      squakeApi("wrong").listWebhooks();
    } catch (client.squake.ApiException e) {
      var error = squakeError(e);
      say("squake unauthorized", e.getCode(), error.getCode(), error.getSource().getAttribute());
    }
    var listed = api.listWebhooks();
    say("squake listed", listed.size(), listed.get(0).getKind(), listed.get(0).getFailedAttempts());
    var changed = api.changeWebhook(made.getId(), new client.squake.model.Change().endpointUrl("https://example.com/new"));
    say("squake changed", changed.getKind(), changed.getEndpointUrl());
    say("squake read", api.getWebhook(made.getId()).getEndpointUrl());
    api.deleteWebhook(made.getId());
    say("squake deleted");
    say("squake listed", api.listWebhooks().size());
  }

  static client.squake.model.ErrorItem squakeError(client.squake.ApiException e) throws Exception {
    return client.squake.ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), client.squake.model.Errors.class).getErrors().get(0);
  }

  static client.shoptet.ApiClient shoptetClient(String token) {
    var c = new client.shoptet.ApiClient();
    c.updateBaseUri(env("SHOPTET_URL"));
    c.setRequestInterceptor(request -> request.header("Shoptet-Access-Token", token));
    return c;
  }

  static void shoptet() throws Exception {
    var c = shoptetClient(env("SHOPTET_TOKEN"));
    var api = new client.shoptet.api.WebhooksApi(c);
    var url = "https://example.com/shoptet";
    var first = new client.shoptet.model.RegistrationItem().event(client.shoptet.model.RegistrableEvent.ORDER_CREATE).url(url).sendPayload("full");
    var second = new client.shoptet.model.RegistrationItem().event(client.shoptet.model.RegistrableEvent.ORDER_DELETE).url(url);
    var made = api.registerWebhooks(new client.shoptet.model.Registration().data(List.of(first, second))).getData().getWebhooks();
    say("shoptet registered", made.size(), made.get(0).getEvent(), made.get(0).getSendPayload(), made.get(1).getEvent(), String.valueOf(made.get(1).getSendPayload()));
    try {
      api.registerWebhooks(new client.shoptet.model.Registration().data(List.of(first)));
    } catch (client.shoptet.ApiException e) {
      say("shoptet refused", e.getCode(), shoptetError(e).getErrorCode(), shoptetError(e).getInstance());
    }
    try {
      new client.shoptet.api.WebhooksApi(shoptetClient("wrong")).listWebhooks(null, null);
    } catch (client.shoptet.ApiException e) {
      say("shoptet unauthorized", e.getCode(), shoptetError(e).getErrorCode(), shoptetError(e).getInstance());
    }
    var listed = api.listWebhooks(1000, null).getData();
    say("shoptet listed", listed.getWebhooks().size(), "of", listed.getPaginator().getTotalCount());
    var change = new client.shoptet.model.WebhookChange().url("https://example.com/new");
    say("shoptet changed", api.changeWebhook(made.get(0).getId(), new client.shoptet.model.Change().data(change)).getData() == null);
    var read = api.getWebhook(made.get(1).getId()).getData().getWebhook();
    var other = api.getWebhook(made.get(0).getId()).getData().getWebhook();
    say("shoptet read", other.getUrl(), Objects.requireNonNullElse(read.getUpdated(), "never"), other.getUpdated() == null);
    say("shoptet key", new client.shoptet.api.SignatureApi(c).renewSignatureKey().getData().getSignatureKey().length());
    var notifications = new client.shoptet.api.NotificationsApi(c);
    var sent = notifications.listNotifications(client.shoptet.model.Status.FAILED, null, "true", null, null, null);
    say("shoptet notifications", sent.getData().getNotifications().size());
    say("shoptet deleted", api.deleteWebhook(made.get(0).getId()).getData() == null);
    listed = api.listWebhooks(null, null).getData();
    say("shoptet listed", listed.getWebhooks().size(), "of", listed.getPaginator().getTotalCount());
  }

  static client.shoptet.model.ErrorItem shoptetError(client.shoptet.ApiException e) throws Exception {
    return client.shoptet.ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), client.shoptet.model.Errors.class).getErrors().get(0);
  }

  static WebhooksApi abbeycrossApi(String token) {
    var c = new client.abbeycross.ApiClient();
    c.updateBaseUri(env("ABBEYCROSS_URL"));
    c.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return new WebhooksApi(c);
  }

  static void abbeycross() throws Exception {
    var api = abbeycrossApi(env("ABBEYCROSS_TOKEN"));
    var events = new LinkedHashSet<>(List.of("shipment.created", "shipment.delivered"));
    var registration = new client.abbeycross.model.Registration().url("https://example.com/abbeycross").events(events);
    var key = api.registerWebhook(registration).getApiSecretKey();
    say("abbeycross registered", key.length());
    try {
      api.registerWebhook(registration);
    } catch (client.abbeycross.ApiException e) {
      var error = abbeycrossError(e);
      say("abbeycross refused", e.getCode(), error.getCode(), error.getParameterName(), error.getParameterValue());
    }
    try {
      abbeycrossApi("wrong").listWebhooks();
    } catch (client.abbeycross.ApiException e) {
      say("abbeycross unauthorized", e.getCode(), abbeycrossError(e).getCode());
    }
    var listed = api.listWebhooks().getWebhooks();
    say("abbeycross listed", listed.size(), String.join(" ", listed.get(0).getEvents()));
    var rotated = api.rotateSecret(listed.get(0).getId()).getApiSecretKey();
    say("abbeycross rotated", rotated.length(), !rotated.equals(key));
    api.deleteWebhook(listed.get(0).getId());
    say("abbeycross deleted");
    say("abbeycross listed", api.listWebhooks().getWebhooks().size());
  }

  static ErrorResponse abbeycrossError(client.abbeycross.ApiException e) throws Exception {
    return client.abbeycross.ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), ErrorResponse.class);
  }

  static client.operatorapi.ApiClient operatorClient(String token) {
    var c = new client.operatorapi.ApiClient();
    c.updateBaseUri(env("OPERATOR_URL"));
    c.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return c;
  }

  static void operator() throws Exception {
    var c = operatorClient(env("OPERATOR_TOKEN"));
    var api = new client.operatorapi.api.AccountsApi(c);
    var made = api.createAccount("squake:acme");
    say("operator created", made.getAccount(), made.getClosing());
    api.createAccount("squake:other");
    try {
      new client.operatorapi.api.AccountsApi(operatorClient("wrong")).getAccount("squake:acme");
    } catch (client.operatorapi.ApiException e) {
      say("operator unauthorized", e.getCode(), operatorError(e).getCode());
    }
    try {
      api.getAccount("nowhere:1");
    } catch (client.operatorapi.ApiException e) {
      say("operator refused", e.getCode(), operatorError(e).getCode(), operatorError(e).getField());
    }
    var both = new LinkedHashSet<>(List.of(client.operatorapi.model.Right.READ, client.operatorapi.model.Right.WRITE));
    var wanted = new client.operatorapi.model.TokenRequest().rights(both); // without them it sends an empty array
    var token = new client.operatorapi.api.TokensApi(c).createToken("squake:acme", wanted);
    var rights = String.join(" ", token.getRights().stream().map(String::valueOf).toList());
    say("operator token", token.getToken().length(), rights, Objects.requireNonNullElse(token.getExpiresAt(), "never"));
    var event = new client.operatorapi.model.Event().account("squake:acme").event("order").payload(Map.of("number", 17));
    var publication = new client.operatorapi.model.Publication().events(List.of(event));
    var result = new client.operatorapi.api.EventsApi(c).publishEvents(publication).getResults().get(0);
    say("operator published", result.getStatus(), Objects.requireNonNullElse(result.getDelivery(), "null"));
    var listed = new ArrayList<String>();
    String next = null;
    do {
      var page = api.listAccounts("squake", 1, next);
      page.getAccounts().forEach(a -> listed.add(a.getAccount()));
      next = page.getNext();
    } while (next != null);
    say("operator listed", String.join(" ", listed));
    say("operator deleted", api.deleteAccount("squake:acme").getClosing());
  }

  static client.operatorapi.model.ErrorDetails operatorError(client.operatorapi.ApiException e) throws Exception {
    return client.operatorapi.ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), client.operatorapi.model.ErrorResponse.class).getError();
  }
}
