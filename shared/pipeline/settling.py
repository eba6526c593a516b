"""What a request becomes once every open question is answered: by itself, else by its template, else by the policy.

Hides the order of those answers. Pure: what comes from elsewhere (versions in force, a drawn seed, the client's own
picture) comes in as values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from shared.catalogue import Catalogue
from shared.models import Door, Edit, Finalize, Job, JobRequest, Size, Stage
from shared.policy import Policy, rehearse
from shared.prompts import Rendered, Template, normalise

_NO_DOOR: Final = Door()
_UNMOVED: Final[Mapping[str, str]] = {}


def settled(
    request: JobRequest,
    *,
    job_id: str,
    tenant: str,
    template: Template | None,
    policy: Policy,
    seed: int,
    seed_set: str | None = None,
    edit: Edit | None = None,
    canvas: Size | None = None,
    door: Door = _NO_DOOR,
    aliases: Mapping[str, str] = _UNMOVED,
    now: datetime,
) -> Job:
    """The job in the words of its template. Raises InvalidRequest for variables, or a use case, that are not there.

    `canvas` is the size of the picture the client brought: the job's unless it asks for another.
    """
    filled = template.render(request.variables) if template else Rendered(prompt=normalise(request.prompt or ""))
    use_case = policy.settle(request)
    if request.use_case is None and request.model is None:
        use_case = next((name for name in filled.use_cases if name in policy.use_cases), use_case)
    return Job(
        id=job_id,
        tenant=tenant,
        stage=Stage.QUEUED,
        seq=0,
        head="",
        request=request,
        door=door,
        use_case=use_case,
        policy_version=policy.version,
        aliases=dict(aliases),
        prompt=filled.prompt,
        negative_prompt=request.negative_prompt or filled.negative_prompt,
        template=filled.ref,
        expected_text=request.expected_text or filled.expected_text,
        text_box=request.text_box or filled.text_box,
        edit=edit,
        guidance=request.guidance if request.guidance is not None else filled.recipe.guidance,
        steps=request.steps or filled.recipe.steps,
        seed=seed,
        seed_set=seed_set,
        size=request.size or canvas or filled.size or policy.default_size(use_case),
        rounds=(request.drafts,),
        created_at=now,
        updated_at=now,
    )


def worded(job: Job, template: Template | None, *, policy: Policy, catalogue: Catalogue, profile: str) -> Job:
    """The job in the words of the model that decides how it ends. Raises RequestError for what no model can paint."""
    model = _deciding(job, policy=policy, catalogue=catalogue, profile=profile)
    if template is None or model not in template.variants:
        return job
    filled = template.render(job.request.variables, model=model)
    negative_prompt = job.request.negative_prompt or filled.negative_prompt
    job = job.model_copy(update={"prompt": filled.prompt, "negative_prompt": negative_prompt})
    _deciding(job, policy=policy, catalogue=catalogue, profile=profile)
    return job


def _deciding(job: Job, *, policy: Policy, catalogue: Catalogue, profile: str) -> str:
    """The model whose words the prompt should speak; draft and final share one prompt.

    A simulation is spoken to as the model it stands in for.
    """
    today = job.created_at.date()
    draft, final = rehearse(job, policy=policy, catalogue=catalogue, profile=profile, today=today)
    chosen = draft if job.request.finalize is Finalize.DRAFT_ONLY else final
    if chosen.alias and chosen.model.simulated:
        return catalogue.with_aliases(job.aliases).find(chosen.alias.asked).name
    return chosen.model.name
