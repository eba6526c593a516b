"""A stand-in for Amazon SageMaker Runtime: asynchronous inference on a laptop.

Speaks the wire protocol of `InvokeEndpointAsync`, so boto3 reaches it by nothing but
AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME, and puts the real serving container's HTTP server behind it:

    boto3 ──▶ protocol ──▶ endpoint (queue, journal) ──▶ container ──▶ S3 object ──▶ publisher ──▶ SNS

What it promises is what the service promises: an accepted request ends in an output or a failure
object and in one notification or more, also across a kill -9 when a state folder is given.
What the service promises and this does not: signatures are looked for and not checked, and there
are no instances, variants or metrics.

Where AWS documents or shows a shape it is followed; what had to be guessed says so at its place.
"""
