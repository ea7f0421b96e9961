#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check from outside: exit codes, where its words go, JSON, and the host it runs on. Root is
# not needed.
set -u
cd "$(dirname "$0")/../.." || exit 1
sluice=$PWD/build/sluice
[ -x "$sluice" ] || { echo "no build/sluice; make all" && exit 1; }
for shell in zsh fish; do
	command -v $shell >/dev/null || { echo "skipped: $shell is not installed" && exit 77; }
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

# NAME WANTED FOUND
same() {
	[ "$2" = "$3" ] && return
	printf '%s\n  wanted: %s\n  found:  %s\n' "$1" "$2" "$3"
	failures=$((failures + 1))
}

# Runs sluice; leaves its code in $code, its words in out and err.
run() {
	"$sluice" "$@" >"$work/out" 2>"$work/err" </dev/null
	code=$?
}

valid=$work/valid.yaml
cat >"$valid" <<-YAML
	durability: none
	state_dir: $work/state
	listen: [{name: here, interface: lo, mode: generic}]
	names: {types: {1: page_view}, dims: [region]}
	windows:
	  - {name: clicks, size: 10s, group_by: [type, region], where: {types: [page_view]}}
	limits: {memory: 64MiB}
YAML
chmod 600 "$valid"

run check -c "$valid"
same 'a valid file: code' 0 $code
same 'a valid file: stderr' '' "$(cat "$work/err")"
for words in 'valid' 'tumbling, 10s: count by type, region' 'where types page_view' \
	'UDP port 9125 of lo'; do
	grep -qF -- "$words" "$work/out" || same 'a valid file: words' "$words" "$(cat "$work/out")"
done
run check "$valid"
same 'a file without -c: code' 0 $code
grep -q 'is valid' "$work/out" || same 'a file without -c: words' 'is valid' "$(cat "$work/out")"
run check -c "$valid" "$valid"
same 'a file twice' 64 $code
run check -q "$valid"
same 'quiet' '0 ' "$code $(cat "$work/out" "$work/err")"
"$sluice" check - <"$valid" >"$work/out" 2>&1
same 'standard input: code' 0 $?
echo 'nonsense: 1' | "$sluice" check -q -c - >"$work/out" 2>"$work/err"
same 'standard input with a mistake: code' 78 $?
grep -q '^sluice: error: -:1:1: ' "$work/err" || same 'its place' '-:1:1' "$(cat "$work/err")"
run run -c -
same 'run has to read its file again' 64 $code
run check -c deploy/sluice.yaml
same 'deploy/sluice.yaml: code' 0 $code

run check -c "$valid" --json
json() {
	python3 -c "import json, sys
answer = json.load(sys.stdin)
print($1)" <"$work/out"
}
same 'valid, JSON' 'True clicks lo' \
	"$(json 'answer["valid"], answer["windows"][0]["name"],
		answer["listeners"][0]["interface"]')"
same 'lists and numbers, JSON' "['count'] ['type', 'region'] 10000000000" \
	"$(json 'answer["windows"][0]["aggregate"], answer["windows"][0]["group_by"],
		answer["windows"][0]["size_ns"]')"

sed 's/group_by/groupby/; s/10s/10/' "$valid" >"$work/wrong.yaml"
run check -c "$work/wrong.yaml"
same 'mistakes: code' 78 $code
same 'mistakes: stdout' '' "$(cat "$work/out")"
same 'mistakes: stderr' "sluice: error: $work/wrong.yaml:6:26: size: 10 has no unit; write for \
example 10s
sluice: error: $work/wrong.yaml:6:30: unknown key \`groupby\`; write \`group_by\`" \
	"$(cat "$work/err")"
run check -c "$work/wrong.yaml" --json
same 'mistakes, JSON: code' 78 $code
same 'mistakes, JSON' 'False 2' "$(json 'answer["valid"], len(answer["errors"])')"

run check -c "$work/nothing.yaml"
same 'no such file: code' 78 $code
run check -c "$work"
same 'a directory: code' 78 $code
: >"$work/empty.yaml"
run check -c "$work/empty.yaml"
same 'an empty file: code' 78 $code
run check --hots
same 'a wrong option: code' 64 $code
run chekc
same 'a wrong command: code' 64 $code
grep -qF 'write sluice check' "$work/err" ||
	same 'a wrong command' 'write sluice check' "$(cat "$work/err")"

chmod 666 "$valid"
run check -c "$valid"
same 'anybody may write: code' 0 $code
grep -q 'level=warn.*chmod go-w' "$work/err" ||
	same 'anybody may write' 'a warning' "$(cat "$work/err")"
run check -q -c "$valid"
same 'anybody may write, quiet' '' "$(cat "$work/err")"
chmod 644 "$valid"

# The host: an interface that is not there is 69; without capabilities it is 77, and both are named.
sed 's/interface: lo/interface: nope0/' "$valid" >"$work/nope.yaml"
run check -c "$work/nope.yaml" --host
grep -q 'problem .*there is no nope0' "$work/out" ||
	same 'no interface' 'a problem' "$(cat "$work/out")"
# Only where nothing more urgent is missing.
if [ "$(grep -c '^  problem' "$work/out")" = 1 ]; then
	same 'no interface: code' 69 "$code"
fi
as_nobody=(setpriv --bounding-set=-all --inh-caps=-all)
if [ "$(id -u)" = 0 ]; then
	as_nobody+=(--reuid=65534 --regid=65534 --clear-groups)
	chmod 755 "$work"
fi
cp "$sluice" "$work/sluice"
"${as_nobody[@]}" "$work/sluice" check -c "$valid" --host >"$work/out" 2>"$work/err"
same 'no capabilities: code' 77 $?
for name in CAP_BPF CAP_NET_ADMIN; do
	grep -q "problem .*$name is missing" "$work/out" ||
		same 'no capabilities' "$name is missing" "$(cat "$work/out")"
done
"${as_nobody[@]}" "$work/sluice" check -c "$valid" --host --json >"$work/out" 2>"$work/err"
same 'no capabilities, JSON' 77 "$(json 'answer["exit_code"]')"
[ -e "$work/state" ] && same 'check makes nothing' '' "$work/state"

# What is generated is understood by those it is for.
run completion bash
bash -n "$work/out" || same 'completion bash' 'a script' "$(cat "$work/out")"
# WORD…: what completes the last one.
complete_words() {
	bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice
		echo "${COMPREPLY[*]}"' "$work/out" "$@"
}
same 'completion bash: commands' check "$(complete_words sluice che)"
same 'completion bash: options' --host "$(complete_words sluice check --ho)"
same 'completion bash: values' json "$(complete_words sluice check --log-format js)"
for shell in zsh fish; do
	run completion $shell
	same "completion $shell: code" 0 $code
	$shell -n "$work/out" || same "completion $shell" 'a script' "$(cat "$work/out")"
done
# fish was last: it completes without a terminal, and zsh at least takes the function as its own.
same 'completion fish: commands' check "$(fish --no-config -c "source $work/out
	complete -C 'sluice che'" | cut -f 1)"
run completion zsh
same 'completion zsh: registered' _sluice "$(cd "$work" && zsh -fc 'autoload -Uz compinit
	compinit -u -D; source ./out; echo $_comps[sluice]' 2>&1)"
run version --json
[ -n "$(json 'answer["commit"]')" ] || same 'version' JSON "$(cat "$work/out")"
run help config
for key in durability ring_size max_groups idle_timeout; do
	grep -q "^ *$key " "$work/out" || same 'help config' "$key" "$(cat "$work/out")"
done

# An output that cannot be written is a failure.
if [ -e /dev/full ]; then
	"$sluice" check -c "$valid" >/dev/full 2>"$work/err"
	same 'a full disk: code' 74 $?
fi

[ $failures = 0 ] && echo 'check: all as it should be'
exit $((failures > 0))
