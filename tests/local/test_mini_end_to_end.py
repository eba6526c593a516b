"""mini through the whole pipeline: the same stack whose other models are simulated, asked for it by name."""

from __future__ import annotations

import io

import httpx
from PIL import Image

from tests.local.running import Stack
from tests.local.test_end_to_end import submit


def test_a_model_of_our_own_paints_what_is_asked_for_and_is_no_simulation(stack: Stack) -> None:
    job = stack.finished(submit(stack, model="mini", prompt="teal sea in Portugal, a red balloon", guidance=1.5))

    final, (draft, *_) = job["final"], job["drafts"]
    assert job["stage"] == "done", job
    assert (final["model"], final["simulated"], final["alias"]) == ("mini", False, None)
    assert draft["simulated"], "drafts are the policy's: see --painter"
    assert final["verification"]["verdict"] == "pass"
    assert final["prompt_effective"] == "teal, sea, red, balloon", "Portugal is no word it knows"
    assert draft["prompt_effective"] == ""
    with Image.open(io.BytesIO(httpx.get(final["image"]["url"], trust_env=False).content)) as picture:
        assert picture.size == (512, 512)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(stack: Stack) -> None:
    fields = {"model": "mini", "prompt": "pink and white dots", "expected_text": [], "guidance": 2.0}
    one, again, other = (
        stack.finished(submit(stack, seed=seed, fresh=True, **fields))["final"]["image"]["sha256"] for seed in (7, 7, 8)
    )

    assert one == again
    assert one != other
