#!/usr/bin/env bash
# Installs the programs that tests need beside the usual ones, where they are
# missing and can be installed without asking: by root, from Debian's packages.
# Usage: debian.sh [chromium] [php] [prometheus]: Chromium, which a test opens the
# page of the APIs in; PHP with Guzzle, which generated clients run on; Prometheus,
# which a test asks the dashboard's queries. Elsewhere it does nothing, and
# prerequisites.sh says what to do.
set -euo pipefail
cd "$(dirname "$0")/../.."

has() {
  for name in "$@"; do
    if command -v "$name" >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

packages=()
unpacked=() # into .tools, where nothing makes a service of them
for wanted in "$@"; do
  case $wanted in
    chromium) has chromium chromium-browser google-chrome || packages+=(chromium) ;;
    php)
      has php || packages+=(php-cli php-curl php-mbstring)
      [ -e /usr/share/php/GuzzleHttp/autoload.php ] || packages+=(php-guzzlehttp-guzzle)
      ;;
    prometheus)
      { has prometheus && has promtool; } || [ -x .tools/prometheus/usr/bin/promtool ] || unpacked+=(prometheus)
      ;;
  esac
done
if [ $((${#packages[@]} + ${#unpacked[@]})) = 0 ] || [ "$(id -u)" != 0 ] || ! has apt-get; then
  exit 0
fi

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# install puts the packages in their places.
install() {
  apt-get -q -o DPkg::Lock::Timeout=300 update || return
  if [ ${#packages[@]} -gt 0 ]; then
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${packages[@]}" || return
  fi
  for name in "${unpacked[@]}"; do
    (cd "$temporary" && apt-get -q download "$name") && mkdir -p ".tools/$name" &&
      dpkg-deb -x "$temporary/${name}"_*.deb ".tools/$name" || return
  done
}

echo "Installing ${packages[*]} ${unpacked[*]} with apt-get"
export DEBIAN_FRONTEND=noninteractive
if ! install >"$temporary/log" 2>&1 </dev/null; then
  cat "$temporary/log" >&2
  echo "apt-get could not install ${packages[*]} ${unpacked[*]}; see above" >&2
fi
