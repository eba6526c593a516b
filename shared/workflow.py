"""Step Functions: starting, stopping and waking the executions of jobs and batches.

Hides execution names and ARNs, and the ways a token can be too late. Never decides what happens next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from shared.models import Batch, Job, canonical_json
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# A token that was used, timed out or belonged to an execution that is gone: the wake-up came late, nothing is lost.
_LATE: Final = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class _Executions:
    """Executions of one state machine, by name."""

    def __init__(self, client: SFNClient, *, arn: str) -> None:
        self._client = client
        self._arn = arn

    def _start(self, name: str, task: dict[str, Any]) -> None:
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=canonical_json(task))
        except self._client.exceptions.ExecutionAlreadyExists:
            logger.info("execution_exists", execution=name)

    def _state(self, name: str) -> Literal["running", "ended", "absent"]:
        try:
            status = self._client.describe_execution(executionArn=self._execution_arn(name))["status"]
        except self._client.exceptions.ExecutionDoesNotExist:
            return "absent"
        return "running" if status == "RUNNING" else "ended"

    def _execution_arn(self, name: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"


class Workflow(_Executions):
    """The render workflow's executions; one per job, another per re-drive."""

    def start(self, job: Job) -> None:
        """Start the job's execution. Safe to repeat: the name is the job's, so a second start is the first."""
        self._start(execution_name(job), {"job_id": job.id, "candidates": list(job.candidates)})

    def stop(self, job: Job, *, cause: str) -> None:
        """Stop the job's execution, if there is one."""
        arn = self._execution_arn(execution_name(job))
        try:
            self._client.stop_execution(executionArn=arn, error="JobCanceled", cause=cause[:256])
        except self._client.exceptions.ExecutionDoesNotExist:
            logger.info("execution_absent", execution=execution_name(job))

    def state(self, job: Job) -> Literal["running", "ended", "absent"]:
        return self._state(execution_name(job))

    def wake(self, token: str) -> None:
        """End the wait that holds this token. Late or repeated wake-ups change nothing."""
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _LATE:
                raise
            logger.info("wake_up_late", reason=error.response["Error"]["Code"])


class BatchWorkflow(_Executions):
    """The batch workflow's executions; one per batch, another per re-drive."""

    def start(self, batch: Batch) -> None:
        """Start the batch's execution. Safe to repeat, as above: one file is one batch is one execution."""
        self._start(execution_name(batch), {"batch_id": batch.id})

    def state(self, batch: Batch) -> Literal["running", "ended", "absent"]:
        return self._state(execution_name(batch))


def execution_name(subject: Job | Batch) -> str:
    """The id of the job or batch, and after a re-drive its number."""
    return f"{subject.id}-r{subject.redrives}" if subject.redrives else subject.id
