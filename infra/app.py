"""Synthesize the app: `python -m infra.app [stage [model …]]`, or `cdk deploy -c stage=prod` from infra/.

Needs no AWS credentials, no Docker, no Node.js of the machine's and no CDK CLI. Writes the cloud assembly to
$CDK_OUTDIR or infra/cdk.out and fails on any finding of cdk-nag that nobody has answered.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.node import use_pinned_node

use_pinned_node()

import aws_cdk as cdk  # noqa: E402  (jsii starts Node.js at import)
import cdk_nag  # noqa: E402

from infra.config import PRODUCT, STAGES, StageConfig  # noqa: E402
from infra.firewall import EdgeStack  # noqa: E402
from infra.inference.endpoint import InferenceStack  # noqa: E402
from infra.stack import CoreStack  # noqa: E402

# Kept here and not in cdk.json, which only the CDK CLI reads: one app, one template, however it is run.
_FLAGS = {
    "@aws-cdk/aws-apigateway:authorizerChangeDeploymentLogicalId": True,
    "@aws-cdk/aws-apigateway:logGroupDestinationArnWithoutWildcard": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-kms:aliasNameRef": True,
    "@aws-cdk/aws-s3:createDefaultLoggingPolicy": True,
    "@aws-cdk/aws-s3:publicAccessBlockedByDefault": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/core:explicitStackTags": True,
    "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
    "@aws-cdk/core:validateAgainstDefaultRules": True,
}


def build(config: StageConfig, *, outdir: Path | None = None) -> cdk.App:
    """The app of one stage; call `synth()` on it."""
    app = checked_app(outdir=outdir)
    cdk.Tags.of(app).add("service", PRODUCT)
    cdk.Tags.of(app).add("stage", config.name)
    core = CoreStack(app, "Core", config=config)
    EdgeStack(app, "Edge", config=config, api=core.api)
    InferenceStack(
        app,
        "Inference",
        config=config,
        storage=core.storage,
        events=core.events,
        alarms=core.monitoring.topic,
    )
    return app


def checked_app(*, outdir: Path | None = None) -> cdk.App:
    """An empty app with both rule packs: its `synth()` raises on any finding that nobody has answered."""
    app = cdk.App(
        outdir=str(outdir) if outdir else None, context=_FLAGS, analytics_reporting=False, tree_metadata=False
    )
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app))
    return app


def main() -> None:
    """Write the assembly of the stage named on the command line or by the CLI's `-c stage=`; dev if neither.

    Models named after the stage get an endpoint too: the local stack's `up --model`.
    """
    outdir = Path(os.environ.get("CDK_OUTDIR", Path(__file__).with_name("cdk.out")))
    stage = sys.argv[1] if len(sys.argv) > 1 else cdk.App().node.try_get_context("stage") or "dev"
    if stage not in STAGES:
        sys.exit(f'no stage "{stage}": one of {", ".join(sorted(STAGES))}')
    build(STAGES[stage].serving(sys.argv[2:]), outdir=outdir).synth()


if __name__ == "__main__":
    main()
