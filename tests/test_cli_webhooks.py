"""`presscheck` for webhooks: what was told, once more please, the secret, and URLs that were switched off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.models import Delivery, DeliveryTry, Stage, WebhookEvent
from tests.cli_stack import JOB_ID, START, FakeStack, Terminal

HOOK = "https://hooks.example.com/presscheck"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def delivery(**fields: Any) -> dict[str, Any]:
    made = Delivery(
        id=f"msg_{JOB_ID}_job_completed_1",
        event=WebhookEvent.JOB_COMPLETED,
        occurred_at=START,
        url=HOOK,
        created_at=START,
        tries=(DeliveryTry(number=1, at=START, status_code=500, latency_ms=41, error="answered 500"),),
    )
    return made.model_copy(update=fields).model_dump(mode="json")


def answering(status: int, body: Any) -> FakeStack:
    return FakeStack(answers=[lambda _: httpx.Response(status, json=body)])


def test_render_sends_the_webhook_and_its_events(terminal: Terminal) -> None:
    arguments = ("--webhook", HOOK, "--webhook-event", "job.draft_ready", "--webhook-event", "job.completed")

    result = terminal("render", "--prompt", "a fox", "--no-wait", *arguments)

    assert result.exit_code == 0, result.output
    assert terminal.stack.request["webhook"] == HOOK
    assert terminal.stack.request["webhook_events"] == ["job.draft_ready", "job.completed"]


@pytest.mark.parametrize("arguments", [("--webhook", "no url"), ("--webhook-event", "job.finished")])
def test_render_names_a_wrong_webhook_before_anything_is_sent(terminal: Terminal, arguments: tuple[str, str]) -> None:
    result = terminal("render", "--prompt", "a fox", *arguments)

    assert result.exit_code == 2
    assert arguments[0] in result.output
    assert terminal.stack.requests == []


def test_deliveries_are_shown_with_what_was_answered_and_what_comes_next(terminal: Terminal) -> None:
    pending = delivery(next_try_at=START.replace(year=START.year + 10))
    terminal.stack = answering(200, {"job_id": JOB_ID, "deliveries": [pending, delivery(status="failed")]})

    result = terminal("jobs", "deliveries", JOB_ID)

    assert result.exit_code == 0
    assert result.stdout.count("try 1: answered 500, 41 ms") == 2
    assert "pending" in result.stdout and "failed" in result.stdout


def test_show_of_a_job_with_a_webhook_tells_of_it_and_without_one_does_not_ask(terminal: Terminal) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DONE))
    assert "Webhook" not in terminal("jobs", "show", JOB_ID).stdout

    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DONE), request={"prompt": "a poster", "webhook": HOOK})
    told = {"job_id": JOB_ID, "deliveries": [delivery(status="delivered")]}
    job = terminal.stack.view()
    terminal.stack.answers = [lambda _: httpx.Response(200, json=job), lambda _: httpx.Response(200, json=told)]
    result = terminal("jobs", "show", JOB_ID)

    assert result.exit_code == 0, result.output
    assert "job.completed" in result.stdout


def test_redeliver_asks_for_that_delivery(terminal: Terminal) -> None:
    terminal.stack = answering(202, delivery(next_try_at=START))

    result = terminal("jobs", "redeliver", JOB_ID, f"msg_{JOB_ID}_job_completed_1")

    assert result.exit_code == 0, result.output
    path = terminal.stack.requests[0].url.path
    assert path == f"/prod/v1/jobs/{JOB_ID}/deliveries/msg_{JOB_ID}_job_completed_1/redeliver"


def test_the_secret_is_printed_alone_on_its_line(terminal: Terminal) -> None:
    secret = "whsec_" + "A" * 43 + "="
    terminal.stack = answering(200, {"secret": secret, "created_at": START.isoformat(), "previous_until": None})

    assert terminal("webhooks", "secret", "show").stdout == f"{secret}\n"


def test_rotate_says_how_long_the_old_secret_still_signs(terminal: Terminal) -> None:
    rotated = {"secret": "whsec_new", "created_at": START.isoformat(), "previous_until": "2026-11-24T09:00:00Z"}
    terminal.stack = answering(200, rotated)

    result = terminal("webhooks", "secret", "rotate")

    assert "Until 2026-11-24 09:00 UTC" in result.stdout
    assert (terminal.stack.requests[0].method, terminal.stack.requests[0].url.path) == (
        "POST",
        "/prod/v1/webhooks/secret/rotate",
    )


def test_a_disabled_url_is_shown_with_the_way_to_enable_it(terminal: Terminal) -> None:
    found = {"endpoints": [{"url": HOOK, "disabled_at": START.isoformat(), "delivery_id": "msg_1"}]}
    terminal.stack = answering(200, found)
    assert f"presscheck webhooks enable {HOOK}" in terminal("webhooks", "disabled").stdout

    terminal.stack = answering(200, {"endpoints": []})
    assert terminal("webhooks", "enable", HOOK).exit_code == 0
    assert json.loads(terminal.stack.requests[0].content) == {"url": HOOK}
