"""Reading synthesized templates in the words a person would use."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

Resource = dict[str, Any]
Template = dict[str, Any]


def of_type(template: Template, kind: str) -> dict[str, Resource]:
    """Properties of all resources of a type, e.g. `AWS::SQS::Queue`, by logical id without its hash."""
    return {plain(name): item["Properties"] for name, item in template["Resources"].items() if item["Type"] == kind}


def plain(logical_id: str) -> str:
    """A logical id without the hash that CDK puts behind it."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def words(value: Any) -> Any:
    """An ARN or name with its intrinsics written out: `<StorageLedger.Arn>/index/*`."""
    match value:
        case {"Ref": name}:
            return f"<{plain(name)}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{plain(name)}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return separator.join(words(part) for part in parts)
        case {"Fn::ImportValue": name}:
            return re.sub(r"[0-9A-F]{8}(Arn|Ref)?[0-9A-F]{8}$", r"\1", str(name))
        case _:
            return value


def allowed(template: Template, role: str) -> dict[str, set[str]]:
    """Resources by action that the inline policies of a role allow."""
    may: dict[str, set[str]] = defaultdict(set)
    for policy in of_type(template, "AWS::IAM::Policy").values():
        if {"Ref": role} not in [{"Ref": plain(ref["Ref"])} for ref in policy["Roles"]]:
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _listed(statement["Action"]):
                may[action] |= {words(resource) for resource in _listed(statement["Resource"])}
    return dict(may)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
