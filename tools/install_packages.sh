#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that facet needs and this machine lacks.
#   install_packages.sh [build|mpi|lint|coverage|bench]...   (default: build)
# mpi is optional: with it several processes can train one network.
# Silent when nothing is missing; elsewhere than on Debian it says the list.
set -euo pipefail

build="gcc g++ make cmake ninja-build pkg-config libonnx-dev
  libprotobuf-c-dev protobuf-c-compiler libturbojpeg0-dev libjpeg62-turbo-dev
  libpng-dev libwebp-dev libheif-dev libexif-dev libjansson-dev libcairo2-dev
  libcmocka-dev libsodium-dev libsqlite3-dev libpq-dev libyaml-dev
  python3"
mpi="libopenmpi-dev openmpi-bin"
lint="clang-format clang-tidy clang-14 libclang-rt-14-dev valgrind"
coverage="gcovr"
bench="python3-torch python3-numpy python3-pil python3-sklearn libfaiss-dev
  nodejs npm"

wanted=""
for group in "${@:-build}"; do
  case "$group" in
    build) wanted+=" $build" ;;
    mpi) wanted+=" $mpi" ;;
    lint) wanted+=" $lint" ;;
    coverage) wanted+=" $coverage" ;;
    bench) wanted+=" $bench" ;;
    *) echo "install_packages.sh: unknown group '$group'" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "Not a Debian machine: install the likes of" $wanted >&2
  exit 0
fi
missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
    grep -q 'install ok installed' || missing+=" $package"
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing" >&2
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
