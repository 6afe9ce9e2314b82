#!/usr/bin/env bash
# Says which of the programs that building and testing need are missing or too
# old, all at once, and fails if any is. Usage: prerequisites.sh [go java maven
# python chromium cc javac node php prometheus]; without arguments it looks for the
# first four. The last five only `make test-long` needs, and node `make lint`.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()

# at_least HAVE WANT: whether version HAVE is WANT or later.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

has() { command -v "$1" >/dev/null 2>&1; }

check_go() {
  local want have
  want=$(awk '$1 == "go" { print $2 }' go.mod)
  if ! has go; then
    missing+=("Go $want or later: https://go.dev/dl/")
  elif ! have=$(go env GOVERSION 2>&1); then
    missing+=("Go $want or later: $have")
  elif ! at_least "${have#go}" "$want"; then
    missing+=("Go $want or later (found ${have#go}): https://go.dev/dl/")
  fi
}

check_cc() {
  local cc
  cc=$(go env CC 2>/dev/null || echo gcc)
  has "${cc%% *}" || missing+=("a C compiler (${cc%% *}): the race detector is linked with it")
}

check_java() {
  local out version
  if ! has java || ! out=$(java -version 2>&1); then
    missing+=("Java 17 or later: DynamoDB Local runs on it")
    return
  fi
  version=$(sed -n 's/.*version "\([0-9.]*\).*/\1/p' <<<"$out" | head -n 1)
  at_least "${version:-0}" 17 || missing+=("Java 17 or later (found ${version:-unknown}): DynamoDB Local runs on it")
}

check_javac() {
  has javac || missing+=("Java's compiler (javac): Java clients are compiled with it")
}

check_maven() {
  has mvn || missing+=("Maven (mvn): it fetches DynamoDB Local")
}

check_node() {
  local version
  if ! has node || ! has npm || ! version=$(node --version 2>&1); then
    missing+=("Node.js 20 or later with npm: TypeScript clients, redocly and Spectral run on it")
  elif ! at_least "${version#v}" 20; then
    missing+=("Node.js 20 or later (found $version): TypeScript clients, redocly and Spectral run on it")
  fi
}

check_php() {
  has php && [ -e /usr/share/php/GuzzleHttp/autoload.php ] ||
    missing+=("PHP 8 with Guzzle in /usr/share/php: PHP clients run on it. On Debian, as root: apt-get install php-cli php-curl php-mbstring php-guzzlehttp-guzzle (\`make test-long\` does so by itself as root)")
}

check_prometheus() {
  { has prometheus && has promtool; } || [ -x .tools/prometheus/usr/bin/promtool ] ||
    missing+=("Prometheus with promtool: a test asks it the queries of the dashboard. They are in Debian's package prometheus, which makes a service of it (\`make test-long\` unpacks the package into .tools as root): https://prometheus.io/download/")
}

check_python() {
  local version
  if ! has python3 || ! version=$(python3 -c 'import platform; print(platform.python_version())' 2>&1); then
    missing+=("Python 3.11 or later (python3): the AWS SAM CLI and cfn-lint run on it")
  elif ! at_least "$version" 3.11; then
    missing+=("Python 3.11 or later (found $version): the AWS SAM CLI and cfn-lint run on it")
  elif ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then
    missing+=("Python's venv and ensurepip modules (on Debian: the package python3-venv)")
  fi
}

check_chromium() {
  has chromium || has chromium-browser || has google-chrome ||
    missing+=("Chromium: a test opens the page of the APIs in it. On Debian, as root: apt-get install chromium (\`make tools\` does so by itself as root)")
}

[ $# -gt 0 ] || set -- go java maven python
for name in "$@"; do
  "check_$name"
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Missing:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
fi
