"""What the SAM CLI makes of --parameter-overrides, by its own code.

Reads a JSON object: "template", the path of one, and "stacks", of each a list
of values of --parameter-overrides, one for each deployment in a row. Writes of
each stack its parameters after each deployment, and what ended them early.
"""

import json
import sys

import botocore.exceptions
import click
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.deploy_context import DeployContext
from samcli.lib.deploy.deployer import Deployer
from samcli.yamlhelper import yaml_parse


class CloudFormation:
    """Keeps the parameters of one stack, as CloudFormation does."""

    def __init__(self, defaults):
        self.defaults = defaults
        self.parameters = None

    def describe_stacks(self, StackName):
        if self.parameters is None:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise botocore.exceptions.ClientError(error, "DescribeStacks")
        return {"Stacks": [{"StackName": StackName, "StackStatus": "UPDATE_COMPLETE"}]}

    def get_template_summary(self, StackName):
        return {"Parameters": [{"ParameterKey": key} for key in self.parameters]}

    def create_change_set(self, Parameters, **_):
        former, self.parameters = self.parameters or {}, dict(self.defaults)
        for parameter in Parameters:
            key = parameter["ParameterKey"]
            self.parameters[key] = former[key] if parameter.get("UsePreviousValue") else parameter["ParameterValue"]
        return {"Id": "change-set"}


def deploy(parsed, given):
    """Deploys one stack several times, and gives its parameters after each."""
    defaults = {key: str(p.get("Default", "")) for key, p in parsed["Parameters"].items()}
    stack, after = CloudFormation(defaults), []
    for value in given:
        try:
            overrides = CfnParameterOverridesType().convert(value, None, None)
        except click.BadParameter as error:
            return {"after": after, "error": error.format_message()}
        Deployer(stack).create_changeset(
            stack_name="hookline",
            cfn_template="",
            parameter_values=DeployContext.merge_parameters(parsed, overrides),
            capabilities=None,
            role_arn=None,
            notification_arns=None,
            s3_uploader=None,
            tags=[],
        )
        after.append(dict(stack.parameters))
    return {"after": after, "error": ""}


def main():
    task = json.load(sys.stdin)
    with open(task["template"], encoding="utf-8") as template:
        parsed = yaml_parse(template.read())
    json.dump([deploy(parsed, given) for given in task["stacks"]], sys.stdout)


if __name__ == "__main__":
    main()
