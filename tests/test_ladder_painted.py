"""The ladder's masked steps, from the plan through the wire to pixels: painted by the serving container's own model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from PIL import Image, ImageChops

from infra.inference.container.protocol import parse_request
from infra.inference.container.sketch.model import sketch_fine
from shared.masks import drawn
from shared.models import AttemptId, Tier, Verification
from shared.policy import Plan, repair
from shared.providers import Order
from shared.providers.sagemaker import SageMaker
from tests.conftest import Clock
from tests.plans import CATALOGUE, POLICY, TODAY, attempt_of, check_of, failing, job_of, planned
from tests.world import Resources

SIDE = 256


@dataclass
class Endpoint:
    """A SageMaker runtime whose endpoint is the container's model, called on the spot."""

    s3: Any

    def invoke_endpoint_async(self, *, InputLocation: str, **rest: Any) -> dict[str, str]:  # noqa: N803  # AWS's names
        bucket, _, key = InputLocation.removeprefix("s3://").partition("/")
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        self.s3.put_object(Bucket=bucket, Key="picture", Body=sketch_fine().generate(parse_request(body)).png)
        return {"OutputLocation": f"s3://{bucket}/picture"}


def painted(aws: Resources, clock: Clock, made: Plan, *, over: bytes | None = None) -> tuple[bytes, bytes | None]:
    """The picture of a plan, and the mask it was painted under."""
    s3 = boto3.client("s3")
    recipe, mask = made.recipe, None
    if recipe.mask:
        mask = drawn(recipe.mask, width=SIDE, height=SIDE, feather=made.feather)
    order = Order(
        id=AttemptId(job_id="01J0000000000000000000000A", tier=Tier.FINAL, candidate=0, attempt=1),
        provider_model=made.model.provider_model,
        recipe=recipe,
        init_image=over,
        mask=mask,
    )
    bucket = aws.settings.bucket_name
    SageMaker(Endpoint(s3), s3, bucket=bucket, endpoint_prefix="x-", clock=clock).start(order)  # type: ignore[arg-type]
    return s3.get_object(Bucket=bucket, Key="picture")["Body"].read(), mask


@pytest.mark.parametrize(
    ("failures", "step"), [(1, "letter_box"), (2, "strict_letter_box"), (3, "letterer"), (4, "typeset")]
)
def test_every_masked_step_changes_its_box_and_not_a_pixel_around_it(
    failures: int, step: str, aws: Resources, clock: Clock
) -> None:
    job = job_of(use_case="typography", expected_text="SALE", size=f"{SIDE}x{SIDE}")
    misread: Verification = failing(check_of("SALE", read="SAEL", box=(0.2, 0.4, 0.6, 0.2)))
    made = planned(job, profile="simulated")
    first, _ = painted(aws, clock, made)
    misprints = []
    for number in range(1, failures + 1):
        misprints.append(attempt_of(made, number, verification=misread))
        following = repair(
            job, misprints=misprints, candidate=1, policy=POLICY, catalogue=CATALOGUE, profile="simulated", today=TODAY
        )
        assert isinstance(following, Plan)
        made = following

    repaired, mask = painted(aws, clock, made, over=first)

    assert made.step == step
    assert mask is not None
    before, after, kept = (Image.open(io.BytesIO(each)) for each in (first, repaired, mask))
    changed = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).convert("L")
    assert changed.getbbox() is not None
    outside = kept.point(lambda value: 255 * (value == 0))
    assert ImageChops.multiply(changed.point(lambda value: 255 * (value > 0)), outside).getbbox() is None
