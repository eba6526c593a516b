"""The article's own bench: its loop of seq, xargs and curl, word for word but for address, key and count."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.local.running import Stack

pytestmark = pytest.mark.xdist_group("local-stack")

REQUESTS = 10
BENCH_SH = """
for model in dalle3-std nano-banana; do
seq $REQUESTS | xargs -n1 -P10 -I{} sh -c "curl -s -X POST $API/generate -H 'Authorization: Bearer $KEY' \
  -w '%{http_code}\\n' -o $OUT/$model-{}.json -d '{\\"model\\":\\"$model\\",\\"prompt\\":\\"test\\"}'"
echo "Completed $REQUESTS requests for $model"
done
"""
"""The article sends no content type, so curl calls the body a form; it throws the answers away, we look at them."""


def test_the_articles_loop_gets_a_job_for_every_request_and_each_job_ends(stack: Stack, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "API": stack.api_url,
        "KEY": stack.api_key,
        "REQUESTS": str(REQUESTS),
        "OUT": str(tmp_path),
    }

    shell = ["/bin/sh", "-c", BENCH_SH]
    done = subprocess.run(shell, env=environ, capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.splitlines().count("202") == 2 * REQUESTS, done.stdout + done.stderr
    assert re.findall(r"Completed 10 requests for (\S+)", done.stdout) == ["dalle3-std", "nano-banana"]
    ids = [re.findall(r'"id":\s*"([0-9A-Z]{26})"', path.read_text())[0] for path in sorted(tmp_path.glob("*.json"))]
    assert len(set(ids)) == 2 * REQUESTS
    jobs = [stack.finished(job_id, within_s=180) for job_id in ids]
    assert all(job["stage"] == "done" or job["error"].startswith("rendered_") for job in jobs)
    finals = [next(each for each in job["attempts"] if each["tier"] == "final") for job in jobs]
    assert [final["alias"]["asked"] for final in finals] == ["dalle3-std"] * 10 + ["nano-banana"] * 10
    assert len({final["image"]["sha256"] for final in finals}) == 2 * REQUESTS, "no seed was given, so none repeats"
