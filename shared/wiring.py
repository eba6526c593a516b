"""The composition root: builds everything once per process from the environment.

The only place that makes clients, with explicit time-outs and retries. Functions ask for the one door they need.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from shared.allowances import Allowances
from shared.batchfiles import BatchFiles
from shared.cache import Cache
from shared.catalogue import Catalogue
from shared.errors import ConfigurationError
from shared.goldens import load_goldens
from shared.images import Images
from shared.keys import Keys
from shared.ledger import Ledger
from shared.models import Limits
from shared.outlets import Announcer, Intake, Outbox
from shared.pipeline.aliases import Aliases
from shared.pipeline.audits import Audits
from shared.pipeline.batches.arrivals import Arrivals
from shared.pipeline.batches.closing import Closing
from shared.pipeline.batches.conveyor import Conveyor
from shared.pipeline.batches.reading import Reading
from shared.pipeline.batches.sweeping import BatchSweep
from shared.pipeline.batches.telling import BatchNews
from shared.pipeline.calls import Calls
from shared.pipeline.comparisons import Comparisons
from shared.pipeline.decisions import Decisions
from shared.pipeline.estimates import Estimates
from shared.pipeline.goldens import GoldenSet
from shared.pipeline.insight import Insight
from shared.pipeline.milestones import Milestones
from shared.pipeline.news import JobNews
from shared.pipeline.outcomes import Outcomes
from shared.pipeline.releases import Releases
from shared.pipeline.renders import Renders
from shared.pipeline.replays import Replays
from shared.pipeline.submissions import Submissions
from shared.pipeline.sweep import Sweep
from shared.pipeline.traces import Traces
from shared.pipeline.verdicts import Eyes, Verdicts
from shared.pipeline.waits import Waits
from shared.policy import Policies
from shared.predictions import prediction
from shared.prompts import DIRECTORY, Templates
from shared.providers.breaker import Breaker
from shared.providers.sagemaker import SageMaker
from shared.settings import Settings
from shared.views import JobView
from shared.webhooks.destinations import Destinations
from shared.webhooks.secrets import SigningSecrets
from shared.workflow import BatchWorkflow, Workflow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    from shared.pipeline.notifications import Notifications
    from shared.providers import Provider
    from shared.providers.secrets import Keyring
    from shared.tokens import Tokens

_CLIENT: Final = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})
_S3: Final = _CLIENT.merge(Config(signature_version="s3v4"))  # presigned links of encrypted objects need it


@cache
def settings() -> Settings:
    return Settings.from_env()


def now() -> datetime:
    return datetime.now(UTC)


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@cache
def _client(name: str) -> Any:
    return _session().client(name, config=_CLIENT)  # type: ignore[call-overload]  # one literal per service there


@cache
def _s3() -> Any:
    return _session().client("s3", config=_S3)


@cache
def ledger() -> Ledger:
    return Ledger(
        _client("dynamodb"),
        settings().table_name,
        clock=now,
        patience=_patience(),
        batch_patience=_batch_patience(),
    )


@cache
def images() -> Images:
    return Images(_s3(), settings().bucket_name, url_ttl_s=settings().image_url_ttl_s)


@cache
def policies() -> Policies:
    """Raises ConfigurationError when policy and catalogue disagree."""
    rules = Policies.load().with_endpoints(settings().endpoint_models.split(","))
    rules.check(catalogue())
    return rules


@cache
def catalogue() -> Catalogue:
    rows = Catalogue.load()
    return rows.hosted_on("azure_openai") if settings().azure_openai_endpoint else rows


@cache
def templates() -> Templates:
    return Templates.load()


@cache
def keys() -> Keys:
    return Keys(ledger(), clock=now)


@cache
def allowances() -> Allowances:
    return Allowances(ledger(), limits=_limits(), clock=now)


def _limits() -> Limits:
    """What the stage grants each tenant."""
    known = settings()
    return Limits(
        requests_per_s=known.tenant_requests_per_s,
        burst=known.tenant_burst,
        jobs_per_day=known.tenant_jobs_per_day,
        usd_micros_per_day=known.tenant_usd_micros_per_day,
        open_jobs=known.tenant_open_jobs,
    )


@cache
def replays() -> DynamoDBPersistenceLayer:
    """Where answers to requests with an idempotency key are kept."""
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    return DynamoDBPersistenceLayer(settings().replay_table_name, boto3_client=_client("dynamodb"))


@cache
def tokens() -> Tokens | None:
    """Tokens of people who sign in; None where there is no user pool. Cryptography is loaded for who needs it."""
    if not settings().user_pool_id:
        return None
    from shared.tokens import tokens_of_pool

    clients = settings().user_pool_clients.split(",")
    return tokens_of_pool(settings().user_pool_id, clients=clients, clock=now)


@cache
def releases() -> Releases:
    return Releases(ledger=ledger(), templates=templates(), policies=policies(), clock=now)


@cache
def aliases() -> Aliases:
    return Aliases(
        ledger=ledger(), catalogue=catalogue(), policy=releases().policy, profile=settings().profile, clock=now
    )


@cache
def submissions() -> Submissions:
    return Submissions(
        ledger=ledger(),
        images=images(),
        intake=_intake(),
        announcer=_announcer(),
        destinations=_destinations(),
        workflow=_workflow(),
        policies=policies(),
        catalogue=catalogue(),
        templates=templates(),
        profile=settings().profile,
        clock=now,
        allowances=allowances(),
    )


@cache
def calls() -> Calls:
    return Calls(ledger=ledger(), submissions=submissions(), clock=now)


@cache
def estimates() -> Estimates:
    return Estimates(
        submissions=submissions(),
        ledger=ledger(),
        policies=policies(),
        catalogue=catalogue(),
        profile=settings().profile,
        clock=now,
    )


@cache
def renders() -> Renders:
    return Renders(
        ledger=ledger(),
        cache=_cache(),
        images=images(),
        policies=policies(),
        catalogue=catalogue(),
        providers=_providers(),
        waits=waits(),
        profile=settings().profile,
        clock=now,
    )


@cache
def waits() -> Waits:
    return Waits(ledger=ledger(), workflow=_workflow())


@cache
def verdicts() -> Verdicts:
    return Verdicts(
        ledger=ledger(),
        images=images(),
        policies=policies(),
        catalogue=catalogue(),
        profile=settings().profile,
        clock=now,
        open_eyes=_eyes,
    )


@cache
def milestones() -> Milestones:
    return Milestones(
        ledger=ledger(),
        announcer=_announcer(),
        cache=_cache(),
        waits=waits(),
        policies=policies(),
        approval_patience=timedelta(seconds=settings().approval_patience_s),
        clock=now,
    )


@cache
def decisions() -> Decisions:
    return Decisions(
        ledger=ledger(),
        waits=waits(),
        workflow=_workflow(),
        milestones=milestones(),
        policies=policies(),
        catalogue=catalogue(),
        profile=settings().profile,
        clock=now,
    )


@cache
def comparisons() -> Comparisons:
    return Comparisons(ledger=ledger(), images=images())


@cache
def insight() -> Insight:
    return Insight(ledger=ledger(), clock=now)


@cache
def outcomes() -> Outcomes:
    return Outcomes(ledger=ledger(), clock=now)


@cache
def audits() -> Audits:
    return Audits(ledger=ledger(), clock=now)


@cache
def golden_set() -> GoldenSet:
    return GoldenSet(
        tenant=settings().golden_tenant,
        ledger=ledger(),
        images=images(),
        submissions=submissions(),
        releases=releases(),
        goldens=load_goldens(DIRECTORY),
        models=tuple(filter(None, settings().golden_models.split(","))),
        clock=now,
    )


@cache
def replays_of_renders() -> Replays:
    return Replays(ledger=ledger(), submissions=submissions(), templates=templates())


@cache
def traces() -> Traces:
    return Traces(ledger=ledger())


@cache
def sweep() -> Sweep:
    return Sweep(
        ledger=ledger(),
        intake=_intake(),
        workflow=_workflow(),
        waits=waits(),
        milestones=milestones(),
        decisions=decisions(),
        cache=_cache(),
        providers=_providers(),
        patience=_patience(),
        clock=now,
    )


@cache
def notifications() -> Notifications:
    # Imported here: what submits a job need not carry an HTTP client through its cold start.
    from shared.pipeline.notifications import Notifications
    from shared.webhooks.post import Post

    def as_prediction(job: JobView) -> Mapping[str, Any]:
        return prediction(job).model_dump(mode="json")

    return Notifications(
        ledger=ledger(),
        outbox=Outbox(
            _client("sqs"), url=settings().webhook_queue_url, dead_letters_url=settings().webhook_dead_letters_url
        ),
        sources={
            "job": JobNews(ledger=ledger(), link=images().link, dialects={"replicate": as_prediction}),
            "batch": BatchNews(ledger=ledger(), link=batch_files().link, clock=now),
        },
        secrets=signing_secrets(),
        destinations=_destinations(),
        post=Post(),
        clock=now,
        draw=random.random,
    )


@cache
def arrivals() -> Arrivals:
    return Arrivals(
        ledger=ledger(),
        files=batch_files(),
        workflow=_batch_workflow(),
        waits=waits(),
        announcer=_announcer(),
        destinations=_destinations(),
        upload_patience=timedelta(seconds=settings().batch_upload_ttl_s),
        clock=now,
    )


@cache
def signing_secrets() -> SigningSecrets:
    return SigningSecrets(ledger(), _client("kms"), key=settings().webhook_key_id, clock=now)


@cache
def _destinations() -> Destinations:
    return Destinations(allow_loopback=settings().webhook_allow_loopback)


def reading() -> Reading:
    return Reading(
        ledger=ledger(),
        files=batch_files(),
        submissions=submissions(),
        closing=closing(),
        max_rows=settings().batch_max_rows,
        max_bytes=settings().batch_max_bytes,
    )


@cache
def conveyor() -> Conveyor:
    return Conveyor(
        ledger=ledger(),
        submissions=submissions(),
        decisions=decisions(),
        waits=waits(),
        in_flight=settings().bulk_in_flight,
        clock=now,
    )


@cache
def closing() -> Closing:
    return Closing(ledger=ledger(), files=batch_files(), announcer=_announcer(), clock=now)


@cache
def batch_sweep() -> BatchSweep:
    return BatchSweep(
        ledger=ledger(),
        workflow=_batch_workflow(),
        waits=waits(),
        arrivals=arrivals(),
        closing=closing(),
        patience=_batch_patience(),
        clock=now,
    )


@cache
def batch_files() -> BatchFiles:
    return BatchFiles(_s3(), settings().bucket_name, url_ttl_s=settings().batch_upload_ttl_s)


@cache
def _announcer() -> Announcer:
    return Announcer(_client("events"), bus=settings().bus_name)


@cache
def _cache() -> Cache:
    return Cache(ledger(), images(), clock=now)


def _patience() -> timedelta:
    return timedelta(seconds=settings().stuck_after_s)


def _batch_patience() -> timedelta:
    return timedelta(seconds=settings().batch_stuck_after_s)


@cache
def _intake() -> Intake:
    return Intake(
        _client("sqs"),
        interactive_url=settings().interactive_queue_url,
        bulk_url=settings().bulk_queue_url,
        poison_url=settings().poison_queue_url,
    )


@cache
def _workflow() -> Workflow:
    return Workflow(_client("stepfunctions"), arn=settings().workflow_arn)


@cache
def _batch_workflow() -> BatchWorkflow:
    return BatchWorkflow(_client("stepfunctions"), arn=settings().batch_workflow_arn)


@cache
def _providers() -> dict[str, Provider]:
    return _Providers(
        sagemaker=SageMaker(
            _client("sagemaker-runtime"),
            _s3(),
            bucket=settings().bucket_name,
            endpoint_prefix=settings().endpoint_prefix,
            clock=now,
        )
    )


class _Providers(dict[str, "Provider"]):
    """Our own endpoints, and every paid host once it is asked for: a cold start pays for none it does not use."""

    def __missing__(self, name: str) -> Provider:
        self[name] = Breaker(_hosted(name), name=name, circuits=ledger().circuits, clock=now)
        return self[name]


def _hosted(name: str) -> Provider:
    """A paid host, able to cost money only in a stage deployed to AWS."""
    from shared.providers.bedrock import Bedrock
    from shared.providers.google import Google
    from shared.providers.http import Network
    from shared.providers.openai import OpenAI
    from shared.providers.retries import Retries
    from shared.providers.stability import Stability

    retries = Retries(budget_s=settings().provider_retry_budget_s)
    allow_paid = settings().profile == "aws"  # the one place that says so
    network = Network(allow_paid=allow_paid, read_timeout_s=settings().provider_read_timeout_s, retries=retries)
    if name == "openai":
        return OpenAI.direct(key=_keyring().of(name), network=network)
    if name == "azure_openai":
        return OpenAI.azure(
            endpoint=settings().azure_openai_endpoint,
            api_version=settings().azure_openai_api_version,
            key=_keyring().of(name),
            network=network,
        )
    if name == "google":
        return Google(key=_keyring().of(name), network=network)
    if name == "stability":
        return Stability(key=_keyring().of(name), network=network)
    if name == "bedrock":
        config = Config(connect_timeout=3, read_timeout=120, retries={"total_max_attempts": 1})  # retries are ours
        client = _session().client("bedrock-runtime", region_name=settings().bedrock_region, config=config)
        return Bedrock(client, retries=retries, allow_paid=allow_paid)
    raise ConfigurationError(f'no provider is called "{name}"')


@cache
def _keyring() -> Keyring:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    from shared.providers.secrets import Keyring

    return Keyring(SecretsProvider(boto3_client=_client("secretsmanager")), name=settings().provider_secret_name)


@cache
def _eyes() -> Eyes:
    from shared import artifacts, typography

    return Eyes(read=typography.verify, inspect=artifacts.check, compare=artifacts.similarity)
