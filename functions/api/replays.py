"""`Idempotency-Key`: the same request sent again is answered again, not done again.

Hides Powertools' idempotency and its table. Its rules are ours but for three things said here: a key belongs to one
tenant, it names one request of theirs (another method, path or body under the same key is an error), and nothing is
done while the table cannot be asked. A request that failed is forgotten, so that it may be sent again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.errors import InvalidRequest, KeyReused, ReplaysUnavailable, StillRunning

HEADER: Final = "Idempotency-Key"
KEY_FORM: Final = r"^[\x21-\x7e]{1,255}$"
KEPT: Final = timedelta(hours=24)
_ASK_AGAIN_S: Final = 2
_REPLAYED: Final = "idempotent-replayed"


def checked_key(key: str | None) -> str | None:
    """The key, or None without one. Raises InvalidRequest for what no key may look like."""
    if key is not None and not re.fullmatch(KEY_FORM, key):
        raise InvalidRequest(f"{HEADER} must be 1 to 255 visible ASCII characters without spaces", param=HEADER)
    return key


def answer_once(
    answer: Callable[[], Response[str]],
    *,
    key: str,
    tenant: str,
    request: Mapping[str, Any],
    store: BasePersistenceLayer,
    context: LambdaContext,
) -> Response[str]:
    """What `answer` gives, or gave when this key was used first. `request` (JSON values) is what the key stands for.

    Raises StillRunning, KeyReused and ReplaysUnavailable beside whatever `answer` raises.
    """
    config = IdempotencyConfig(
        event_key_jmespath="[tenant, key]",
        payload_validation_jmespath="request",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=int(KEPT.total_seconds()),
        hash_function="sha256",
        lambda_context=context,
        response_hook=_mark,
    )

    def run(*, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - Powertools reads it
        return _packed(answer())

    once = idempotent_function(
        run, data_keyword_argument="asked", persistence_store=store, config=config, key_prefix="api"
    )
    try:
        return _unpacked(once(asked={"tenant": tenant, "key": key, "request": dict(request)}))
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as error:
        problem = f"the request with {HEADER} {key[:40]} is still being answered; ask again"
        raise StillRunning(problem, param=HEADER, retry_after_s=_ASK_AGAIN_S) from error
    except IdempotencyValidationError as error:
        problem = f"{HEADER} {key[:40]} was used for another request; take a new key for a new request"
        raise KeyReused(problem, param=HEADER) from error
    except IdempotencyPersistenceLayerError as error:
        problem = f"whether {HEADER} {key[:40]} was used before cannot be looked up now; try again"
        raise ReplaysUnavailable(problem, retry_after_s=_ASK_AGAIN_S) from error


def _packed(reply: Response[str]) -> dict[str, Any]:
    return {"status": reply.status_code, "headers": dict(reply.headers), "body": reply.body}


def _unpacked(packed: dict[str, Any]) -> Response[str]:
    return Response(status_code=packed["status"], headers=packed["headers"], body=packed["body"])


def _mark(response: dict[str, Any], idempotent_data: DataRecord) -> dict[str, Any]:  # noqa: ARG001 - its protocol
    return response | {"headers": response["headers"] | {_REPLAYED: "true"}}
