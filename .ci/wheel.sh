#!/usr/bin/env bash
# Test a built wheel as a user installs it: a fresh environment, an empty folder, no checkout. A text-only install runs its reports and names
# the extra that the others need; with the extra `memes` every report runs. Usage: .ci/wheel.sh dist/preference_lab-….whl
set -eu
wheel=$(realpath "$1"); folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip install -q"; lab="$folder/venv/bin/preference_lab"
mkdir "$folder/empty"; cd "$folder/empty"

$pip "$wheel"
for study in emotions distributions; do "$lab" report $study data=demo; done
for study in preference labeler_tokens memes; do
    if said=$("$lab" report $study data=demo 2>&1); then echo "$study ran without its packages"; exit 1; fi
    grep -q 'preference_lab\[\(images\|memes\)\]' <<< "$said" || { echo "$said"; exit 1; }
done

$pip "$wheel[memes]"
for study in preference labeler_tokens memes; do "$lab" report $study data=demo; done
"$lab" summarize runs
echo "$(ls -d runs/*/*/report.html | wc -l) reports from the wheel"
