"""What every hosted adapter promises, whatever its host's words for it: six adapters, one list of promises."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace

import pytest

from shared.errors import (
    ModelRetired,
    PresscheckError,
    ProviderRefused,
    ProviderThrottled,
    ProviderUnavailable,
    RenderFailed,
    RenderLost,
)
from shared.models import Determinism, Ticket
from shared.providers import Painted
from shared.providers.http import Network
from tests.conftest import Clock
from tests.providers.conftest import Case, Time, World
from tests.providers.hosts import KEY, PATIENCE_S, PICTURE


def paint(case: Case, world: World, network: Network) -> Painted:
    answer = case.build(world.url, network).start(case.order())
    assert isinstance(answer, Painted)
    return answer


def failure(case: Case, world: World, network: Network, kind: type[PresscheckError]) -> PresscheckError:
    with pytest.raises(kind) as caught:
        paint(case, world, network)
    return caught.value


def test_the_picture_comes_back_byte_for_byte(case: Case, world: World, network: Network) -> None:
    painted = paint(case, world, network)

    assert painted.data == PICTURE
    assert painted.model_revision
    assert painted.simulated is False
    assert len(case.host(world).seen) == 1


def test_a_refusal_by_content_rules_is_never_sent_again(case: Case, world: World, network: Network, time: Time) -> None:
    case.host(world).moods.append("moderated")

    error = failure(case, world, network, ProviderRefused)

    assert error.context["reason"] == "moderation"
    assert len(case.host(world).seen) == 1
    assert time.pauses == []


def test_throttled_without_a_hint_waits_longer_each_time(
    case: Case, world: World, network: Network, time: Time
) -> None:
    case.host(world).moods.extend(["throttled", "throttled"])

    painted = paint(case, world, network)

    assert painted.data == PICTURE
    assert time.pauses == [0.5, 1.0]


def test_retry_after_is_kept(case: Case, world: World, network: Network, time: Time) -> None:
    case.host(world).moods.append("throttled_for_7")

    painted = paint(case, world, network)

    assert painted.data == PICTURE
    assert time.pauses == [PATIENCE_S + 0.5]
    assert painted.queue_ms >= PATIENCE_S * 1000


def test_a_retry_after_beyond_the_budget_is_not_waited_for(
    case: Case, world: World, network: Network, time: Time
) -> None:
    case.host(world).moods.append("throttled_for_7")

    error = failure(case, world, replace(network, retries=time.retries(budget_s=5.0)), ProviderThrottled)

    assert error.context["retry_after_s"] == PATIENCE_S
    assert time.pauses == []
    assert len(case.host(world).seen) == 1


def test_throttled_past_the_budget_is_told_as_such(case: Case, world: World, network: Network, time: Time) -> None:
    case.host(world).moods.extend(["throttled"] * 9)

    failure(case, world, network, ProviderThrottled)

    assert len(case.host(world).seen) == 4
    assert time.pauses == [0.5, 1.0, 2.0]


def test_a_server_error_is_tried_again(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.extend(["broken", "broken"])

    assert paint(case, world, network).data == PICTURE
    assert len(case.host(world).seen) == 3


def test_a_host_that_stays_broken_is_unavailable(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.extend(["broken"] * 9)

    error = failure(case, world, network, ProviderUnavailable)

    assert error.context["reason"] == "server"
    assert len(case.host(world).seen) == 4


def test_a_host_that_hangs_is_given_up_at_the_time_out(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.append("silent")

    error = failure(
        case, world, replace(network, read_timeout_s=0.2, retries=Time().retries(tries=1)), ProviderUnavailable
    )

    assert error.context["reason"] in {"timeout", "connection"}
    assert len(case.host(world).seen) == 1


def test_a_body_that_breaks_off_is_tried_again(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.append("truncated")

    assert paint(case, world, network).data == PICTURE
    assert len(case.host(world).seen) == 2


def test_bodies_that_keep_breaking_off_are_no_picture(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.extend(["truncated"] * 9)

    assert failure(case, world, network, ProviderUnavailable).context["reason"] == "connection"


@pytest.mark.parametrize("mood", ["empty", "garbled", "not_base64"])
def test_a_200_without_an_image_is_a_failure(case: Case, world: World, network: Network, mood: str) -> None:
    case.host(world).moods.append(mood)

    failure(case, world, network, RenderFailed)

    assert len(case.host(world).seen) == 1


def test_a_reply_past_the_limit_is_cut_off(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.append("flooding")

    error = failure(case, world, replace(network, max_body_bytes=100_000), RenderFailed)

    assert "longer than 100000 bytes" in error.message


def test_a_model_that_is_gone_is_said_to_be_retired(case: Case, world: World, network: Network) -> None:
    """Stability names no model in its path: a 404 there is an endpoint we no longer know."""
    case.host(world).moods.append("gone")

    failure(case, world, network, ProviderUnavailable if case.name == "stability" else ModelRetired)

    assert len(case.host(world).seen) == 1


def test_an_account_that_is_not_served_is_not_asked_again(case: Case, world: World, network: Network) -> None:
    case.host(world).moods.append("locked_out")

    error = failure(case, world, network, ProviderUnavailable)

    assert error.context["reason"] == "account"
    assert len(case.host(world).seen) == 1


@pytest.mark.parametrize("mood", ["good", "locked_out", "truncated", "broken", "moderated"])
def test_the_key_is_in_no_log_message_or_repr(
    case: Case, world: World, network: Network, mood: str, caplog: pytest.LogCaptureFixture
) -> None:
    case.host(world).moods.append(mood)
    provider = case.build(world.url, replace(network, retries=Time().retries(tries=1)))
    told = [repr(provider), repr(vars(provider)), repr(network)]

    with caplog.at_level(logging.DEBUG):
        try:
            told.append(repr(provider.start(case.order())))
        except PresscheckError as error:
            told += [*traceback.format_exception(error), repr(error.context), repr(error.__cause__)]

    assert KEY not in "".join([*told, caplog.text])
    assert "AWS4-HMAC-SHA256 Credential" not in "".join(told)


def test_nothing_is_left_to_collect(case: Case, world: World, network: Network, clock: Clock) -> None:
    provider = case.build(world.url, network)
    ticket = Ticket(id="t", output_location="", failure_location="", submitted_at=clock())

    assert provider.answered(ticket) is False
    with pytest.raises(RenderLost):
        provider.collect(ticket)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1])
def test_every_seed_of_ours_is_sent_as_one_the_host_takes_and_recorded_as_sent(
    case: Case, world: World, network: Network, seed: int
) -> None:
    painted = case.build(world.url, network).start(case.order(seed=seed))

    assert isinstance(painted, Painted)
    fields = case.host(world).seen[0].fields
    sent = {
        "gemini": lambda: fields["generationConfig"]["seed"],
        "imagen": lambda: fields["parameters"]["seed"],
        "stability": lambda: int(fields["seed"]),
        "bedrock": lambda: fields["seed"],
    }.get(case.name, lambda: None)()
    assert painted.seed_sent == sent
    assert painted.seed_reported in {None, sent}
    if 1 <= seed < 2**31 and sent is not None:
        assert sent in {seed, seed % (2**31 - 1)}


def test_the_openai_line_claims_no_seed(world: World, network: Network) -> None:
    """The API has no seed field: a picture of it must not look reproducible."""
    from shared.catalogue import Catalogue
    from tests.providers.conftest import CASES

    painted = paint(CASES[0], world, network)

    assert (painted.seed_sent, painted.seed_reported) == (None, None)
    rows = [model for model in Catalogue.load() if model.provider == "openai"]
    assert {model.seed for model in rows} == {Determinism.NONE}
