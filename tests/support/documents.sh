#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests that run what a document says: sourced, not run. Blocks marked `sh` are commands, in the order
# of the page; all other languages that may stand there are not commands.

# document_blocks LANGUAGE FILE: what stands in its blocks of this language.
document_blocks() {
	awk -v fence="\`\`\`$1" '
		$0 == fence { inside = 1; next }
		/^```/ { inside = 0 }
		inside' "$2"
}

# document_hides_none FILE: no block has commands that nobody runs, like ```bash or ```console.
document_hides_none() {
	local hidden
	hidden=$(awk '/^```/ { if (!inside && $0 !~ /^```(sh|text|yaml|python|json)$/) print FILENAME ":" FNR ": " $0
		inside = !inside }' "$1")
	[ -z "$hidden" ] || { echo "$hidden"; return 1; }
}

# document_run FILE SCRIPT: its commands, written to SCRIPT and printed as they run. The first one that fails
# ends it.
document_run() {
	document_blocks sh "$1" >"$2"
	[ -s "$2" ] || { echo "$1 has no commands"; return 1; }
	bash -euvo pipefail "$2"
}
