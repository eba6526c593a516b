"""What the processes of a stack see of the machine they run on, and how we reach the emulator.

A stack never sees the user's AWS account: every `AWS_*` variable, profile and credentials file
is replaced before the first process starts, so a mistake ends at the emulator and not on a bill.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.local.state import CACHE_VARIABLE, HOME_VARIABLE, RUN_VARIABLE, Kept

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
ROOT_KEY: Final = "test"  # the emulator's root, reachable from this machine only

_DROPPED: Final = (
    *("AWS_", "MINISTACK_", "LOCALSTACK_", "LAMBDA_", "S3_", "CDK_"),
    *("PRESSCHECK_", "POWERTOOLS_", "PYTEST_"),
)
_KEPT: Final = (HOME_VARIABLE, CACHE_VARIABLE, "PYTHONPATH")
_EMULATOR_OPTIONS: Final = ("SERVICES", "AUTH", "DEBUG", "PERSIST_STATE", "USE_SSL", "EDGE_PORT", "DOCKER_NETWORK")


def clean(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The user's environment without anything that points at AWS or at another emulator."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name.startswith(_DROPPED) or name in _EMULATOR_OPTIONS)
    }
    no_proxy = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1", "localhost"]))
    return kept | {
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # many short-lived threads: glibc would keep an arena for each
    }


def of_run(environ: Mapping[str, str], *, run_id: str, tmp: Path) -> dict[str, str]:
    """For every process of a run: its mark, and a temporary directory that goes when it ends."""
    return clean(environ) | {RUN_VARIABLE: run_id, "TMPDIR": str(tmp)}


def of_root(environ: Mapping[str, str], *, endpoint_url: str) -> dict[str, str]:
    """For our own helpers, which act as the owner of the emulated account."""
    return {
        **environ,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_ENDPOINT_URL": endpoint_url,
    }


def of_emulator(environ: Mapping[str, str], *, kept: Kept, endpoint_url: str, sagemaker_url: str) -> dict[str, str]:
    """Handlers inherit all of this; their own variables and role credentials are laid over it by the emulator."""
    return {
        **environ,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(kept.emulator),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(kept.objects),
        "LAMBDA_WARM_TTL_SECONDS": "120",
        "LOG_LEVEL": environ.get("LOG_LEVEL", "WARNING"),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker_url,
    }


class Emulator:
    """boto3 clients of the emulated account's owner, whatever the environment says."""

    def __init__(self, endpoint_url: str) -> None:
        import boto3  # half a second that `status` and `up` of a running stack need not spend

        self.endpoint_url = endpoint_url
        self._session = boto3.Session(aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION)

    def client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 4, "mode": "standard"},
            proxies={},
            s3={"addressing_style": "path"},
            max_pool_connections=32,
        )
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)  # type: ignore[call-overload]  # one door for every service
