"""What `sam local invoke` hands to functions, by the SAM CLI's own code.

Reads a JSON list of command lines, each a list of words after "sam", and writes
of each the program that would run, its environment and the event's file. Run
in the directory that the commands would be run in.
"""

import functools
import json
import os
import sys

import click
from samcli.commands.local.cli_common.invoke_context import InvokeContext
from samcli.commands.local.invoke.cli import cli as invoke
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.commands.local.local import cli as local
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider


@functools.cache
def functions(template, overrides):
    """The functions of a template, which takes SAM a while to read."""
    stacks, _ = SamLocalStackProvider.get_stacks(template, parameter_overrides=dict(overrides) or None)
    return SamFunctionProvider(stacks)


def resolve(words):
    if words[:2] != ["local", "invoke"]:
        raise ValueError(f"not `sam local invoke`: {words}")
    root = click.Context(click.Group("sam"), info_name="sam")
    parent = click.Context(local, parent=root, info_name="local")
    with invoke.make_context("invoke", list(words[2:]), parent=parent) as context:
        given = context.params
        runner = LocalLambdaRunner(
            local_runtime=None,
            function_provider=functions(given["template_file"], tuple(sorted(given["parameter_overrides"].items()))),
            cwd=os.path.dirname(given["template_file"]),
            real_path=os.path.dirname(given["template_file"]),
            env_vars_values=InvokeContext._get_env_vars_value(given["env_vars"]),
        )
        function = runner.get_function(given["function_logical_id"])
        config = runner.get_invoke_config(function)
        return {
            "function": config.name,
            "program": os.path.join(config.code_abs_path, "bootstrap"),
            "environment": config.env_vars.resolve(),
            "event": given["event"],
            "hosts": given["add_host"],
        }


if __name__ == "__main__":
    json.dump([resolve(words) for words in json.load(sys.stdin)], sys.stdout)
