#!/usr/bin/env bash
# One process a host. On host INDEX (from 0), with the same addresses:
#   ./several_hosts.sh INDEX host1:12345 host2:12345 ... [-- --flag=value ...]
# The workdir must be one folder that all hosts see. When a host is lost, the
# others stop; run the same command again on all of them, and training goes on
# from the last checkpoint. To see what would go where: ... -- --dry_run
set -euo pipefail
index=$1
shift
addresses=()
while (($#)) && [[ $1 != -- ]]; do
  addresses+=("\"$1\"")
  shift
done
if (($#)); then shift; fi
workers=$(IFS=,; echo "${addresses[*]}")
export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
exec keras-mixgan train \
  --strategy=multi_worker \
  --source=digits \
  --batch_size=512 \
  --workdir=runs/several_hosts \
  "$@"
