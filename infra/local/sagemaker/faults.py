"""Faults on demand, for tests and demos: rules that say what goes wrong, for whom and how often.

    PUT /_faults     [{"action": "drop", "inference_id": "*-f-1", "count": 1}]   replaces all rules
    GET /_faults     the rules, each with its number of hits
    DELETE /_faults  no more faults; notifications held back by `reorder` go out

| action    | what happens                                                              | operand              |
| --------- | ------------------------------------------------------------------------- | -------------------- |
| fail      | the model answers an error; the container is not called                   | `status` (500)       |
| timeout   | the model never answers; reported after `seconds`, not the real time-out  | `seconds` (0)        |
| lose      | accepted, then nothing: no object and no notification, ever               |                      |
| drop      | the object is written, the notification is not sent                       |                      |
| delay     | the notification is sent later; the delay survives a restart              | `seconds`            |
| duplicate | the notification is sent again                                            | `copies` (1) more    |
| reorder   | the notification waits until the endpoint's next one is out               |                      |

`endpoint` and `inference_id` are shell patterns, default `*`. `count` is how many requests a rule
hits before it is spent; null is always. The first three act on the inference, the other four on
its notification; of each kind the first rule that matches acts. Rules live in memory only.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from pydantic import Field, TypeAdapter

from infra.local.sagemaker.invocation import Value

Action = Literal["fail", "timeout", "lose", "drop", "delay", "duplicate", "reorder"]
INFERENCE: Final[frozenset[Action]] = frozenset({"fail", "timeout", "lose"})
NOTIFICATION: Final[frozenset[Action]] = frozenset({"drop", "delay", "duplicate", "reorder"})


class Fault(Value):
    """One rule; see the table above."""

    action: Action
    endpoint: str = "*"
    inference_id: str = "*"
    count: int | None = Field(None, ge=1)
    seconds: float = Field(0.0, ge=0.0, le=3600.0)
    copies: int = Field(1, ge=1, le=100)
    status: int = Field(500, ge=400, le=599)

    def concerns(self, endpoint: str, inference_id: str) -> bool:
        return fnmatchcase(endpoint, self.endpoint) and fnmatchcase(inference_id, self.inference_id)


_FAULTS = TypeAdapter(list[Fault])


def read_faults(text: bytes) -> list[Fault]:
    """Raises pydantic.ValidationError for anything but a list of rules."""
    return _FAULTS.validate_json(text, strict=True)


class Faults:
    """The rules in force and how often each has hit."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._hits: list[int] = []

    def replace(self, rules: Sequence[Fault]) -> None:
        self._rules = list(rules)
        self._hits = [0] * len(self._rules)

    def take(self, kind: frozenset[Action], *, endpoint: str, inference_id: str) -> Fault | None:
        """The first unspent rule of this kind that concerns the request; taking it counts one hit."""
        for index, rule in enumerate(self._rules):
            spent = rule.count is not None and self._hits[index] >= rule.count
            if rule.action in kind and not spent and rule.concerns(endpoint, inference_id):
                self._hits[index] += 1
                return rule
        return None

    def report(self) -> list[dict[str, Any]]:
        pairs = zip(self._rules, self._hits, strict=True)
        return [rule.model_dump(mode="json") | {"hits": hits} for rule, hits in pairs]
