#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/guide.md: every command of it runs, in order, and none fails. It installs, sends, asks, kills and
# removes, in namespaces: /usr/local, /etc and /var/lib are copies on write that end with the test. A
# stand-in for systemctl does what the installed unit says.
# timeout-seconds: 240
. "$(dirname "$0")/../support/netns.sh"
. "$(dirname "$0")/../support/documents.sh"
command -v bpftool >/dev/null || skip "bpftool is not installed"
netns_enter "$@"
netns_mounts
page=$root/docs/guide.md

# A copy on write of a folder; what is written there ends with the test.
overlay() {
	mkdir -p "$work/upper$1" "$work/scratch$1"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$work/upper$1,workdir=$work/scratch$1" "$1" ||
		skip "no overlay file system"
}
for folder in /usr/local /etc /var/lib; do overlay $folder; done
rm -rf /var/lib/sluice /etc/sluice

mkdir $work/bin
cat >$work/bin/systemctl <<'END'
#!/bin/bash
# ExecStart, RuntimeDirectory, StateDirectory, Restart and RestartSec of the installed unit, without systemd.
set -eu
unit=/usr/local/lib/systemd/system/sluice.service
room=/run/work/unit
of() { sed -n "s/^$1=//p" "$unit"; }
await() { for _ in {1..200}; do ! sluice status >/dev/null || return 0; sleep 0.05; done; exit 1; } 2>/dev/null
start() {
	mkdir -p "/run/$(of RuntimeDirectory)" "/var/lib/$(of StateDirectory)"
	setsid bash -c "while :; do $(of ExecStart) 2>>$room.log & echo \$! >$room.pid; wait \$!; code=\$?
		[ \$code -ne 0 ] || break; sleep $(of RestartSec); done" &
	await
}
stop() {
	local pid
	pid=$(cat $room.pid)
	kill -TERM "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
case "$*" in
"enable --now sluice") start ;;
"restart sluice") stop && start ;;
"kill --signal=KILL sluice") kill -KILL "$(cat $room.pid)" ;;
"disable --now sluice") stop ;;
*) echo "the test knows no 'systemctl $*'"; exit 1 ;;
esac
END
chmod +x $work/bin/systemctl
agent_log=$work/unit.log
PATH=$work/bin:/usr/local/sbin:/usr/local/bin:$PATH

expect_that "every command of the page is run" document_hides_none "$page"
# Files that the page writes stay out of the tree.
cd $work || fail "no room"
sed "s#^make#make -C $root --no-print-directory#" "$page" >page.md
document_run page.md commands.sh >$work/output 2>&1 || { cat $work/output; fail "a command of the page"; }
cat $work/output

expect_that "rows were asked for" grep -qE '^20.* final .* [0-9.]+ %$' $work/output
expect_that "the kill is told" grep -qE '^20.* partial +\?$' $work/output
expect "every balance" "$(grep -c '^unaccounted: 0$' $work/output)" "$(grep -c '^unaccounted: ' $work/output)"
expect_that "counters for Prometheus" grep -qE '^sluice_seen_datagrams_total\{listener="edge"\} [1-9]' $work/output
expect_that "rows as CSV" grep -q ,start, $work/clicks.csv
for left in /usr/local/sbin/sluice /etc/sluice /var/lib/sluice /sys/fs/bpf/sluice /run/netns/sender; do
	expect_that "nothing is left of $left" test ! -e $left
done
