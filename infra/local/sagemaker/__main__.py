"""`python -m infra.local.sagemaker --port N --config FILE [--state DIR]`: run the stand-in on loopback.

S3 and SNS are reached as boto3 always does: AWS_ENDPOINT_URL and the credentials of the
environment. Port 0 takes a free one; the line on standard output says which, once it listens.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import boto3
import uvicorn

from infra.local.sagemaker.aws import CLIENT_CONFIG, Aws
from infra.local.sagemaker.config import load_endpoints
from infra.local.sagemaker.journal import Journal, StateInUse
from infra.local.sagemaker.server import create_app

_HOST = "127.0.0.1"
_DRAIN_S = 5


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C. Exit status 2 says that it could not start, and why, on standard error."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        endpoints = load_endpoints(options.config)
        journal = Journal(options.state)
        listener = socket.create_server((_HOST, options.port), backlog=256)
    except (OSError, ValueError, StateInUse) as error:
        print(f"cannot start the SageMaker stand-in: {error}", file=sys.stderr)
        return 2
    session = boto3.Session(region_name=options.region)
    aws = Aws(s3=session.client("s3", config=CLIENT_CONFIG), sns=session.client("sns", config=CLIENT_CONFIG))
    app = create_app(endpoints, aws=aws, journal=journal, account=options.account, region=options.region)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_DRAIN_S)
    print(f"SageMaker Runtime stand-in on http://{_HOST}:{listener.getsockname()[1]}", flush=True)
    # uvicorn drains on a signal and then raises it once more: by then a clean end is what it should be.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local.sagemaker", description="SageMaker Runtime stand-in")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--config", type=Path, required=True, help="JSON: endpoint name to settings")
    parser.add_argument("--state", type=Path, help="folder that keeps accepted requests; default: memory")
    parser.add_argument("--account", default="000000000000", help="account that error messages name")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    parser.add_argument("--region", default=region)
    return parser


if __name__ == "__main__":
    sys.exit(main())
