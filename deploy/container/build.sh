#!/bin/sh
# Build the image and make the demo shop's report in it; needs docker or podman.
set -eu
cd "$(dirname "$0")/../.."
program=$(command -v docker || command -v podman || true)
if [ -z "$program" ]; then
    echo "NOT BUILT: neither docker nor podman is here" >&2
    exit 1
fi
"$program" build -f deploy/container/Dockerfile -t csinsight .
work=$(mktemp -d)
chmod 777 "$work"
"$program" run --rm -v "$work:/srv/csinsight" csinsight demo --out /srv/csinsight
test -s "$work/reports/demo/2026-10/index.html"
echo "built, not root, and the demo shop's report made"
