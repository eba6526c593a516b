"""The datasheet of a corpus: what is in it, how it was drawn, what was left out, and how to train with it.

Hides its wording. After Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021, as far as a
machine knows the answers. Never says that a use is allowed: it names whose terms decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from shared.cli.corpus_files import CAPTION, SUMS, Plan, Row
from shared.corpus import TEST_SHARE, Split

_TERMS: Final = {
    "sagemaker": "the licence of the weights served: Stability AI Community License (SD3.5), this project's (mini)",
    "stability": "Stability AI's terms for its API",
    "openai": "OpenAI's terms, which restrict training models that compete with theirs",
    "azure_openai": "Microsoft's product terms for Azure OpenAI",
    "google": "Google's terms for the Gemini API, which restrict training models that compete with theirs",
    "bedrock": "the model's end user licence on Amazon Bedrock",
}


def datasheet(plan: Plan, rows: Sequence[tuple[Split, Row]], *, command: str) -> str:
    """README.md of the folder."""
    simulated = sum(row.simulated for _, row in rows)
    newest = max((row.job_id for _, row in rows), default="")
    parts = [
        "# Presscheck corpus",
        f"{len(rows)} finals of one tenant with the prompts they were painted from: {len(plan.train)} to train on, "
        f"{len(plan.test)} to judge by. Drawn from {plan.looked_at} jobs; the newest in it is `{newest}`.",
        f"**{simulated} of them are simulated**: painted by the local stack's simulator, not by a generative model."
        if simulated
        else "",
        "## Made by",
        f"```\n{command}\n```",
        "The same command on the same jobs gives the same files, byte for byte. Within each stratum the renders with "
        f"the lowest sha256 of seed and fingerprint are taken. `test/` holds the {TEST_SHARE:.0%} of all renders whose "
        "fingerprint hashes so; that never moves, and its sample does not follow the seed, so that figures measured "
        "on two exports are about the same pictures. A picture is in the corpus once.",
        "## Train with it",
        "diffusers' `examples/dreambooth/train_dreambooth_lora_sd3.py` reads the folder as it is, and of it `train/` "
        "only:",
        "```\naccelerate launch train_dreambooth_lora_sd3.py --dataset_name=THIS_FOLDER --image_column=image \\\n"
        f"  --caption_column={CAPTION} --instance_prompt='what all of them share' \\\n"
        "  --pretrained_model_name_or_path=stabilityai/stable-diffusion-3.5-large --output_dir=adapter\n```",
        "## Strata",
        _table(("use case", "model", "verdict", "rating", "there were", "drawn"), plan.strata),
        "## Left out",
        _table(("why", "jobs"), sorted(plan.excluded.items())) if plan.excluded else "Nothing.",
        "Never in it: names of people who rated, their notes, tags, metadata, and prompts or words that look like an "
        "e-mail address or a telephone number. Names of persons in prompts are not recognised: read them.",
        "## Where the pictures come from",
        _table(("model", "host", "revision", "pictures", "whose terms decide"), _origins(rows)),
        "This sheet does not decide whether you may train on them: read those terms first.",
        "## Columns of metadata.jsonl",
        ", ".join(f"`{name}`" for name in Row.model_fields)
        + f". `{CAPTION}` is the caption; `stars` is 0.0 where nobody rated; `artifacts` is what the checks found, "
        "`flaws` what raters saw, from a closed list.",
        "## Digests",
        f"`sha256sum -c {SUMS}` checks every picture against the ledger's record.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origins(rows: Sequence[tuple[Split, Row]]) -> list[tuple[object, ...]]:
    counts = Counter((row.model, row.provider, row.model_revision, row.simulated) for _, row in rows)
    return [
        (
            model,
            "the simulator" if simulated else provider,
            revision or "not told",
            count,
            "none: a simulation, under this project's licence" if simulated else _TERMS.get(provider, "its host's"),
        )
        for (model, provider, revision, simulated), count in sorted(counts.items())
    ]


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows)
