"""Where things are kept: the ledger's table and the bucket of images.

Hides how both are protected and who may touch which prefix. Knows neither keys of items nor
names of images: those belong to shared.ledger and shared.images.
"""

from __future__ import annotations

from typing import Final, cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import StageConfig
from infra.nag import accept, accept_wildcard, role_of

IMAGES: Final = "images/"
INFERENCE: Final = "inference/"
BATCH_UPLOADS: Final = "batches/incoming/"
BATCH_COPIES: Final = "batches/work/"
BATCH_RESULTS: Final = "batches/results/"

# No Scan: whoever has to look at everything asks the wrong question of this table.
# No Delete: the ledger is append-only, and what may go has a time to live.
_READ: Final = ("dynamodb:GetItem", "dynamodb:Query")
_WRITE: Final = ("dynamodb:PutItem", "dynamodb:UpdateItem")


class Storage(Construct):
    """Table and buckets; both outlive the stack where `config.retain_data` says so."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._keep = RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
        self.table = self._table()
        self.replays = self._replays()
        self.access_logs = self._access_logs()
        self.bucket = self._bucket()

    def grant_look_up(self, grantee: iam.IGrantable) -> None:
        """Read one item whose key is known."""
        iam.Grant.add_to_principal(grantee=grantee, actions=["dynamodb:GetItem"], resource_arns=[self.table.table_arn])

    def grant_read_write_ledger(self, grantee: iam.IGrantable) -> None:
        """Read by key and by index, write items alone and in transactions."""
        self.table.grant(grantee, *_READ, *_WRITE)
        accept_wildcard(role_of(grantee), f"{self.table.table_arn}/index/*", "The indexes of this one table.")

    def grant_replay(self, grantee: iam.IGrantable) -> None:
        """Keep answers by idempotency key, and forget the key of a request that failed."""
        self.replays.grant(grantee, "dynamodb:GetItem", *_WRITE, "dynamodb:DeleteItem")

    def grant_read_images(self, grantee: iam.IGrantable) -> None:
        """Read, and sign links to, stored images."""
        self._grant_objects(grantee, IMAGES, "s3:GetObject")

    def grant_read_write_images(self, grantee: iam.IGrantable) -> None:
        """Read and store images; nothing may delete one."""
        self._grant_objects(grantee, IMAGES, "s3:GetObject", "s3:PutObject")

    def grant_order_inference(self, grantee: iam.IGrantable) -> None:
        """Leave inputs for an endpoint and read what it answered."""
        self._grant_objects(grantee, INFERENCE, "s3:GetObject", "s3:PutObject")

    def grant_read_inference(self, grantee: iam.IGrantable) -> None:
        """See whether an endpoint answered."""
        self._grant_objects(grantee, INFERENCE, "s3:GetObject")

    def grant_serve_inference(self, grantee: iam.IGrantable) -> None:
        """Be the endpoint: read inputs, leave outputs and failures."""
        self._grant_objects(grantee, INFERENCE, "s3:GetObject", "s3:PutObject")

    def grant_upload_batches(self, grantee: iam.IGrantable) -> None:
        """Sign links that upload a batch's file."""
        self._grant_objects(grantee, BATCH_UPLOADS, "s3:PutObject")

    def grant_read_batch_results(self, grantee: iam.IGrantable) -> None:
        """Sign links to a batch's results."""
        self._grant_objects(grantee, BATCH_RESULTS, "s3:GetObject")

    def grant_run_batches(self, grantee: iam.IGrantable) -> None:
        """Read uploads in the version that was announced, keep copies, write results part by part."""
        self._grant_objects(grantee, BATCH_UPLOADS, "s3:GetObject", "s3:GetObjectVersion")
        write = ("s3:PutObject", "s3:AbortMultipartUpload")
        self._grant_objects(grantee, BATCH_COPIES, "s3:GetObject", "s3:GetObjectVersion", *write)
        self._grant_objects(grantee, BATCH_RESULTS, *write)

    def grant_write_batch_errors(self, grantee: iam.IGrantable) -> None:
        """Leave the reason why a batch was given up beside its other results."""
        self._grant_objects(grantee, BATCH_RESULTS, "s3:PutObject", "s3:AbortMultipartUpload")

    def grant_read_batches(self, grantee: iam.IGrantable) -> None:
        """Be the map: read uploads and copies."""
        for prefix in (BATCH_UPLOADS, BATCH_COPIES):
            self._grant_objects(grantee, prefix, "s3:GetObject", "s3:GetObjectVersion")

    def _table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Ledger",
            partition_key=_key("pk"),
            sort_key=_key("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # The key AWS owns: free, and no second permission that could be forgotten.
            encryption=dynamodb.TableEncryption.DEFAULT,
            deletion_protection=self._config.retain_data,
            removal_policy=self._keep,
        )
        for index, projection in (
            ("by_tenant", dynamodb.ProjectionType.ALL),
            ("by_version", dynamodb.ProjectionType.ALL),
            ("open", dynamodb.ProjectionType.KEYS_ONLY),
            ("open_by_tenant", dynamodb.ProjectionType.KEYS_ONLY),
        ):
            prefix = index.replace("by_", "")
            table.add_global_secondary_index(
                index_name=index,
                partition_key=_key(f"{prefix}_pk"),
                sort_key=_key(f"{prefix}_sk"),
                projection_type=projection,
            )
        return table

    def _replays(self) -> dynamodb.Table:
        """Beside the ledger and not in it: these items are deleted, and nothing of value goes with them."""
        table = dynamodb.Table(
            self,
            "Replays",
            partition_key=_key("id"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiration",
            encryption=dynamodb.TableEncryption.DEFAULT,
            removal_policy=RemovalPolicy.DESTROY,
        )
        accept(table, "AwsSolutions-DDB3", "Answers that expire within a day; losing them loses no job.")
        return table

    def _access_logs(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(self._config.access_log_days))],
            removal_policy=self._keep,
        )
        accept(
            bucket, "AwsSolutions-S1", "This bucket holds the access logs; logging its own access would feed itself."
        )
        return bucket

    def _bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Images",
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="images/",
            # A signed link is its own permission, whichever page holds it: Studio compares pixels and uploads batches.
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.PUT],
                    allowed_origins=["*"],
                    allowed_headers=["*"],
                    exposed_headers=["ETag"],
                    max_age=3600,
                )
            ],
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="inference-exchange",
                    prefix=INFERENCE,
                    expiration=Duration.days(self._config.inference_input_days),
                ),
                *(
                    s3.LifecycleRule(id=name, prefix=prefix, expiration=Duration.days(self._config.batch_file_days))
                    for name, prefix in (("batch-uploads", BATCH_UPLOADS), ("batch-copies", BATCH_COPIES))
                ),
                s3.LifecycleRule(
                    id="leftovers",
                    noncurrent_version_expiration=Duration.days(self._config.noncurrent_image_days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
            ],
            removal_policy=self._keep,
        )
        # Not `event_bridge_enabled`: CDK would bring a function and a role along to say this one word.
        cast(
            "s3.CfnBucket", bucket.node.default_child
        ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket

    def _grant_objects(self, grantee: iam.IGrantable, prefix: str, *actions: str) -> None:
        iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self.bucket.arn_for_objects(f"{prefix}*")]
        )
        # Without ListBucket a missing object answers 403 and could not be told from a denied one.
        iam.Grant.add_to_principal(grantee=grantee, actions=["s3:ListBucket"], resource_arns=[self.bucket.bucket_arn])
        home, role = Stack.of(self), role_of(grantee)
        seen = self.bucket.bucket_arn if Stack.of(role) is home else home.export_value(self.bucket.bucket_arn)
        accept_wildcard(role, f"{seen}/{prefix}*", "Object names are content hashes and attempt ids.")
        if prefix == INFERENCE and self._config.inference_key_arn:
            iam.Grant.add_to_principal(
                grantee=grantee,
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resource_arns=[self._config.inference_key_arn],
            )


def _key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
