"""The wire protocol of InvokeEndpointAsync: headers in, typed call out, errors as boto3 reads them.

Hides header names, limits and error texts. Names and limits come from botocore's own service
model, so they are the service's and follow the pinned botocore. Never queues or calls anything.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape
from starlette.responses import JSONResponse, Response

from infra.local.sagemaker.invocation import Invocation, Value

MAX_BODY_BYTES: Final = 128_000
_DEFAULT_TTL_S: Final = 21_600
_DEFAULT_TIMEOUT_S: Final = 900
# Java's character classes, as Python spells them.
_CLASSES: Final = {r"[\p{Print}]": r"[\x20-\x7e]", r"\p{ASCII}": r"[\x00-\x7f]", r"\z": r"\Z"}


class ServiceError(Exception):
    """A refusal as the service words it; boto3 raises ClientError with this code and message."""

    def __init__(self, code: str, message: str, *, status: int = 400, **fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.fields = code, message, status, fields


class Call(Value):
    """A valid InvokeEndpointAsync request."""

    endpoint: str
    inference_id: str
    input_location: str | None
    body: bytes | None
    content_type: str | None
    accept: str | None
    custom_attributes: str | None
    path_extension: str | None
    filename: str | None
    ttl_s: int
    timeout_s: int


def read_call(endpoint: str, headers: Mapping[str, str], body: bytes) -> Call:
    """The call these headers and this body make. Raises ServiceError (ValidationError) naming every broken rule."""
    _require_signature(headers)
    values = _members(endpoint, headers, body)
    if broken := [text for name, value in values.items() for text in _violations(name, value)]:
        plural = "error" if len(broken) == 1 else "errors"
        raise ServiceError("ValidationError", f"{len(broken)} validation {plural} detected: {'; '.join(broken)}")
    if ("InputLocation" in values) == ("Body" in values):
        raise ServiceError("ValidationError", "Provide exactly one of InputLocation and Body.")
    return Call(
        endpoint=endpoint,
        inference_id=values.get("InferenceId") or str(uuid4()),
        input_location=values.get("InputLocation"),
        body=values.get("Body"),
        content_type=values.get("ContentType"),
        accept=values.get("Accept"),
        custom_attributes=values.get("CustomAttributes"),
        path_extension=values.get("S3OutputPathExtension"),
        filename=values.get("Filename"),
        ttl_s=values.get("RequestTTLSeconds", _DEFAULT_TTL_S),
        timeout_s=values.get("InvocationTimeoutSeconds", _DEFAULT_TIMEOUT_S),
    )


def endpoint_not_found(name: str, *, account: str) -> ServiceError:
    message = f"Endpoint {name} of account {account} not found."
    return ServiceError("ValidationError", message, ErrorCode="NO_SUCH_ENDPOINT")


def accepted_response(invocation: Invocation) -> Response:
    headers = {"X-Amzn-SageMaker-OutputLocation": invocation.output_location, "x-amzn-RequestId": str(uuid4())}
    if invocation.failure_location:
        headers["X-Amzn-SageMaker-FailureLocation"] = invocation.failure_location
    return JSONResponse({"InferenceId": invocation.inference_id}, status_code=202, headers=headers)


def error_response(error: ServiceError) -> Response:
    """rest-json: the error's name in a header, its message in the body."""
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": str(uuid4())}
    content = json.dumps({**error.fields, "Message": error.message}).encode()
    return Response(content, status_code=error.status, headers=headers, media_type="application/json")


def _require_signature(headers: Mapping[str, str]) -> None:
    """A signature must be there, made for SageMaker; it is not checked, for we hold no secrets."""
    authorization = headers.get("authorization", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", status=403)
    if "/sagemaker/aws4_request" not in authorization:
        message = "Credential should be scoped to correct service: 'sagemaker'."
        raise ServiceError("InvalidSignatureException", message, status=403)


def _members(endpoint: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The members of the input shape that were sent, by their API names."""
    values: dict[str, Any] = {"EndpointName": endpoint}
    for name, shape in _input_shape().members.items():
        header = headers.get(shape.serialization.get("name", "").lower())
        if shape.serialization.get("location") == "header" and header is not None:
            values[name] = _integer(name, header) if shape.type_name == "integer" else header
    if body:
        values["Body"] = body
    return values


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ServiceError("SerializationException", f"Value '{text[:40]}' at '{_camel(name)}' is not an integer.")
    return int(text)


def _violations(name: str, value: Any) -> Iterator[str]:
    """Broken rules of one member, in the words of AWS's service framework; sensitive values are not repeated."""
    shape = _input_shape().members[name]
    rules: Mapping[str, Any] = shape.metadata
    is_number = isinstance(value, int)
    measure, size = ("value", value) if is_number else ("length", len(value))
    shown = "" if rules.get("sensitive") else f" '{value}'"
    where = f"Value{shown} at '{_camel(name)}' failed to satisfy constraint: Member must"
    if "min" in rules and size < rules["min"]:
        yield f"{where} have {measure} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{where} have {measure} less than or equal to {rules['max']}"
    if isinstance(value, str) and (pattern := rules.get("pattern")) and not _compiled(pattern).fullmatch(value):
        yield f"{where} satisfy regular expression pattern: {pattern}"


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


@functools.cache
def _input_shape() -> StructureShape:
    model = ServiceModel(Loader().load_service_model("sagemaker-runtime", "service-2"))
    shape: Shape | None = model.operation_model("InvokeEndpointAsync").input_shape
    if not isinstance(shape, StructureShape):
        raise TypeError("this botocore has no InvokeEndpointAsync")
    return shape
