"""The front door: a REST API whose every route but the public ones asks the authorizer.

Hides routes, throttling, access logs and the shape of errors that API Gateway answers itself.
What happens behind a route is the api function's business.
"""

from __future__ import annotations

import json
from typing import Final, cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import StageConfig
from infra.functions import retention
from infra.nag import accept

_ACCESS_LOG: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "user_agent": "$context.identity.userAgent",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "tenant": "$context.authorizer.tenant",
    "latency_ms": "$context.responseLatency",
    "integration_ms": "$context.integrationLatency",
    "bytes": "$context.responseLength",
    "error": "$context.error.responseType",
}

# Below /v1/images. API Gateway falls back to {proxy+} for any other verb or path there.
_STREAMED: Final = ("generations", "edits")

_ASK_AGAIN: Final = "Something on our side went wrong. Try again; if it stays, tell us the request id."
_SHOW_A_KEY: Final = "This needs a valid API key: send it as `Authorization: Bearer pc_live_...`."
_SLOW_DOWN: Final = "Too many requests at once: wait a moment and try again."

# What API Gateway answers without asking the api function: type, status, our code, title, detail.
_GATEWAY_ERRORS: Final = (
    ("ACCESS_DENIED", 403, "not_permitted", "Not permitted", "This key may not do this."),
    ("API_CONFIGURATION_ERROR", 500, "internal_error", "Internal error", _ASK_AGAIN),
    ("AUTHORIZER_CONFIGURATION_ERROR", 500, "internal_error", "Internal error", _ASK_AGAIN),
    ("AUTHORIZER_FAILURE", 500, "internal_error", "Internal error", _ASK_AGAIN),
    ("BAD_REQUEST_BODY", 400, "malformed_body", "Bad request", "The request could not be read."),
    ("BAD_REQUEST_PARAMETERS", 400, "malformed_body", "Bad request", "The request could not be read."),
    ("DEFAULT_4XX", 400, "malformed_body", "Bad request", "The request could not be read."),
    ("DEFAULT_5XX", 500, "internal_error", "Internal error", _ASK_AGAIN),
    ("EXPIRED_TOKEN", 401, "not_authenticated", "Not authenticated", _SHOW_A_KEY),
    ("INTEGRATION_FAILURE", 502, "internal_error", "Internal error", _ASK_AGAIN),
    ("INTEGRATION_TIMEOUT", 504, "internal_error", "Internal error", _ASK_AGAIN),
    ("INVALID_API_KEY", 403, "not_permitted", "Not permitted", _SHOW_A_KEY),
    ("INVALID_SIGNATURE", 401, "not_authenticated", "Not authenticated", _SHOW_A_KEY),
    # API Gateway's name for a method or path that is not there.
    ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found", "Not found", "There is no such route."),
    ("QUOTA_EXCEEDED", 429, "throttled", "Too many requests", _SLOW_DOWN),
    (
        "REQUEST_TOO_LARGE",
        413,
        "body_too_large",
        "Body too large",
        "Above 256 kB, or 4.4 MB with a picture.",
    ),
    ("RESOURCE_NOT_FOUND", 404, "not_found", "Not found", "There is no such route."),
    ("THROTTLED", 429, "throttled", "Too many requests", _SLOW_DOWN),
    ("UNAUTHORIZED", 401, "not_authenticated", "Not authenticated", _SHOW_A_KEY),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_media_type", "Unsupported media type", "Send application/json."),
    ("WAF_FILTERED", 403, "not_permitted", "Not permitted", "The firewall refused this request."),
)


class Api(Construct):
    """REST API, stage and routes. REST and not HTTP: it carries WAF, usage plans and streamed responses."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        handler: lambda_.Function,
        streamer: lambda_.Function,
        authorizer: lambda_.Function,
    ) -> None:
        """`streamer` answers the routes whose reply is passed on while it is being made."""
        super().__init__(scope, construct_id)
        self.rest_api = self._rest_api(config)
        self._answer_errors()
        self._route(handler, streamer=streamer, authorizer=authorizer, patience_s=config.functions["stream"].timeout_s)

    @property
    def stage_arn(self) -> str:
        """ARN of the deployed stage, as the firewall wants it."""
        return self.rest_api.deployment_stage.stage_arn

    def _rest_api(self, config: StageConfig) -> apigateway.RestApi:
        log_group = logs.LogGroup(self, "AccessLogs", retention=retention(config), removal_policy=RemovalPolicy.DESTROY)
        api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=config.prefix,
            description="Presscheck: a draft, a final, a verification and a ledger",
            # Everything: what Lambda compressed itself leaves as bytes only where the Accept header names such a type.
            binary_media_types=["*/*"],
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=True,
            # One per account and region, shared with every other API: never taken away with ours.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=config.name,
                access_log_destination=apigateway.LogGroupLogDestination(log_group),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                metrics_enabled=True,
                tracing_enabled=True,
                throttling_rate_limit=config.requests_per_s,
                throttling_burst_limit=config.request_burst,
            ),
        )
        # CDK would put the stage's name into its logical id, and no two deployments would have one shape.
        stage = cast("apigateway.CfnStage", api.deployment_stage.node.default_child)
        stage.override_logical_id("ApiStage")
        accept(
            api,
            "AwsSolutions-APIG2",
            "The api function validates with pydantic and names field and rule, which a model here cannot.",
        )
        accept(
            api,
            "AwsSolutions-APIG3",
            "The web ACL is associated in the Edge stack: the emulator of the local stack has no association.",
        )
        accept(
            api,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
            "The policy AWS maintains for API Gateway's account-wide log role.",
        )
        return api

    def _route(
        self, handler: lambda_.Function, *, streamer: lambda_.Function, authorizer: lambda_.Function, patience_s: int
    ) -> None:
        integration = apigateway.LambdaIntegration(handler, allow_test_invoke=False, scope_permission_to_method=False)
        guard = apigateway.RequestAuthorizer(
            self,
            "KeyHolder",
            handler=authorizer,
            # One header, because the cache demands every identity source on every request. A revoked key
            # works on for at most this long.
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=Duration.seconds(60),
        )
        root = self.rest_api.root
        streaming = apigateway.LambdaIntegration(
            streamer,
            allow_test_invoke=False,
            scope_permission_to_method=False,
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
            timeout=Duration.seconds(patience_s),
        )
        public = [
            (root, integration),
            (root.add_resource("health"), integration),
            (root.add_resource("openapi.json"), integration),
            (root.add_resource("docs"), integration),
            (root.add_resource("static").add_resource("{file+}"), integration),
            # Streamed, because a picture may be larger than a reply in one piece.
            (root.add_resource("files").add_resource("{key+}"), streaming),
        ]
        why = "Public on purpose: liveness, the API's description, Studio's files; pictures by presigned link."
        for resource, target in public:
            method = resource.add_method("GET", target, authorization_type=apigateway.AuthorizationType.NONE)
            for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
                accept(method, rule, why)
        images = root.add_resource("v1").add_resource("images")
        guarded = [
            (root.add_resource("{proxy+}"), "ANY", integration),
            *((images.add_resource(name), "POST", streaming) for name in _STREAMED),
        ]
        for resource, verb, target in guarded:
            method = resource.add_method(
                verb, target, authorizer=guard, authorization_type=apigateway.AuthorizationType.CUSTOM
            )
            accept(method, "AwsSolutions-COG4", "Guarded by our own authorizer, which takes API keys.")

    def _answer_errors(self) -> None:
        for name, status, code, title, detail in _GATEWAY_ERRORS:
            self.rest_api.add_gateway_response(
                name.title().replace("_", ""),
                type=apigateway.ResponseType.of(name),
                status_code=str(status),
                response_headers={"Content-Type": "'application/problem+json'", "x-request-id": "context.requestId"},
                templates={"application/json": _problem(status=status, code=code, title=title, detail=detail)},
            )


def _problem(*, status: int, code: str, title: str, detail: str) -> str:
    """The one error body of the API (RFC 9457 and OpenAI's object), as a template of API Gateway's."""
    kind = "api_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    body = {
        "type": f"urn:presscheck:error:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "urn:request:$context.requestId",
        "error": {"message": detail, "type": kind, "param": None, "code": code},
    }
    return json.dumps(body)
