#!/bin/sh
# Lambda starts this instead of its own Python runtime (AWS_LAMBDA_EXEC_WRAPPER); $1 is the interpreter it would have used.
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
set -eu
cd "$LAMBDA_TASK_ROOT"
exec "$1" -u -m functions.stream.runtime
