"""How much the pipeline itself costs: many jobs at once against a running stack.

    presscheck up && python -m tests.bench.pipeline --jobs 200

First a few jobs one after another, then all at once, on the same stack in the same run; what counts are the ratios.
Every job must end, succeed, and have an unbroken chain, or the exit status is 1. Seeds differ, so nothing is cached.
Overhead is a job's total less the painting of its draft and finals (as the model server reports it); of the concurrent
run it includes waiting for a core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import httpx

_POLL_S = (0.5, 30.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--alone", type=int, default=8, help="jobs run one after another first")
    parser.add_argument("--clients", type=int, default=16, help="connections that submit at once")
    parser.add_argument("--timeout-s", type=float, default=600)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    figures = asyncio.run(_measure(asked))
    print(json.dumps(figures, indent=2) if asked.json else _table(figures))
    sys.exit(0 if figures["together"]["unfinished"] == figures["together"]["broken_chains"] == 0 else 1)


async def _measure(asked: argparse.Namespace) -> dict[str, Any]:
    url, key = _stack()
    limits = httpx.Limits(max_connections=asked.clients)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits, trust_env=False) as api:
        began = time.monotonic()
        alone = [await _run(api, asked.timeout_s) for _ in range(asked.alone)]
        alone_s = time.monotonic() - began
        began = time.monotonic()
        together = await asyncio.gather(*(_run(api, asked.timeout_s) for _ in range(asked.jobs)))
        together_s = time.monotonic() - began
    one, many = _figures(alone, alone_s), _figures(together, together_s)
    return {
        "alone": one,
        "together": many,
        "ratios": {
            "throughput_together_to_alone": round(many["jobs_per_s"] / one["jobs_per_s"], 2),
            "overhead_to_total_alone": round(one["overhead_ms"]["median"] / one["total_ms"]["median"], 3),
        },
    }


async def _run(api: httpx.AsyncClient, timeout_s: float) -> dict[str, Any]:
    """Submit one job and follow it to its end; the job and whether its chain held."""
    body = {
        "prompt": "Hero banner for a summer sale, sun over a calm ocean",
        "use_case": "hero",
        "size": "512x512",
        "seed": random.randrange(2**32),
        "expected_text": "SALE",
    }
    reply = await api.post("/v1/jobs", json=body)
    reply.raise_for_status()
    job: dict[str, Any] = reply.json()
    deadline, seen, pause = time.monotonic() + timeout_s, "", _POLL_S[0]
    while job["completed_at"] is None and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _POLL_S[1])  # on two cores the one who asks takes from the one who works
        reply = await api.get(f"/v1/jobs/{job['id']}", headers={"if-none-match": seen})
        if reply.status_code != httpx.codes.NOT_MODIFIED:
            job, seen = reply.raise_for_status().json(), reply.headers["etag"]
    audit = (await api.get(f"/v1/jobs/{job['id']}/audit")).raise_for_status().json()
    return job | {"intact": audit["intact"]}


def _figures(jobs: list[dict[str, Any]], wall_s: float) -> dict[str, Any]:
    ended = [job for job in jobs if job["completed_at"]]
    totals = [_total_ms(job) for job in ended]
    overheads = [_total_ms(job) - _painting_ms(job) for job in ended]
    stages = [job["stage"] for job in jobs]
    return {
        "jobs": len(jobs),
        "wall_s": round(wall_s, 1),
        "jobs_per_s": round(len(ended) / wall_s, 2),
        "stages": {stage: stages.count(stage) for stage in sorted(set(stages))},
        "unfinished": len(jobs) - len(ended),
        "broken_chains": sum(not job["intact"] for job in jobs),
        "repaired": sum(len([each for each in job["attempts"] if each["tier"] == "final"]) > 1 for job in jobs),
        "total_ms": _spread(totals),
        "overhead_ms": _spread(overheads),
    }


def _total_ms(job: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(job[name]) for name in ("created_at", "completed_at"))
    return (end - start).total_seconds() * 1000


def _painting_ms(job: dict[str, Any]) -> float:
    return float(sum(attempt["latency_ms"]["inference"] for attempt in job["attempts"] if not attempt["cached"]))


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"median": 0, "p90": 0}
    ordered = sorted(values)
    return {"median": round(statistics.median(ordered)), "p90": round(ordered[int(0.9 * (len(ordered) - 1))])}


def _stack() -> tuple[str, str]:
    if "PRESSCHECK_API_URL" in os.environ:
        return os.environ["PRESSCHECK_API_URL"], os.environ["PRESSCHECK_API_KEY"]
    command = [sys.executable, "-m", "infra.local", "status", "--json"]
    status = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if not status["running"]:
        sys.exit("no stack is running: start one with `presscheck up`")
    return status["api_url"], status["api_key"]


def _table(figures: dict[str, Any]) -> str:
    lines = []
    for name in ("alone", "together"):
        f = figures[name]
        lines.append(
            f"{name:9} {f['jobs']:4} jobs  {f['jobs_per_s']:6.2f} jobs/s  total {f['total_ms']['median']} ms "
            f"(p90 {f['total_ms']['p90']})  overhead {f['overhead_ms']['median']} ms (p90 {f['overhead_ms']['p90']})  "
            f"{f['stages']}  repaired {f['repaired']}  unfinished {f['unfinished']}  broken chains {f['broken_chains']}"
        )
    return "\n".join([*lines, json.dumps(figures["ratios"])])


if __name__ == "__main__":
    main()
