"""A table dropped into the bucket beside a person who wants a draft: does either wait for the other?

    presscheck up && python -m tests.bench.batch --rows 1000

A few interactive jobs alone, before and after, for the time a draft takes on the idle stack. Between them a CSV whose
every twentieth row is bad is stored in the bucket, and while it is worked off interactive jobs are submitted at a
steady pace. The exit status is 1 unless every good row ended, every bad one is explained, there is one results file
with one line a job in row order, and the median draft took at most twice its time alone. Seeds differ, so nothing is
cached.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from typing import Any

import boto3
import httpx

TERMINAL = {"completed", "failed", "expired", "cancelled"}
BAD_EVERY = 20
_BAD = (
    "{prompt},thumbnail,3x3,1,draft_only",
    ",thumbnail,256x256,1,draft_only",
    "{prompt},thumbnail,256x256,x!,draft_only",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=8, help="interactive jobs before the batch, and again after it")
    parser.add_argument("--every-s", type=float, default=15, help="pause between interactive jobs beside the batch")
    parser.add_argument("--timeout-s", type=float, default=3600)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    asked = parser.parse_args()
    figures = measure(asked)
    print(json.dumps(figures, indent=2) if asked.json else "\n".join(f"{key:24} {figures[key]}" for key in figures))
    sys.exit(0 if figures["as_promised"] else 1)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    status = _stack()
    headers = {"authorization": f"Bearer {status['api_key']}"}
    with httpx.Client(base_url=status["api_url"], headers=headers, timeout=60, trust_env=False) as api:
        alone = [draft_ms(api) for _ in range(asked.alone)]
        seed = random.randrange(10**8)
        began = time.monotonic()
        _bucket(status).put_object(
            Bucket=status["outputs"]["BucketName"],
            Key=f"batches/incoming/dev/bench-{seed}.csv",
            Body=table(asked.rows, seed=seed).encode(),
        )
        beside: list[int] = []
        in_flight, read_s = 0, 0.0
        while True:
            time.sleep(asked.every_s)
            batch = newest(api, f"bench-{seed}.csv")
            if batch and not read_s and batch["in_progress_at"]:
                read_s = batch["in_progress_at"] - batch["created_at"]
            if batch and batch["status"] in TERMINAL:
                break
            in_flight = max(in_flight, batch["stages"]["in_flight"] if batch else 0)
            beside.append(draft_ms(api))
            if time.monotonic() - began > asked.timeout_s:
                sys.exit(f"the batch did not end: {batch and batch['stages']}")
        wall_s = batch["completed_at"] - batch["created_at"]
        alone += [draft_ms(api) for _ in range(asked.alone)]  # a machine that others use may have slowed meanwhile
        return _figures(asked.rows, batch, alone=alone, beside=beside, wall_s=wall_s, read_s=read_s, most=in_flight)


def _figures(
    rows: int, batch: dict[str, Any], *, alone: list[int], beside: list[int], wall_s: float, read_s: float, most: int
) -> dict[str, Any]:
    results, errors = lines(batch["output_file_url"]), lines(batch["error_file_url"])
    bad = rows // BAD_EVERY
    ratio = round(statistics.median(beside) / statistics.median(alone), 2) if beside else 0.0
    right = (
        batch["status"] == "completed"
        and len(results) == rows - bad == len({line["job_id"] for line in results})
        and [line["row"] for line in results] == sorted(line["row"] for line in results)
        and all(line["stage"] in {"done", "failed", "rejected", "expired", "canceled"} for line in results)
        and [line["row"] for line in errors] == list(range(BAD_EVERY, rows + 1, BAD_EVERY))
        and all(line["reason"] for line in errors)
    )
    stages = [line["stage"] for line in results]
    return {
        "rows": rows,
        "ended": {stage: stages.count(stage) for stage in sorted(set(stages))},
        "explained_errors": len(errors),
        "results_bytes": len(httpx.get(batch["output_file_url"], trust_env=False).content),
        "read_s": round(read_s, 1),
        "wall_s": round(wall_s, 1),
        "jobs_per_s": round(len(results) / wall_s, 2),
        "most_in_flight": most,
        "draft_alone_ms": _spread(alone),
        "draft_beside_ms": _spread(beside),
        "beside_to_alone": ratio,
        "as_promised": bool(right and beside and ratio <= 2),
    }


def table(rows: int, *, seed: int) -> str:
    """A CSV whose every twentieth row is bad, each in one of three ways."""
    prompts = ("a sunny beach with a red umbrella", "a quiet harbour at dawn", "an orange on a blue plate")
    written = ["prompt,use_case,size,seed,finalize"]
    for row in range(1, rows + 1):
        prompt = prompts[row % len(prompts)]
        if row % BAD_EVERY:
            written.append(f"{prompt},thumbnail,256x256,{seed + row},draft_only")
        else:
            written.append(_BAD[row // BAD_EVERY % len(_BAD)].format(prompt=prompt))
    return "\n".join(written) + "\n"


def draft_ms(api: httpx.Client) -> int:
    """How long a person waits for a draft now: from submit to the draft in the ledger."""
    body = {
        "prompt": "Hero banner for a summer sale", "use_case": "hero", "size": "512x512", "finalize": "draft_only",
        "seed": random.randrange(2**32),
    }  # fmt: skip
    job = api.post("/v1/jobs", json=body).raise_for_status().json()
    while job["completed_at"] is None:
        time.sleep(0.25)
        job = api.get(f"/v1/jobs/{job['id']}").raise_for_status().json()
    if job["metrics"]["draft_ms"] is None:
        sys.exit(f"job {job['id']} ended without a draft: {job['error']}")
    return int(job["metrics"]["draft_ms"])


def newest(api: httpx.Client, name: str) -> dict[str, Any] | None:
    """The batch of the file called so."""
    found = api.get("/v1/batches", params={"limit": 10}).raise_for_status().json()["data"]
    return next((batch for batch in found if batch["input_file_id"].endswith(name)), None)


def lines(url: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in httpx.get(url, trust_env=False).raise_for_status().text.splitlines()]


def _spread(values: list[int]) -> dict[str, int]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "jobs": len(values),
        "median": round(statistics.median(ordered)),
        "p90": ordered[int(0.9 * (len(values) - 1))],
    }


def _stack() -> dict[str, Any]:
    command = [sys.executable, "-m", "infra.local", "status", "--json"]
    status: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if not status["running"]:
        sys.exit("no stack is running: start one with `presscheck up`")
    return status


def _bucket(status: dict[str, Any]) -> Any:
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    return boto3.client(
        "s3",
        endpoint_url=status["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


if __name__ == "__main__":
    main()
