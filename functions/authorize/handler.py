"""Who is asking? API keys, whose hash is looked up, and tokens of people who signed in to the user pool."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import APIGatewayAuthorizerRequestEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.errors import NotAuthenticated
from shared.models import Principal
from shared.telemetry import logger
from shared.wiring import keys, tokens

_JWT_DOTS = 2


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer with an IAM policy and the principal. Input: events/authorize-request.json."""
    request = APIGatewayAuthorizerRequestEvent(event)
    try:
        principal = _who(_presented(request.headers))
    except NotAuthenticated as error:
        logger.info("not_authenticated", reason=error.message)
        raise Exception("Unauthorized") from error  # noqa: TRY002 - the only word API Gateway turns into a 401
    return _allow(principal, event["methodArn"])


def _who(presented: str) -> Principal:
    """A JSON Web Token has two dots, an API key none."""
    people = tokens() if presented.count(".") == _JWT_DOTS else None
    return people.authenticate(presented) if people else keys().authenticate(presented)


def _presented(headers: dict[str, str]) -> str:
    """The key of `Authorization: Bearer KEY`, or `Token KEY` as older Replicate clients send it."""
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    scheme, _, key = lowered.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() in {"bearer", "token"} else ""


def _allow(principal: Principal, method_arn: str) -> dict[str, Any]:
    """Every method of this stage: the answer is cached for the key, not for the path it first asked for."""
    api_arn, stage, *_ = method_arn.split("/")
    return {
        "principalId": f"{principal.tenant}/{principal.name}",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api_arn}/{stage}/*"}],
        },
        "context": {"tenant": principal.tenant, "name": principal.name, "scopes": " ".join(principal.scopes)},
    }
