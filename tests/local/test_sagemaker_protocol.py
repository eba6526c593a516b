"""What the stand-in takes and refuses at the wire, rule by rule."""

from __future__ import annotations

import json

import pytest

from infra.local.sagemaker.invocation import Invocation
from infra.local.sagemaker.protocol import (
    MAX_BODY_BYTES,
    ServiceError,
    accepted_response,
    endpoint_not_found,
    error_response,
    read_call,
)

SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/sagemaker/aws4_request, Signature=00"}
INPUT = {"x-amzn-sagemaker-inputlocation": "s3://bucket/in.json"}


def test_a_full_call_is_read_into_its_members() -> None:
    headers = SIGNED | {
        "x-amzn-sagemaker-inputlocation": "s3://bucket/in.json",
        "x-amzn-sagemaker-inference-id": "01J-d1-1",
        "x-amzn-sagemaker-content-type": "application/json",
        "x-amzn-sagemaker-accept": "image/png",
        "x-amzn-sagemaker-custom-attributes": "trace=7",
        "x-amzn-sagemaker-s3outputpathextension": "drafts/today",
        "x-amzn-sagemaker-filename": "one.out",
        "x-amzn-sagemaker-requestttlseconds": "60",
        "x-amzn-sagemaker-invocationtimeoutseconds": "3600",
    }

    call = read_call("sketch", headers, b"")

    assert call.model_dump() == {
        "endpoint": "sketch",
        "inference_id": "01J-d1-1",
        "input_location": "s3://bucket/in.json",
        "body": None,
        "content_type": "application/json",
        "accept": "image/png",
        "custom_attributes": "trace=7",
        "path_extension": "drafts/today",
        "filename": "one.out",
        "ttl_s": 60,
        "timeout_s": 3600,
    }


def test_defaults_are_the_services() -> None:
    """Six hours in the queue, fifteen minutes in the container, and an id when none was given."""
    first, second = (read_call("sketch", SIGNED, b"{}") for _ in range(2))

    assert (first.ttl_s, first.timeout_s, first.body) == (21_600, 900, b"{}")
    assert first.inference_id != second.inference_id


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("inference-id", "x" * 65, "have length less than or equal to 64"),
        ("inference-id", "two\tcolumns", "at 'inferenceId' failed to satisfy constraint: Member must satisfy regular"),
        ("inputlocation", "http://elsewhere/in", "at 'inputLocation'"),
        ("inputlocation", "s3://" + "k" * 1020, "have length less than or equal to 1024"),
        (
            "requestttlseconds",
            "59",
            "at 'requestTTLSeconds' failed to satisfy constraint: Member must have value greater",
        ),
        ("requestttlseconds", "21601", "have value less than or equal to 21600"),
        ("invocationtimeoutseconds", "0", "have value greater than or equal to 1"),
        ("invocationtimeoutseconds", "3601", "have value less than or equal to 3600"),
        ("s3outputpathextension", "s3://other", "at 's3OutputPathExtension'"),
        ("s3outputpathextension", "p" * 513, "have length less than or equal to 512"),
        ("filename", "a.b.c", "at 'filename'"),
        ("filename", "f" * 33, "have length less than or equal to 32"),
        ("content-type", "c" * 1025, "at 'contentType'"),
        ("accept", "é", "at 'accept'"),
        ("custom-attributes", "c" * 1025, "Value at 'customAttributes' failed"),
    ],
)
def test_a_broken_rule_is_named(header: str, value: str, told: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        read_call("sketch", SIGNED | INPUT | {f"x-amzn-sagemaker-{header}": value}, b"")

    assert (refusal.value.code, refusal.value.status) == ("ValidationError", 400)
    assert refusal.value.message.startswith("1 validation error detected: ")
    assert told in refusal.value.message


def test_two_broken_rules_are_both_told() -> None:
    headers = SIGNED | INPUT | {"x-amzn-sagemaker-requestttlseconds": "1"}

    with pytest.raises(ServiceError, match=r"2 validation errors detected: .*endpointName.*; .*requestTTLSeconds"):
        read_call("no_underscores", headers, b"")


def test_an_inline_body_is_bounded_and_never_repeated_in_the_message() -> None:
    assert read_call("sketch", SIGNED, b"x" * MAX_BODY_BYTES).body == b"x" * 128_000

    with pytest.raises(ServiceError, match=r"Value at 'body' failed .* less than or equal to 128000"):
        read_call("sketch", SIGNED, b"x" * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize(("headers", "body"), [({}, b""), (INPUT, b"{}")])
def test_exactly_one_of_input_location_and_body(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(ServiceError, match="exactly one of InputLocation and Body"):
        read_call("sketch", SIGNED | headers, body)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ServiceError, match="SerializationException: Value 'soon' at 'requestTTLSeconds'"):
        read_call("sketch", SIGNED | INPUT | {"x-amzn-sagemaker-requestttlseconds": "soon"}, b"")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Bearer token", "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/s3/aws4_request", "InvalidSignatureException"),
    ],
)
def test_an_unsigned_call_is_refused(authorization: str, code: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        read_call("sketch", INPUT | {"authorization": authorization}, b"")

    assert (refusal.value.code, refusal.value.status) == (code, 403)


def test_errors_travel_as_rest_json() -> None:
    response = error_response(endpoint_not_found("gone", account="123456789012"))

    assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert json.loads(bytes(response.body)) == {
        "ErrorCode": "NO_SUCH_ENDPOINT",
        "Message": "Endpoint gone of account 123456789012 not found.",
    }


def test_without_a_failure_path_none_is_announced() -> None:
    invocation = Invocation(
        endpoint="sketch",
        inference_id="i",
        received_at=0.0,
        ttl_s=60,
        timeout_s=1,
        output_location="s3://bucket/o.out",
        failure_location=None,
        body=b"{}",
    )

    headers = accepted_response(invocation).headers

    assert headers["x-amzn-sagemaker-outputlocation"] == "s3://bucket/o.out"
    assert "x-amzn-sagemaker-failurelocation" not in headers
