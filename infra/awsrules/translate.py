"""Prints the templates as CloudFormation gets them, as one JSON object by path.

template.yaml is translated by SAM's own translator, with the places of what
`sam package` uploads filled in. The nested templates need no translation.
"""

import json
import os
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

NESTED = ("infra/data.yaml", "infra/operations.yaml")


class NoManagedPolicies:
    """Stands for the list of AWS's managed policies, of which none is used."""

    def load(self):
        return {}


def main(root):
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    template = yaml_parse((root / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    templates = {"template.yaml": transform(template, {}, NoManagedPolicies())}
    for path in NESTED:
        templates[path] = yaml_parse((root / path).read_text())
    json.dump(templates, sys.stdout, default=str)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
