"""Step Functions: starting, stopping and waking a job's execution.

Hides execution names and ARNs, and the ways a token can be too late. Never decides what a job does next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from shared.models import Job, canonical_json
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# A token that was used, timed out or belonged to an execution that is gone: the wake-up came late, nothing is lost.
_LATE: Final = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class Workflow:
    """The render workflow's executions; one per job, another per re-drive."""

    def __init__(self, client: SFNClient, *, arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, job: Job) -> None:
        """Start the job's execution. Safe to repeat: the name is the job's, so a second start is the first."""
        try:
            self._client.start_execution(
                stateMachineArn=self._arn,
                name=execution_name(job),
                input=canonical_json({"job_id": job.id, "candidates": list(job.candidates)}),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            logger.info("execution_exists", execution=execution_name(job))

    def stop(self, job: Job, *, cause: str) -> None:
        """Stop the job's execution, if there is one."""
        try:
            self._client.stop_execution(executionArn=self._execution_arn(job), error="JobCanceled", cause=cause[:256])
        except self._client.exceptions.ExecutionDoesNotExist:
            logger.info("execution_absent", execution=execution_name(job))

    def state(self, job: Job) -> Literal["running", "ended", "absent"]:
        try:
            status = self._client.describe_execution(executionArn=self._execution_arn(job))["status"]
        except self._client.exceptions.ExecutionDoesNotExist:
            return "absent"
        return "running" if status == "RUNNING" else "ended"

    def wake(self, token: str) -> None:
        """End the wait that holds this token. Late or repeated wake-ups change nothing."""
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _LATE:
                raise
            logger.info("wake_up_late", reason=error.response["Error"]["Code"])

    def _execution_arn(self, job: Job) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{execution_name(job)}"


def execution_name(job: Job) -> str:
    """The job's id, and after a re-drive its number."""
    return f"{job.id}-r{job.redrives}" if job.redrives else job.id
