#!/usr/bin/env bash
# Installs the programs that tests need beside the usual ones, where they are
# missing and can be installed without asking: by root, from Debian's packages.
# Usage: debian.sh [chromium] [php]: Chromium, which a test opens the page of the
# APIs in; PHP with Guzzle, which generated clients run on. Elsewhere it does
# nothing, and prerequisites.sh says what to do.
set -euo pipefail

has() {
  for name in "$@"; do
    if command -v "$name" >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

packages=()
for wanted in "$@"; do
  case $wanted in
    chromium) has chromium chromium-browser google-chrome || packages+=(chromium) ;;
    php)
      has php || packages+=(php-cli php-curl php-mbstring)
      [ -e /usr/share/php/GuzzleHttp/autoload.php ] || packages+=(php-guzzlehttp-guzzle)
      ;;
  esac
done
if [ ${#packages[@]} = 0 ] || [ "$(id -u)" != 0 ] || ! has apt-get; then
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing ${packages[*]} with apt-get"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -q -o DPkg::Lock::Timeout=300 update &&
  apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "apt-get could not install ${packages[*]}; see above" >&2
fi
