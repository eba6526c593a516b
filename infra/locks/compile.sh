#!/bin/sh
# Pin every dependency again: `infra/locks/compile.sh`, or with `--upgrade` to move to newer versions.
# dev.txt comes first and constrains the others: what ships is what the tests ran with.
set -eu
cd "$(dirname "$0")/../.."

uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url -o infra/locks/dev.txt "$@"

# The annotations ("# via") stay: infra/bundle.py reads from them which function needs what.
# Of rapidocr we use the models alone; its own code, and so OpenCV, never runs.
uv pip compile pyproject.toml --extra ocr --extra people --constraint infra/locks/dev.txt --override - \
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

# The serving container ships alone: only its own extras, nothing of the project's.
extras() {
  python3 - "$@" <<'PYTHON'
import sys, tomllib
known = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*(line for extra in sys.argv[1:] for line in known[extra]), sep="\n")
PYTHON
}

# The GPU image. torch from the package index is the CUDA 13.0 build for Linux and brings NVIDIA's libraries;
# it needs a driver of branch 580 or newer.
extras inference sd35 |
  uv pip compile - --constraint infra/locks/dev.txt \
    --generate-hashes --only-binary :all: --python-version 3.12 --python-platform x86_64-manylinux_2_28 \
    --no-header --no-annotate --no-emit-index-url -o infra/locks/inference.txt "$@"

# The same libraries for the tests, beside dev.txt. Of torch only its version is pinned, not what the CUDA build brings,
# so that pip takes whichever build of it is offered, the small CPU one first; and so without hashes.
extras mini sd35 > "${test_in:=$(mktemp)}"
uv pip compile "$test_in" --constraint infra/locks/dev.txt --override - --universal --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url -o infra/locks/inference-test.txt "$@" <<'OVERRIDES'
cuda-bindings ; python_version < '0'
cuda-toolkit ; python_version < '0'
nvidia-cudnn-cu13 ; python_version < '0'
nvidia-cusparselt-cu13 ; python_version < '0'
nvidia-nccl-cu13 ; python_version < '0'
nvidia-nvshmem-cu13 ; python_version < '0'
triton ; python_version < '0'
OVERRIDES
rm "$test_in"
