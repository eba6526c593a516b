"""The Core stack: everything but the GPUs and the firewall, composed and connected.

Reads like the diagram: parts first, then who may do what. Every type of resource in here exists in
the emulator of the local stack too, which deploys this very template.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.api import Api
from infra.config import StageConfig
from infra.events import Events
from infra.functions import Functions
from infra.hosts import BEDROCK_REGION, Hosts
from infra.inference.endpoint import grant_invoke_async
from infra.intake import Intake
from infra.monitoring import Monitoring
from infra.people import People
from infra.storage import BATCH_UPLOADS, Storage
from infra.webhooks import Webhooks
from infra.workflow.construct import BATCH_DEFINITION, Workflow
from shared.settings import Settings


class CoreStack(Stack):
    """API, intake, workflow, functions, ledger, images, events, alarms."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{config.prefix}-core",
            description=f"Presscheck {config.name}: the image pipeline",
            termination_protection=config.retain_data,
        )
        self._config = config
        self.storage = Storage(self, "Storage", config=config)
        self.intake = Intake(self, "Intake", config=config)
        self.events = Events(self, "Events", config=config)
        self.webhooks = Webhooks(self, "Webhooks", config=config)
        self.workflow = Workflow(self, "Workflow", config=config, name=config.workflow_name)
        self.batch_workflow = Workflow(
            self, "BatchWorkflow", config=config, name=config.batch_workflow_name, definition=BATCH_DEFINITION
        )
        self.hosts = Hosts(self, "Hosts", config=config)
        self.people = People(self, "People", config=config) if config.sign_in else None
        self.functions = Functions(
            self, "Functions", config=config, settings=self._settings(), undelivered=self.events.undelivered
        )
        functions = self.functions
        self.workflow.define(
            render=functions.render, resume=functions.resume, verify=functions.verify, conclude=functions.conclude
        )
        self.batch_workflow.define(batch=functions.batch, resume=functions.resume)
        self.batch_workflow.let_map()
        self.api = Api(
            self,
            "Api",
            config=config,
            handler=functions.api,
            streamer=functions.stream,
            authorizer=functions.authorize,
        )
        self._connect()
        self._grant()
        self._grant_batches()
        self.monitoring = Monitoring(
            self,
            "Monitoring",
            config=config,
            api=self.api.rest_api,
            intake=self.intake,
            webhooks=self.webhooks,
            undelivered=self.events.undelivered,
            workflow=self.workflow.state_machine,
            batch_workflow=self.batch_workflow.state_machine,
            functions=functions.all,
        )
        self._tell()

    def _settings(self) -> Settings:
        return Settings(
            stage=self._config.name,
            profile=self._config.profile,
            table_name=self.storage.table.table_name,
            bucket_name=self.storage.bucket.bucket_name,
            bus_name=self.events.bus.event_bus_name,
            workflow_arn=self.workflow.arn,
            batch_workflow_arn=self.batch_workflow.arn,
            bulk_in_flight=self._config.bulk_in_flight,
            interactive_queue_url=self.intake.interactive.queue.queue_url,
            bulk_queue_url=self.intake.bulk.queue.queue_url,
            poison_queue_url=self.intake.interactive.dead_letters.queue_url,
            replay_table_name=self.storage.replays.table_name,
            **{f"tenant_{name}": value for name, value in self._config.tenant.model_dump().items()},
            webhook_queue_url=self.webhooks.deliveries.queue.queue_url,
            webhook_dead_letters_url=self.webhooks.deliveries.dead_letters.queue_url,
            webhook_key_id=self.webhooks.key.key_id,
            webhook_allow_loopback=self._config.webhook_allow_loopback,
            user_pool_id=self.people.pool.user_pool_id if self.people else self._config.user_pool_id,
            user_pool_clients=self.people.client.user_pool_client_id
            if self.people
            else ",".join(self._config.user_pool_clients),
            endpoint_prefix=self._config.endpoint_prefix,
            endpoint_models=",".join(endpoint.model for endpoint in self._config.endpoints),
            provider_secret_name=self.hosts.secret_name,
            bedrock_region=BEDROCK_REGION,
            azure_openai_endpoint=self._config.azure_openai_endpoint,
            golden_models=",".join(self._config.golden_models),
        )

    def _connect(self) -> None:
        """Who is called when something happens."""
        self.intake.feed(self.functions.dispatch)
        self.events.tell_of_renders(self.functions.resume)
        self.events.tell_of_broken_executions(self.functions.conclude, workflow_arn=self.workflow.arn)
        self.events.every_minute(self.functions.sweep)
        self.webhooks.listen(self.events.bus, undelivered=self.events.undelivered)
        self.webhooks.feed(self.functions.notify)
        self.events.tell_of_batch_files(self.functions.batch, bucket=self.storage.bucket, prefix=BATCH_UPLOADS)
        self.events.tell_of_batch_jobs(self.functions.batch)
        self.events.paint_goldens(
            self.functions.golden,
            schedule=self._config.golden_schedule,
            enabled=self._config.golden_scheduled,
            tenant=self._settings().golden_tenant,
        )

    def _grant(self) -> None:
        """Who may do what, function by function."""
        storage, workflow, functions = self.storage, self.workflow, self.functions

        storage.grant_look_up(functions.authorize)

        storage.grant_read_write_ledger(functions.api)
        storage.grant_replay(functions.api)
        storage.grant_read_write_images(functions.api)
        self.intake.grant_send(functions.api)
        workflow.grant_stop(functions.api)
        workflow.grant_wake(functions.api)
        self.events.bus.grant_put_events_to(functions.api)
        self.webhooks.grant_redeliver(functions.api)
        self.webhooks.grant_secrets(functions.api)

        # The same code, but only the routes that submit and wait.
        storage.grant_read_write_ledger(functions.stream)
        storage.grant_read_write_images(functions.stream)
        self.intake.grant_send(functions.stream)
        self.events.bus.grant_put_events_to(functions.stream)

        storage.grant_read_write_ledger(functions.dispatch)
        workflow.grant_start(functions.dispatch)
        self.intake.interactive.dead_letters.grant_send_messages(functions.dispatch)
        self.events.bus.grant_put_events_to(functions.dispatch)

        storage.grant_read_write_ledger(functions.render)
        storage.grant_read_write_images(functions.render)
        storage.grant_order_inference(functions.render)
        grant_invoke_async(functions.render, config=self._config)
        workflow.grant_wake(functions.render)
        self.hosts.grant_call(functions.render)

        storage.grant_read_write_ledger(functions.resume)
        workflow.grant_wake(functions.resume)

        storage.grant_read_write_ledger(functions.verify)
        storage.grant_read_images(functions.verify)

        storage.grant_read_write_ledger(functions.conclude)
        workflow.grant_wake(functions.conclude)
        self.events.bus.grant_put_events_to(functions.conclude)

        storage.grant_read_write_ledger(functions.sweep)
        storage.grant_read_inference(functions.sweep)
        self.intake.grant_send(functions.sweep)
        workflow.grant_start(functions.sweep)
        workflow.grant_watch(functions.sweep)
        workflow.grant_stop(functions.sweep)
        workflow.grant_wake(functions.sweep)
        self.events.bus.grant_put_events_to(functions.sweep)

        storage.grant_read_write_ledger(functions.golden)
        storage.grant_read_images(functions.golden)
        self.intake.interactive.queue.grant_send_messages(functions.golden)

        storage.grant_read_write_ledger(functions.notify)
        storage.grant_read_images(functions.notify)
        self.webhooks.grant_deliver(functions.notify)
        self.webhooks.grant_secrets(functions.notify)

    def _grant_batches(self) -> None:
        """Who may do what to a batch."""
        storage, workflow, functions = self.storage, self.workflow, self.functions

        storage.grant_upload_batches(functions.api)
        storage.grant_read_batch_results(functions.api)
        storage.grant_read_batch_results(functions.notify)

        storage.grant_read_write_ledger(functions.batch)
        storage.grant_read_images(functions.batch)
        storage.grant_run_batches(functions.batch)
        self.intake.bulk.queue.grant_send_messages(functions.batch)
        self.batch_workflow.grant_start(functions.batch)
        workflow.grant_stop(functions.batch)
        workflow.grant_wake(functions.batch)
        self.events.bus.grant_put_events_to(functions.batch)
        storage.grant_read_batches(self.batch_workflow.state_machine)

        storage.grant_write_batch_errors(functions.sweep)
        self.batch_workflow.grant_start(functions.sweep)
        self.batch_workflow.grant_watch(functions.sweep)

    def _tell(self) -> None:
        """Outputs: what a client, an operator or the local stack has to know."""
        outputs = {
            "ApiUrl": self.api.rest_api.url,
            "ApiId": self.api.rest_api.rest_api_id,
            "TableName": self.storage.table.table_name,
            "ReplayTableName": self.storage.replays.table_name,
            "BucketName": self.storage.bucket.bucket_name,
            "BusName": self.events.bus.event_bus_name,
            "WorkflowArn": self.workflow.arn,
            "BatchWorkflowArn": self.batch_workflow.arn,
            "SuccessTopicArn": self.events.success_topic.topic_arn,
            "ErrorTopicArn": self.events.error_topic.topic_arn,
            "EndpointPrefix": self._config.endpoint_prefix,
            "InteractiveQueueUrl": self.intake.interactive.queue.queue_url,
            "BulkQueueUrl": self.intake.bulk.queue.queue_url,
            "PoisonQueueUrl": self.intake.interactive.dead_letters.queue_url,
            "WebhookQueueUrl": self.webhooks.deliveries.queue.queue_url,
            "WebhookDeadLettersUrl": self.webhooks.deliveries.dead_letters.queue_url,
            "UndeliveredQueueUrl": self.events.undelivered.queue_url,
            **{f"{name.capitalize()}Function": function.function_name for name, function in self.functions.all.items()},
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
