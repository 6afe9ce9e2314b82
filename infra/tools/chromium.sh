#!/usr/bin/env bash
# Installs Chromium, which a test opens the page of the APIs in, where it is
# missing and can be installed without asking: by root, from Debian's packages.
# Elsewhere it does nothing, and prerequisites.sh says what to do.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing Chromium with apt-get"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -q -o DPkg::Lock::Timeout=300 update &&
  apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends chromium; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "apt-get could not install Chromium; see above" >&2
fi
