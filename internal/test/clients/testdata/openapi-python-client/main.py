"""What a customer writes with the clients of openapi-python-client. It prints
what the clients give it, for the test to compare."""

import os

import abbeycross
import operatorapi
import shoptet
import squake
from abbeycross import models as am
from abbeycross.api.webhooks import delete_webhook as a_delete, list_webhooks as a_list, register_webhook as a_register, rotate_secret
from operatorapi import models as om
from operatorapi.api.accounts import create_account, delete_account, get_account, list_accounts
from operatorapi.api.events import publish_events
from operatorapi.api.tokens import create_token
from shoptet import models as sm
from shoptet.api.notifications import list_notifications
from shoptet.api.signature import renew_signature_key
from shoptet.api.webhooks import change_webhook as s_change, delete_webhook as s_delete, get_webhook as s_get
from shoptet.api.webhooks import list_webhooks as s_list, register_webhooks
from squake import models as qm
from squake.api.webhooks import change_webhook, delete_webhook, get_webhook, list_webhooks, register_webhook


def parsed(response, wanted):
    """What was read of a response, which must be of the wanted type."""
    assert isinstance(response.parsed, wanted), response
    return response.parsed


def do_squake():
    def client(token=os.environ["SQUAKE_TOKEN"]):
        return squake.AuthenticatedClient(base_url=os.environ["SQUAKE_URL"], token=token)

    c = client()
    registration = qm.Registration(kind=qm.EventKind.ORDER, endpoint_url="https://example.com/squake")
    made = parsed(register_webhook.sync_detailed(client=c, body=registration), qm.RegisteredWebhook)
    print("squake registered", made.kind.value, made.endpoint_url, made.last_sent_at or "never", len(made.signing_key))
    response = register_webhook.sync_detailed(client=c, body=registration)
    e = parsed(response, qm.Errors).errors[0]
    print("squake refused", response.status_code.value, e.code.value, e.source.attribute.value, str(e.source.id == made.id).lower())
    response = list_webhooks.sync_detailed(client=client("wrong"))
    e = parsed(response, qm.Errors).errors[0]
    print("squake unauthorized", response.status_code.value, e.code.value, e.source.attribute.value)
    listed = parsed(list_webhooks.sync_detailed(client=c), list)
    print("squake listed", len(listed), listed[0].kind.value, listed[0].failed_attempts)
    change = qm.Change(endpoint_url="https://example.com/new")
    changed = parsed(change_webhook.sync_detailed(made.id, client=c, body=change), qm.Webhook)
    print("squake changed", changed.kind.value, changed.endpoint_url)
    print("squake read", parsed(get_webhook.sync_detailed(made.id, client=c), qm.Webhook).endpoint_url)
    if delete_webhook.sync_detailed(made.id, client=c).status_code == 204:
        print("squake deleted")
    print("squake listed", len(parsed(list_webhooks.sync_detailed(client=c), list)))


def do_shoptet():
    def client(token=os.environ["SHOPTET_TOKEN"]):
        return shoptet.Client(base_url=os.environ["SHOPTET_URL"], headers={"Shoptet-Access-Token": token})

    def show_payload(w):
        return "null" if w.send_payload is None else w.send_payload

    c, url = client(), "https://example.com/shoptet"
    items = [
        sm.RegistrationItem(event=sm.RegistrableEvent.ORDERCREATE, url=url, send_payload="full"),
        sm.RegistrationItem(event=sm.RegistrableEvent.ORDERDELETE, url=url),
    ]
    made = parsed(register_webhooks.sync_detailed(client=c, body=sm.Registration(data=items)), sm.RegisteredWebhooks).data.webhooks
    print("shoptet registered", len(made), made[0].event.value, show_payload(made[0]), made[1].event.value, show_payload(made[1]))
    response = register_webhooks.sync_detailed(client=c, body=sm.Registration(data=items[:1]))
    e = parsed(response, sm.Errors).errors[0]
    print("shoptet refused", response.status_code.value, e.error_code.value, e.instance)
    response = s_list.sync_detailed(client=client("wrong"))
    e = parsed(response, sm.Errors).errors[0]
    print("shoptet unauthorized", response.status_code.value, e.error_code.value, e.instance)
    listed = parsed(s_list.sync_detailed(client=c, items_per_page=1000), sm.WebhookPage).data
    print("shoptet listed", len(listed.webhooks), "of", listed.paginator.total_count)
    change = sm.Change(data=sm.WebhookChange(url="https://example.com/new"))
    changed = parsed(s_change.sync_detailed(made[0].id, client=c, body=change), sm.NoData)
    print("shoptet changed", str(changed.data is None).lower())
    read = parsed(s_get.sync_detailed(made[1].id, client=c), sm.OneWebhook).data.webhook
    other = parsed(s_get.sync_detailed(made[0].id, client=c), sm.OneWebhook).data.webhook
    print("shoptet read", other.url, read.updated or "never", str(other.updated is None).lower())
    print("shoptet key", len(parsed(renew_signature_key.sync_detailed(client=c), sm.SignatureKey).data.signature_key))
    sent = list_notifications.sync_detailed(client=c, status=sm.Status.FAILED, active=sm.ListNotificationsActive.TRUE)
    print("shoptet notifications", len(parsed(sent, sm.NotificationPage).data.notifications))
    print("shoptet deleted", str(parsed(s_delete.sync_detailed(made[0].id, client=c), sm.NoData).data is None).lower())
    listed = parsed(s_list.sync_detailed(client=c), sm.WebhookPage).data
    print("shoptet listed", len(listed.webhooks), "of", listed.paginator.total_count)


def do_abbeycross():
    def client(token=os.environ["ABBEYCROSS_TOKEN"]):
        return abbeycross.AuthenticatedClient(base_url=os.environ["ABBEYCROSS_URL"], token=token)

    c = client()
    registration = am.Registration(url="https://example.com/abbeycross", events=["shipment.created", "shipment.delivered"])
    key = parsed(a_register.sync_detailed(client=c, body=registration), am.Key).api_secret_key
    print("abbeycross registered", len(key))
    response = a_register.sync_detailed(client=c, body=registration)
    e = parsed(response, am.ErrorResponse)
    print("abbeycross refused", response.status_code.value, e.code.value, e.parameter_name, e.parameter_value)
    response = a_list.sync_detailed(client=client("wrong"))
    print("abbeycross unauthorized", response.status_code.value, parsed(response, am.ErrorResponse).code.value)
    listed = parsed(a_list.sync_detailed(client=c), am.WebhookList).webhooks
    print("abbeycross listed", len(listed), *listed[0].events)
    rotated = parsed(rotate_secret.sync_detailed(listed[0].id, client=c), am.Key).api_secret_key
    print("abbeycross rotated", len(rotated), str(rotated != key).lower())
    if a_delete.sync_detailed(listed[0].id, client=c).status_code == 204:
        print("abbeycross deleted")
    print("abbeycross listed", len(parsed(a_list.sync_detailed(client=c), am.WebhookList).webhooks))


def do_operator():
    def client(token=os.environ["OPERATOR_TOKEN"]):
        return operatorapi.AuthenticatedClient(base_url=os.environ["OPERATOR_URL"], token=token)

    c = client()
    made = parsed(create_account.sync_detailed("squake:acme", client=c), om.Account)
    print("operator created", made.account, str(made.closing).lower())
    create_account.sync_detailed("squake:other", client=c)
    response = get_account.sync_detailed("squake:acme", client=client("wrong"))
    print("operator unauthorized", response.status_code.value, parsed(response, om.ErrorResponse).error.code.value)
    response = get_account.sync_detailed("nowhere:1", client=c)
    e = parsed(response, om.ErrorResponse).error
    print("operator refused", response.status_code.value, e.code.value, e.field)
    token = parsed(create_token.sync_detailed("squake:acme", client=c, body=om.TokenRequest()), om.CreatedToken)
    print("operator token", len(token.token), *(right.value for right in token.rights), token.expires_at or "never")
    event = om.Event(account="squake:acme", event="order", payload={"number": 17})
    result = parsed(publish_events.sync_detailed(client=c, body=om.Publication(events=[event])), om.Results).results[0]
    print("operator published", result.status.value, result.delivery or "null")
    page = parsed(list_accounts.sync_detailed(client=c, api="squake", limit=1), om.AccountPage)
    listed = page.accounts
    while page.next_ is not None:
        page = parsed(list_accounts.sync_detailed(client=c, api="squake", limit=1, cursor=page.next_), om.AccountPage)
        listed += page.accounts
    print("operator listed", *(a.account for a in listed))
    deleted = parsed(delete_account.sync_detailed("squake:acme", client=c), om.Account)
    print("operator deleted", str(deleted.closing).lower())


do_squake()
do_shoptet()
do_abbeycross()
do_operator()
