#!/usr/bin/env bash
#SBATCH --job-name=keras-mixgan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#
# Submit it in this folder: sbatch slurm.sh [--flag=value ...]
# One process a node, which takes all GPUs of the node. Slurm requeues the job
# when a node fails; it then goes on from the last checkpoint. If a process
# ends, Slurm ends the others too.
set -euo pipefail
port=$((10000 + SLURM_JOB_ID % 50000))
mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
addresses=("${hosts[@]/%/:$port}")
here=${SLURM_SUBMIT_DIR:-.}
# Slurm sets the number of a process only when it runs.
# shellcheck disable=SC2016
srun --kill-on-bad-exit=1 bash -c \
  'script=$1; shift; exec "$script" "$SLURM_PROCID" "$@"' \
  bash "$here/several_hosts.sh" "${addresses[@]}" -- "$@"
