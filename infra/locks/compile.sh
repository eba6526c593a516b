#!/bin/sh
# Pin every dependency again: `infra/locks/compile.sh`, or with `--upgrade` to move to newer versions.
# dev.txt comes first and constrains the others: what ships is what the tests ran with.
set -eu
cd "$(dirname "$0")/../.."

uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url -o infra/locks/dev.txt "$@"

# The annotations ("# via") stay: infra/bundle.py reads from them which function needs what.
# Of rapidocr we use the models alone; its own code, and so OpenCV, never runs.
uv pip compile pyproject.toml --extra ocr --constraint infra/locks/dev.txt --override - \
  --generate-hashes --only-binary :all: --python-version 3.14 --python-platform x86_64-manylinux_2_28 \
  --no-header --no-emit-index-url -o infra/locks/functions.txt "$@" <<'OVERRIDES'
colorlog ; python_version < '0'
omegaconf ; python_version < '0'
opencv-python-headless ; python_version < '0'
pyclipper ; python_version < '0'
pyyaml ; python_version < '0'
requests ; python_version < '0'
shapely ; python_version < '0'
tqdm ; python_version < '0'
OVERRIDES

# The serving container ships alone: only its own extra, nothing of the project's.
python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["inference"], sep="\n")' |
  uv pip compile - --constraint infra/locks/dev.txt \
    --generate-hashes --only-binary :all: --python-version 3.12 --python-platform x86_64-manylinux_2_28 \
    --no-header --no-annotate --no-emit-index-url -o infra/locks/inference.txt "$@"
