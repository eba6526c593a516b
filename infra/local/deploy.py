"""Deploy a synthesized stack to the emulator through CloudFormation, as the CDK CLI would, with boto3 alone.

The template is deployed as it was synthesized: what cannot run locally stays in a stack of its
own that is not deployed here. Never repairs what the emulator dropped: see reconcile.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.local.environment import ACCOUNT, REGION, Emulator

_LOOK_EVERY_S: Final = 0.1
_WITHIN_S: Final = 120.0
_CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_BOOTSTRAP_VERSION: Final = "/cdk-bootstrap/hnb659fds/version"


class DeploymentError(RuntimeError):
    """CloudFormation refused the template or a resource failed; the message names it."""


@dataclass(frozen=True)
class Assembly:
    """One cloud assembly on disk."""

    folder: Path

    def stacks(self) -> dict[str, Path]:
        """Template of each stack by the stack's name."""
        return {name: self.folder / artifact["templateFile"] for name, artifact in self._artifacts()}

    def assets(self, stack: str) -> dict[str, Any]:
        artifact = dict(self._artifacts())[stack]["templateFile"].replace(".template.json", ".assets.json")
        files: dict[str, Any] = json.loads((self.folder / artifact).read_text())["files"]
        return files

    def _artifacts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        manifest = json.loads((self.folder / "manifest.json").read_text())
        for key, artifact in manifest["artifacts"].items():
            if artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                yield properties.get("stackName", key), properties


@dataclass(frozen=True)
class Deployed:
    """A stack as it stands in the emulator. `physical` maps logical to physical ids; `changed` is False for a no-op."""

    stack: str
    template: dict[str, Any]
    physical: dict[str, str]
    outputs: dict[str, str]
    changed: bool

    def functions(self) -> list[str]:
        """Names of the Lambda functions that the template declares."""
        resources = self.template["Resources"].items()
        return [self.physical[key] for key, item in resources if item["Type"] == "AWS::Lambda::Function"]


def deploy(emulator: Emulator, assembly: Assembly, stack: str) -> Deployed:
    """Create or update the stack and wait for it. Safe to call again: an unchanged stack is left alone.

    Raises DeploymentError.
    """
    cloudformation = emulator.client("cloudformation")
    template_path = assembly.stacks()[stack]
    template = json.loads(template_path.read_text())
    digest = hashlib.sha256(template_path.read_bytes()).hexdigest()
    before = _described(cloudformation, stack)
    if before and before["StackStatus"] in {"CREATE_FAILED", "ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS"}:
        cloudformation.delete_stack(StackName=stack)  # a deployment that was cut off cannot be updated
        before = None
    changed = before is None or _tag(before, "template") != digest
    if changed:
        url = _upload(emulator, assembly, stack)
        request = {
            "StackName": stack,
            "TemplateURL": url,
            "Capabilities": _CAPABILITIES,
            "Tags": [{"Key": "template", "Value": digest}],
        }
        try:
            (cloudformation.update_stack if before else cloudformation.create_stack)(**request)
        except ClientError as error:
            if "No updates" not in str(error):
                raise DeploymentError(f"{stack}: {error.response['Error']['Message']}") from error
    after = _settled(cloudformation, stack)
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return Deployed(
        stack=stack,
        template=template,
        physical={item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources},
        outputs={item["OutputKey"]: item["OutputValue"] for item in after.get("Outputs", [])},
        changed=changed,
    )


def _upload(emulator: Emulator, assembly: Assembly, stack: str) -> str:
    """Put every asset where the template looks for it; returns the template's own URL.

    Code first: the emulator creates a function whose code is missing without a word.
    """
    s3, template_url = emulator.client("s3"), ""
    emulator.client("ssm").put_parameter(Name=_BOOTSTRAP_VERSION, Value="99", Type="String", Overwrite=True)
    for asset in assembly.assets(stack).values():
        source = assembly.folder / asset["source"]["path"]
        for destination in asset["destinations"].values():
            bucket, key = _here(destination["bucketName"]), destination["objectKey"]
            if source == assembly.stacks()[stack]:
                # Path-style on the endpoint: the emulator refuses the virtual-host form.
                template_url = f"{emulator.endpoint_url}/{bucket}/{key}"
            if not _has_bucket(s3, bucket):
                s3.create_bucket(Bucket=bucket)
            if not _exists(s3, bucket, key):
                packed = asset["source"]["packaging"] == "zip"
                s3.put_object(Bucket=bucket, Key=key, Body=_zipped(source) if packed else source.read_bytes())
    return template_url


def _has_bucket(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        return False
    return True


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def _zipped(folder: Path) -> bytes:
    if folder.is_file():
        return folder.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _here(name: str) -> str:
    known = {"${AWS::AccountId}": ACCOUNT, "${AWS::Region}": REGION, "${AWS::Partition}": "aws"}
    for variable, value in known.items():
        name = name.replace(variable, value)
    return name


def _described(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError:
        return None
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _tag(described: dict[str, Any], key: str) -> str | None:
    return next((tag["Value"] for tag in described.get("Tags", []) if tag["Key"] == key), None)


def _settled(cloudformation: Any, stack: str) -> dict[str, Any]:
    deadline = time.monotonic() + _WITHIN_S
    while True:
        described = _described(cloudformation, stack)
        if described is None:
            raise DeploymentError(f"{stack}: the stack is gone")
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeploymentError(f"{stack}: still {described['StackStatus']} after {_WITHIN_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    if described["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise DeploymentError(f"{stack}: {described['StackStatus']}: {_reasons(cloudformation, stack)}")
    return described


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "; ".join(failed) or "no reason given"
