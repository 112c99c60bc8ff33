#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A small album of people who do not exist, for the demo and for trying things
# out: six people, four portraits each, two group photos, and the truth.
#   make_album.sh FACET FOLDER
# The same facet gives the same files each time.
set -euo pipefail
facet=$1 folder=$2
mkdir -p "$folder"
"$facet" synth --quiet --out "$folder" --people 6 --images 4 --size 320 \
  --yaw 35 --groups 2 --group-of 6 --group-size 1024x768 --seed 12 \
  >"$folder/truth.jsonl"
