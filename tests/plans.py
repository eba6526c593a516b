"""Jobs, attempts and verifications as the policy sees them, for tests of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from shared.catalogue import Catalogue
from shared.models import (
    ArtifactFinding,
    Attempt,
    AttemptStatus,
    ErrorDetail,
    ImageRef,
    Job,
    JobRequest,
    SeedRecord,
    Stage,
    TextCheck,
    Tier,
    Verdict,
    Verification,
)
from shared.policy import Plan, Policy, plan

POLICY = Policy.load()
CATALOGUE = Catalogue.load()
TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALL_REACHABLE = POLICY.model_copy(
    update={
        "profiles": {
            **POLICY.profiles,
            "everything": POLICY.profiles["aws"],
            "own endpoints": POLICY.profiles["aws"].model_copy(update={"providers": ("sagemaker",)}),
        }
    }
)
ARTICLE = {"prompt": "a hero", "model": "dalle3-hd", "seed": 42, "guidance": 7.5, "size": "1024x1024"}


def job_of(**wishes: Any) -> Job:
    request = JobRequest.model_validate({"prompt": "a storefront in the rain", **wishes})
    use_case = POLICY.settle(request)
    return Job(
        id="01J0000000000000000000000",
        tenant="acme",
        stage=Stage.QUEUED,
        seq=0,
        head="",
        request=request,
        use_case=use_case,
        policy_version=POLICY.version,
        prompt=request.prompt or "",
        negative_prompt=request.negative_prompt or "",
        expected_text=request.expected_text,
        text_box=request.text_box,
        guidance=request.guidance,
        steps=request.steps,
        seed=42 if request.seed is None else request.seed,
        size=request.size or POLICY.default_size(use_case),
        rounds=(request.drafts,),
        created_at=NOON,
        updated_at=NOON,
    )


def planned(job: Job, tier: Tier = Tier.FINAL, *, profile: str = "everything", **more: Any) -> Plan:
    candidate, policy = more.pop("candidate", 1), more.pop("policy", ALL_REACHABLE)
    return plan(
        job,
        tier=tier,
        candidate=candidate,
        policy=policy,
        catalogue=CATALOGUE,
        profile=profile,
        today=TODAY,
        **more,
    )


def attempt_of(
    made: Plan,
    number: int,
    *,
    verification: Verification | None = None,
    error: str | None = None,
    painted: bool = True,
    cost: int = 0,
) -> Attempt:
    image = ImageRef(
        key="k", sha256=f"{number:064x}", phash="0" * 16, width=8, height=8, mime="image/png", size_bytes=1
    )
    return Attempt(
        job_id="01J",
        tenant="acme",
        tier=Tier.FINAL,
        candidate=0,
        attempt=number,
        status=AttemptStatus.FAILED if error else AttemptStatus.RENDERED,
        use_case="default",
        model=made.model.name,
        provider=made.model.provider,
        provider_model=made.model.provider_model,
        recipe=made.recipe,
        fingerprint=made.recipe.fingerprint(),
        seed=SeedRecord(requested=made.recipe.seed),
        image=image if painted and not error else None,
        repair=made.repair,
        step=made.step,
        skipped=made.skipped,
        cost_usd_micros=cost,
        verification=verification,
        error=ErrorDetail(code=error, message=error) if error else None,
        started_at=NOON,
    )


def check_of(expected: str, *, read: str = "", box: tuple[float, float, float, float] | None = None) -> TextCheck:
    right = read == expected
    return TextCheck(
        expected=expected,
        recognized=read,
        verdict=Verdict.PASS if right else Verdict.FAIL,
        cer=0.0 if right else 0.25,
        confidence=0.9,
        boxes=(box,) if box else (),
    )


def failing(*checks: TextCheck, artifacts: tuple[ArtifactFinding, ...] = ()) -> Verification:
    return Verification(verdict=Verdict.FAIL, texts=checks, artifacts=artifacts)


MISREAD = failing(check_of("SALE", read="SAIE", box=(0.3, 0.4, 0.4, 0.1)))


def accepted_by_its_model(made: Plan) -> None:
    recipe, model = made.recipe, made.model
    assert recipe.model == model.name
    assert model.accepts(recipe.size)
    assert len(recipe.prompt) <= model.max_prompt_chars
    if recipe.guidance_scale is not None:
        assert model.guidance_range
        assert model.guidance_range[0] <= recipe.guidance_scale <= model.guidance_range[1]
    if recipe.steps is not None:
        assert model.steps
        assert model.steps[0] <= recipe.steps <= model.steps[1]
    assert recipe.negative_prompt == "" or model.negative_prompt
    assert recipe.mask is None or (model.mask and recipe.init_image)
    assert recipe.init_image is None or model.init_image
    assert recipe.text is None or model.text_guide
    assert recipe.sampler in model.samplers
    assert made.alias is None or made.alias.served_by == model.name


def burnt(kind: str = "oversaturated", *checks: TextCheck) -> Verification:
    """A picture with a defect whose words are right."""
    return failing(*checks, artifacts=(ArtifactFinding(kind=kind, score=1.3, limit=1.0),))
