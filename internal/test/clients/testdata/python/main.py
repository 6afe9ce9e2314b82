"""What a customer writes with the Python clients of openapi-generator. It
prints what the clients give it, for the test to compare."""

import os

import abbeycross
import operatorapi
import shoptet
import squake


def api_of(package, name, token, key=None, of="WebhooksApi"):
    """An API with a token: a bearer token, or the API key of a scheme."""
    credentials = {"api_key": {key: token}} if key else {"access_token": token}
    configuration = package.Configuration(host=os.environ[name + "_URL"], **credentials)
    return getattr(package, of)(package.ApiClient(configuration))


def refused(package, call, *arguments):
    """The status and the typed error of a call that must be refused."""
    try:
        call(*arguments)
    except package.ApiException as e:
        return e.status, e.data
    raise AssertionError("it was not refused")


def show_payload(w):
    return "null" if w.send_payload is None else w.send_payload


def do_squake():
    api = api_of(squake, "SQUAKE", os.environ["SQUAKE_TOKEN"])
    registration = squake.Registration(kind=squake.EventKind.ORDER, endpoint_url="https://example.com/squake")
    made = api.register_webhook(registration)
    print("squake registered", made.kind.value, made.endpoint_url, made.last_sent_at or "never", len(made.signing_key))
    status, errors = refused(squake, api.register_webhook, registration)
    e = errors.errors[0]
    print("squake refused", status, e.code, e.source.attribute, str(e.source.id == made.id).lower())
    status, errors = refused(squake, api_of(squake, "SQUAKE", "wrong").list_webhooks)
    print("squake unauthorized", status, errors.errors[0].code, errors.errors[0].source.attribute)
    listed = api.list_webhooks()
    print("squake listed", len(listed), listed[0].kind.value, listed[0].failed_attempts)
    changed = api.change_webhook(made.id, squake.Change(endpoint_url="https://example.com/new"))
    print("squake changed", changed.kind.value, changed.endpoint_url)
    print("squake read", api.get_webhook(made.id).endpoint_url)
    api.delete_webhook(made.id)
    print("squake deleted")
    print("squake listed", len(api.list_webhooks()))


def do_shoptet():
    def api(of="WebhooksApi", token=os.environ["SHOPTET_TOKEN"]):
        return api_of(shoptet, "SHOPTET", token, "shoptetAccessToken", of)

    url = "https://example.com/shoptet"
    events = shoptet.RegistrableEvent
    items = [
        shoptet.RegistrationItem(event=events.ORDER_COLON_CREATE, url=url, sendPayload="full"),
        shoptet.RegistrationItem(event=events.ORDER_COLON_DELETE, url=url),
    ]
    made = api().register_webhooks(shoptet.Registration(data=items)).data.webhooks
    print("shoptet registered", len(made), made[0].event.value, show_payload(made[0]), made[1].event.value, show_payload(made[1]))
    status, errors = refused(shoptet, api().register_webhooks, shoptet.Registration(data=items[:1]))
    print("shoptet refused", status, errors.errors[0].error_code, errors.errors[0].instance)
    status, errors = refused(shoptet, api(token="wrong").list_webhooks)
    print("shoptet unauthorized", status, errors.errors[0].error_code, errors.errors[0].instance)
    listed = api().list_webhooks(items_per_page=1000).data
    print("shoptet listed", len(listed.webhooks), "of", listed.paginator.total_count)
    changed = api().change_webhook(made[0].id, shoptet.Change(data=shoptet.WebhookChange(url="https://example.com/new")))
    print("shoptet changed", str(changed.data is None).lower())
    read = api().get_webhook(made[1].id).data.webhook
    other = api().get_webhook(made[0].id).data.webhook
    print("shoptet read", other.url, read.updated or "never", str(other.updated is None).lower())
    print("shoptet key", len(api("SignatureApi").renew_signature_key().data.signature_key))
    sent = api("NotificationsApi").list_notifications(status=shoptet.Status.FAILED, active="true")
    print("shoptet notifications", len(sent.data.notifications))
    print("shoptet deleted", str(api().delete_webhook(made[0].id).data is None).lower())
    listed = api().list_webhooks().data
    print("shoptet listed", len(listed.webhooks), "of", listed.paginator.total_count)


def do_abbeycross():
    api = api_of(abbeycross, "ABBEYCROSS", os.environ["ABBEYCROSS_TOKEN"])
    registration = abbeycross.Registration(url="https://example.com/abbeycross", events=["shipment.created", "shipment.delivered"])
    key = api.register_webhook(registration).api_secret_key
    print("abbeycross registered", len(key))
    status, e = refused(abbeycross, api.register_webhook, registration)
    print("abbeycross refused", status, e.code, e.parameter_name, e.parameter_value)
    status, e = refused(abbeycross, api_of(abbeycross, "ABBEYCROSS", "wrong").list_webhooks)
    print("abbeycross unauthorized", status, e.code)
    listed = api.list_webhooks().webhooks
    print("abbeycross listed", len(listed), *listed[0].events)
    rotated = api.rotate_secret(listed[0].id).api_secret_key
    print("abbeycross rotated", len(rotated), str(rotated != key).lower())
    api.delete_webhook(listed[0].id)
    print("abbeycross deleted")
    print("abbeycross listed", len(api.list_webhooks().webhooks))


def do_operator():
    def api(of="AccountsApi", token=os.environ["OPERATOR_TOKEN"]):
        return api_of(operatorapi, "OPERATOR", token, of=of)

    made = api().create_account("squake:acme")
    print("operator created", made.account, str(made.closing).lower())
    api().create_account("squake:other")
    status, e = refused(operatorapi, api(token="wrong").get_account, "squake:acme")
    print("operator unauthorized", status, e.error.code)
    status, e = refused(operatorapi, api().get_account, "nowhere:1")
    print("operator refused", status, e.error.code, e.error.var_field)
    token = api("TokensApi").create_token("squake:acme", operatorapi.TokenRequest())
    print("operator token", len(token.token), *(right.value for right in token.rights), token.expires_at or "never")
    event = operatorapi.Event(account="squake:acme", event="order", payload={"number": 17})
    result = api("EventsApi").publish_events(operatorapi.Publication(events=[event])).results[0]
    print("operator published", result.status, result.delivery or "null")
    page = api().list_accounts("squake", limit=1)
    listed = page.accounts
    while page.next is not None:
        page = api().list_accounts("squake", limit=1, cursor=page.next)
        listed += page.accounts
    print("operator listed", *(a.account for a in listed))
    print("operator deleted", str(api().delete_account("squake:acme").closing).lower())


do_squake()
do_shoptet()
do_abbeycross()
do_operator()
