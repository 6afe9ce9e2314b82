"""Serves ministack, an emulator of AWS, for the deploy test.

ministack judges every request by the policies of whoever signed it (AUTH=true),
but leaves out condition keys that Hookline's policies use: an absent key lets
every ForAllValues condition hold and every StringEquals fail. Here it is told
these keys, so that policies are judged as AWS judges them:

  dynamodb:LeadingKeys      the partition keys that a request names
  kms:DataKeyPairSpec       of a new data key pair
  kms:EncryptionContext:*   and kms:EncryptionContextKeys

Requests count as sent with TLS, since AWS is asked so and ministack is not:

  aws:SecureTransport       true

An action is named as IAM names it, too:

  sqs:SendMessage           of SendMessageBatch, and so on

Four mistakes of its CloudFormation are put right:

  A nested stack that is deleted with its parent keeps what its template says
  to retain (DeletionPolicy).
  A resource of a nested stack that an update leaves as it is keeps its
  attributes for Fn::GetAtt.
  The concurrency of a queue's event source is a number, also where a parameter
  gave it, which is a text.
  A table is encrypted as its template says.

A function reaches these services by the addresses in ministack's own environment,
where its template leaves the variables AWS_ENDPOINT_URL_... empty, which on AWS
means AWS.

An alarm on metric math, which its CloudFormation refuses, is made of the first
metric of the expression.

Everything else is ministack's own, and its settings are in the environment.
"""

import json
import re

from ministack import app
from ministack.core import iam_actions
from ministack.services import cloudformation, dynamodb
from ministack.services.cloudformation import provisioners

# The name of every table's partition key, of its indexes too.
PARTITION_KEYS = ("pk",)
# A key condition's comparison of one name to one value, as DynamoDB writes it.
EQUALS = re.compile(r"([#\w]+)\s*=\s*(:\w+)")


def members(body):
    """The members of a request in JSON, none where it is something else."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def typed(value):
    """The plain value of a DynamoDB attribute value such as {"S": "x"}."""
    return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value


def of_item(item):
    """The partition keys in an item or in a key."""
    return [typed(item[name]) for name in PARTITION_KEYS if name in item]


def of_query(request):
    """The partition keys that a query's key condition names."""
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    return [
        typed(values[value])
        for name, value in EQUALS.findall(request.get("KeyConditionExpression") or "")
        if names.get(name, name) in PARTITION_KEYS and value in values
    ]


def leading_keys(request):
    """All partition keys that a DynamoDB request names, of any operation."""
    keys = of_query(request)
    for part in (request, *request.get("TransactItems", ())):
        for detail in (part, *part.values()):
            if isinstance(detail, dict):
                keys += of_item(detail.get("Key") or {}) + of_item(detail.get("Item") or {})
    for requests in (request.get("RequestItems") or {}).values():
        if isinstance(requests, dict):  # BatchGetItem
            for key in requests.get("Keys", ()):
                keys += of_item(key)
            continue
        for write in requests:  # BatchWriteItem
            keys += of_item((write.get("PutRequest") or {}).get("Item") or {})
            keys += of_item((write.get("DeleteRequest") or {}).get("Key") or {})
    return sorted(set(keys))


def kms_keys(request):
    """The condition keys of a KMS request."""
    context = request.get("EncryptionContext") or {}
    found = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    if context:
        found["kms:EncryptionContextKeys"] = sorted(context)
    if "KeyPairSpec" in request:
        found["kms:DataKeyPairSpec"] = request["KeyPairSpec"]
    return found


def add_condition_keys():
    """Have ministack's own context of a request say these keys too."""
    context, tags = iam_actions.dynamodb_service_context, iam_actions.request_tag_context

    def dynamodb_service_context(body):
        keys = leading_keys(members(body))
        return {**context(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    def request_tag_context(service, iam_action, body, params):
        found = tags(service, iam_action, body, params)
        return {**found, **kms_keys(members(body))} if service == "kms" else found

    iam_actions.dynamodb_service_context = dynamodb_service_context
    iam_actions.request_tag_context = request_tag_context


def count_as_secure():
    """Have every request count as one that came with TLS."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)


# What IAM asks for where SQS is sent several messages' requests at once.
BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def name_actions_of_batches():
    """Have the action of a batch be that of each of its parts."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*args, **named):
        action = extract(*args, **named)
        return BATCHES.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action


def count_concurrency():
    """Have the concurrency of a queue's event source be a number."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]

    def counted(props):
        scaling = props.get("ScalingConfig") or {}
        if "MaximumConcurrency" not in scaling:
            return props
        return {**props, "ScalingConfig": {**scaling, "MaximumConcurrency": int(scaling["MaximumConcurrency"])}}

    create, update = handlers["create"], handlers["update"]
    handlers["create"] = lambda logical_id, props, stack: create(logical_id, counted(props), stack)
    handlers["update"] = lambda physical_id, old, new, *rest: update(physical_id, old, counted(new), *rest)


def lead_to_this():
    """Have a function inherit each endpoint that its template leaves empty."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]

    def led(props):
        settings = props.get("Environment") or {}
        variables = {
            name: value
            for name, value in (settings.get("Variables") or {}).items()
            if value != "" or not name.startswith("AWS_ENDPOINT_URL_")
        }
        return {**props, "Environment": {**settings, "Variables": variables}}

    create, update = handlers["create"], handlers["update"]
    handlers["create"] = lambda logical_id, props, stack: create(logical_id, led(props), stack)
    handlers["update"] = lambda physical_id, old, new, *rest: update(physical_id, old, led(new), *rest)


def encrypt_tables():
    """Have a table be encrypted as its template says."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    create = handlers["create"]

    def create_encrypted(logical_id, props, stack):
        made = create(logical_id, props, stack)
        asked = props.get("SSESpecification")
        if asked:
            request = {**asked, "Enabled": asked.get("SSEEnabled")}
            dynamodb._tables[made[0]]["SSEDescription"] = dynamodb._sse_description_from_spec(request)
        return made

    handlers["create"] = create_encrypted


NESTED = "AWS::CloudFormation::Stack"
RETAINS = ("Retain", "RetainExceptOnCreate")


def retain_when_nested():
    """Have the deletion of a nested stack let go of what it is to retain."""
    handlers = provisioners._RESOURCE_HANDLERS[NESTED]
    delete = handlers["delete"]

    def delete_nested(physical_id, props):
        child = cloudformation._stacks.get(provisioners._nested_stack_lookup_name(physical_id))
        if child:
            for name, definition in child["_template"]["Resources"].items():
                if definition.get("DeletionPolicy") in RETAINS:
                    child["_resources"].pop(name, None)
        return delete(physical_id, props)

    handlers["delete"] = delete_nested


def remember_when_nested():
    """Have the update of a nested stack remember what it leaves as it is."""
    update = provisioners._update_resource

    def update_resource(resource_type, physical_id, old, new, stack, logical_id=None, old_attrs=None):
        if old_attrs is None:
            resources = cloudformation._stacks[stack]["_resources"]
            old_attrs = resources.get(logical_id, {}).get("Attributes")
        return update(resource_type, physical_id, old, new, stack, logical_id, old_attrs)

    provisioners._update_resource = update_resource


def take_metric_math():
    """Have an alarm on an expression watch the expression's first metric: it is
    made, and evaluates no metric math."""
    record = provisioners._cw_metric_alarm_record

    def first_metric(name, props):
        stats = [m["MetricStat"] for m in props.get("Metrics") or [] if "MetricStat" in m]
        if stats:
            stat = stats[0]
            props = {k: v for k, v in props.items() if k != "Metrics"}
            props |= stat["Metric"] | {"Period": stat["Period"], "Statistic": stat["Stat"]}
        return record(name, props)

    provisioners._cw_metric_alarm_record = first_metric


if __name__ == "__main__":
    add_condition_keys()
    count_as_secure()
    retain_when_nested()
    remember_when_nested()
    name_actions_of_batches()
    count_concurrency()
    lead_to_this()
    encrypt_tables()
    take_metric_math()
    app.main()
