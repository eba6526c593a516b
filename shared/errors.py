"""Every failure Presscheck raises on purpose, in one tree.

    PresscheckError                          code                      HTTP
    ├── RequestError                         the caller must change something
    │   ├── MalformedBody                    malformed_body             400
    │   ├── NotAuthenticated                 not_authenticated          401
    │   ├── NotPermitted                     not_permitted              403
    │   ├── NotFound                         not_found                  404
    │   │   └── ModelNotFound                model_not_found            404   in the words of OpenAI's clients
    │   ├── MethodNotAllowed                 method_not_allowed         405
    │   ├── WrongStage                       wrong_stage                409
    │   │   └── JobConcluded                 job_concluded              409
    │   ├── ModelRetired                     model_retired              410
    │   ├── StillRunning                     still_running              409   the same request, not answered yet
    │   ├── BodyTooLarge                     body_too_large             413
    │   ├── UnsupportedMediaType             unsupported_media_type     415
    │   ├── InvalidRequest                   invalid_request            422
    │   │   ├── KeyReused                    idempotency_key_reused     422
    │   │   ├── WebhookRefused               webhook_refused            422   leads where we do not go
    │   │   └── WebhookUnresolved            webhook_unresolved         422   no address: tried again at delivery
    │   ├── TextMismatch                     rendered_text_mismatch     422
    │   ├── DefectsRemain                    rendered_with_defects      422
    │   ├── Throttled                        throttled                  429   too many requests a second
    │   └── QuotaExceeded                    quota_exceeded             429   too many jobs, or too much money, a day
    ├── ProviderError                        a model's host let us down
    │   ├── ProviderUnavailable              provider_unavailable       503   try again, then fall back
    │   ├── ProviderThrottled                provider_throttled         429   try again later, then fall back
    │   ├── ProviderRefused                  provider_refused           422   filtered or invalid: never the same again
    │   ├── RenderFailed                     render_failed              502   the model answered with an error
    │   └── RenderLost                       render_lost                504   no answer and no trace of one
    ├── ImageUnreadable                      image_unreadable           422   bytes that are no picture we accept
    ├── StoreUnavailable                     store_unavailable          503   images are out of reach; safe to try again
    ├── ReplaysUnavailable                   replays_unavailable        503   a key's earlier use cannot be looked up
    ├── StillWorking                         still_working              503   asked for in one call, not done yet
    ├── LedgerConflict                       ledger_conflict            503   writers kept colliding; safe to try again
    └── ConfigurationError                   configuration_error        500   for the operator: environment, TOML

A class exists because someone reacts to it: the API by `status`, Step Functions by class
name, the operator by `ConfigurationError`. Renaming one is a change of contract.
"""

from __future__ import annotations

from typing import Any, ClassVar


class PresscheckError(Exception):
    """Base of the tree. `str(error)` says what, which and what now."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, param: str | None = None, **context: Any) -> None:
        """`param` names the offending request field; `context` joins the error body as it is (JSON values)."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.context = context


class RequestError(PresscheckError):
    """The caller must change the request, the key or their mind."""

    code = "invalid_request"
    status = 400


class MalformedBody(RequestError):
    code = "malformed_body"


class NotAuthenticated(RequestError):
    code = "not_authenticated"
    status = 401


class NotPermitted(RequestError):
    code = "not_permitted"
    status = 403


class NotFound(RequestError):
    code = "not_found"
    status = 404


class ModelNotFound(NotFound):
    """No such model, or no longer: what OpenAI's own API answers for both, and its clients tell by class and code."""

    code = "model_not_found"


class MethodNotAllowed(RequestError):
    """`context["allow"]` lists the methods this path takes."""

    code = "method_not_allowed"
    status = 405


class WrongStage(RequestError):
    """The job is not at the stage this action needs, e.g. approving what nobody waits for."""

    code = "wrong_stage"
    status = 409


class JobConcluded(WrongStage):
    """The job already reached a terminal stage; nothing may change it any more."""

    code = "job_concluded"


class ModelRetired(RequestError):
    """The named model is shut down; `context["successor"]` names what to ask for instead."""

    code = "model_retired"
    status = 410


class StillRunning(RequestError):
    """The same request with the same key is being answered; `context["retry_after_s"]` says when to ask again."""

    code = "still_running"
    status = 409


class BodyTooLarge(RequestError):
    code = "body_too_large"
    status = 413


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"
    status = 415


class InvalidRequest(RequestError):
    """A field breaks a rule; `param` names the field, the message the rule."""

    status = 422


class KeyReused(InvalidRequest):
    """An idempotency key that belongs to another request already."""

    code = "idempotency_key_reused"


class WebhookRefused(InvalidRequest):
    """A webhook's URL leads where we do not go: not https, a port or an address of no public host."""

    code = "webhook_refused"


class WebhookUnresolved(InvalidRequest):
    """The name in a webhook's URL has no address, at least now."""

    code = "webhook_unresolved"


class TextMismatch(RequestError):
    """The article's failure: every repair was tried and the image still does not say what was asked."""

    code = "rendered_text_mismatch"
    status = 422


class DefectsRemain(RequestError):
    """Every repair was tried and the image says what was asked, but still looks broken."""

    code = "rendered_with_defects"
    status = 422


class Throttled(RequestError):
    """`context["retry_after_s"]` is in seconds; likewise below."""

    code = "throttled"
    status = 429


class QuotaExceeded(RequestError):
    code = "quota_exceeded"
    status = 429


class ProviderError(PresscheckError):
    """A model's host failed. Subclasses say whether the same request may be sent again."""

    code = "provider_error"
    status = 502
    retryable: ClassVar[bool] = False


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"
    status = 503
    retryable = True


class ProviderThrottled(ProviderError):
    """`context["retry_after_s"]`, where the provider said so, is in seconds."""

    code = "provider_throttled"
    status = 429
    retryable = True


class ProviderRefused(ProviderError):
    """Safety filter or invalid input: the same request would be refused again."""

    code = "provider_refused"
    status = 422


class RenderFailed(ProviderError):
    code = "render_failed"
    retryable = True


class RenderLost(ProviderError):
    code = "render_lost"
    status = 504
    retryable = True


class ImageUnreadable(PresscheckError):
    """Not a picture, truncated, too large, or of a kind we do not accept."""

    code = "image_unreadable"
    status = 422


class StoreUnavailable(PresscheckError):
    code = "store_unavailable"
    status = 503


class ReplaysUnavailable(PresscheckError):
    """Whether this key was used before cannot be said, so nothing is done: better late than twice."""

    code = "replays_unavailable"
    status = 503


class StillWorking(PresscheckError):
    """A call may wait no longer; `context["retry_after_s"]` says when to ask again for the same, in seconds."""

    code = "still_working"
    status = 503


class LedgerConflict(PresscheckError):
    code = "ledger_conflict"
    status = 503


class ConfigurationError(PresscheckError):
    code = "configuration_error"
