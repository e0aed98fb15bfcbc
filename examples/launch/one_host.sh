#!/usr/bin/env bash
# All GPUs of one host. To see what would go where: ./one_host.sh --dry_run
# If a mixture that shares nothing (--share=none) does not fit into one GPU:
# --strategy=component_parallel
set -euo pipefail
exec keras-mixgan train \
  --strategy=mirrored \
  --source=digits \
  --batch_size=256 \
  --workdir=runs/one_host \
  "$@"
