# SPDX-License-Identifier: BSD-2-Clause
# Everything built goes to build/. `make help` lists the targets, V=1 shows the commands.
# Sources are found by wildcard; one object tree a variant (release, sanitize, thread, fuzz).

VERSION := 0.1.0
BUILD := build
PREFIX ?= /usr/local
# With a PREFIX of one's own nothing is written outside of it.
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= $(shell PATH="$$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v bpftool || echo bpftool)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# `make clean all` means one after the other, whatever make has already looked at.
ifneq ($(and $(filter clean,$(MAKECMDGOALS)),$(filter-out clean,$(MAKECMDGOALS))),)
$(shell rm -rf $(BUILD))
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-missing-field-initializers -Werror
CPPFLAGS += -Iinclude -Iuser -I$(BUILD)/bpf -D_GNU_SOURCE
CFLAGS ?= -O2 -g
LIBS := -lbpf -lelf -lz -luring -lyaml -lpthread -lm

HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fcf-protection
FLAGS_release := $(CFLAGS) $(HARDENING)
LDFLAGS_release := $(CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS)
FLAGS_sanitize := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-Itests/support
LDFLAGS_sanitize := $(FLAGS_sanitize)
# gcc's thread sanitizer does not follow fences and says so; what it then reports is judged by hand.
FLAGS_thread := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan -Itests/support
LDFLAGS_thread := $(FLAGS_thread)
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
LDFLAGS_fuzz := -O1 -g -fsanitize=fuzzer,address,undefined
COMPILE_release := $(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(FLAGS_release)
COMPILE_sanitize := $(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(FLAGS_sanitize)
COMPILE_thread := $(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(FLAGS_thread)
# gcc judges the sources; clang only builds them for its fuzzer.
COMPILE_fuzz := $(CLANG) -std=gnu11 -w $(CPPFLAGS) $(FLAGS_fuzz)
COMPILE_bpf := $(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter \
	-Iinclude -Ivmlinux -Ibpf

# --- what there is ----------------------------------------------------------------------------------

sources = $(sort $(filter-out %.bpf.c,$(wildcard $(1))))
USER_SOURCES := $(call sources,user/*/*.c user/*/*/*.c)
GEN_SOURCES := $(call sources,tools/sluice-gen/*.c)
BENCH_SOURCES := $(call sources,tools/bench/*.c)
TEST_SOURCES := $(call sources,tests/unit/*/*.c tests/unit/*/*/*.c tests/property/*.c tests/bpf/*.c tests/thread/*.c)
SUPPORT_SOURCES := $(call sources,tests/support/*.c)
FUZZ_SOURCES := $(call sources,tests/fuzz/fuzz_*.c)
FUZZ_HELPERS := $(filter-out $(FUZZ_SOURCES) tests/fuzz/replay.c,$(call sources,tests/fuzz/*.c))
BPF_PROGRAMS := $(sort $(wildcard bpf/*.bpf.c tools/*/*.bpf.c tests/*/*.bpf.c))
SKELETONS := $(foreach p,$(BPF_PROGRAMS),$(BUILD)/bpf/$(notdir $(p:.bpf.c=.skel.h)))

# user/core/stream/hot_*.c are compiled once for every x86-64 and once for one with AVX2; the caller chooses.
HOT_SOURCES := $(filter user/core/stream/hot_%.c,$(USER_SOURCES))
HOT_VARIANTS := baseline $(if $(filter x86_64,$(shell uname -m)),v3)
FLAGS_baseline := -DHOT_VARIANT=baseline
FLAGS_v3 := -DHOT_VARIANT=v3 -march=x86-64-v3
HOT_FLAGS_release := -O3
# Tests have few groups and short batches: these reach what is for many all the same.
HOT_FLAGS_FOR_TESTS := -DREACH_L3_GROUPS=6u -DREACH_MEMORY_GROUPS=12u -DFETCH_DISTANCE=5u -DEXTRAS_FETCH_GROUPS=6u
HOT_FLAGS_sanitize := $(HOT_FLAGS_FOR_TESTS)
HOT_FLAGS_thread := $(HOT_FLAGS_FOR_TESTS)
HOT_FLAGS_fuzz := $(HOT_FLAGS_FOR_TESTS)

# The yardsticks and what runs sketches alone are compiled as the hot files are. FLAGS_<path without .c>
# holds for any source.
FLAGS_tools/bench/bare_loop := $(HOT_FLAGS_release) $(FLAGS_$(lastword $(HOT_VARIANTS)))
FLAGS_tools/bench/bare_everything := $(FLAGS_tools/bench/bare_loop)
FLAGS_tools/bench/bench_sketches := $(FLAGS_tools/bench/bare_loop)

object = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))
hot_objects = $(foreach v,$(HOT_VARIANTS),$(patsubst %.c,$(BUILD)/$(1)/%.$(v).o,$(HOT_SOURCES)))
user_objects = $(call object,$(1),$(filter-out $(HOT_SOURCES),$(USER_SOURCES))) $(call hot_objects,$(1))

PROGRAMS := $(BUILD)/sluice $(if $(GEN_SOURCES),$(BUILD)/sluice-gen)
test_sources = $(filter $(1)/test_%.c,$(TEST_SOURCES))
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(foreach s,$(TEST_SOURCES),$(if $(filter test_%,$(notdir $(s))),$(s))))
REPLAY_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/replay_%,$(FUZZ_SOURCES))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(FUZZ_SOURCES))
BENCH_PROGRAMS := $(patsubst tools/%.c,$(BUILD)/%,$(filter tools/bench/bench_%.c,$(BENCH_SOURCES)))

all: $(PROGRAMS) ## build sluice and sluice-gen in build/
.PHONY: all
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# --- what it needs ----------------------------------------------------------------------------------

deps: ## install what building, testing and measuring need (root: by apt, else says how)
	@CC='$(CC)' CLANG='$(CLANG)' tools/deps build run test bench check
# Order-only and phony: looked at in each run, some milliseconds, and makes nothing out of date.
deps-%:
	@CC='$(CC)' CLANG='$(CLANG)' tools/deps $*
.PHONY: deps FORCE
FORCE:

# text_file FILE,TEXT: while the Makefile is read, brings the file to this text, and touches it only when
# the text changes. So a changed flag, a removed source and a new commit make out of date what they
# concern, and `make -n` and `make -q` tell the truth. The rule is for `make clean all`.
is_same = $(and $(findstring x$(1)x,x$(2)x),$(findstring x$(2)x,x$(1)x))
write_text = $(shell mkdir -p $(dir $(1)))$(file >$(1),$(2))
text_file = $(if $(call is_same,$(file <$(1)),$(2)),,$(call write_text,$(1),$(2)))
define text_file_rule
$$(if $$(BUILDS),$$(call text_file,$(1),$(2)))
$(1): ; @$$(call write_text,$(1),$(2)):
endef
# Goals that build nothing write nothing, nor do -n and -q.
SHORT_FLAGS := $(firstword -$(MAKEFLAGS))
BUILDS := $(if $(findstring n,$(SHORT_FLAGS))$(findstring q,$(SHORT_FLAGS)),,$(filter-out clean help deps uninstall,\
	$(or $(MAKECMDGOALS),all)))

define build_info
#define SLUICE_RELEASE "$(VERSION)"
#define SLUICE_COMMIT "$(1)"
endef
COMMIT := $(shell git describe --always --dirty --abbrev=10 2>/dev/null || echo unknown)
# Tests do not depend on the commit: they would be linked anew for each.
COMMIT_release := $(COMMIT)
COMMIT_sanitize := test
COMMIT_thread := test
COMMIT_fuzz := test

# --- objects ----------------------------------------------------------------------------------------

# Variant $(1): each object, the hot ones, the library of everything but main.
define variant_rules
$(call text_file_rule,$(BUILD)/$(1)/flags,$$(COMPILE_$(1)) $$(HOT_FLAGS_$(1)))
$(call text_file_rule,$(BUILD)/$(1)/members,$$(call user_objects,$(1)))
$(call text_file_rule,$(BUILD)/$(1)/generated/build_info.h,$$(call build_info,$$(COMMIT_$(1))))

$(BUILD)/$(1)/%.o: %.c $(BUILD)/$(1)/flags | deps-build
	$$(call say,CC,$$< $(filter-out (release),($(1))))
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE_$(1)) -I$(BUILD)/$(1)/generated $$(FLAGS_$$*) -MMD -MP -c $$< -o $$@

$(foreach v,$(HOT_VARIANTS),
$(BUILD)/$(1)/user/core/stream/hot_%.$(v).o: user/core/stream/hot_%.c $(BUILD)/$(1)/flags | deps-build
	$$(call say,CC,$$< ($(1) $(v)))
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE_$(1)) $$(HOT_FLAGS_$(1)) $$(FLAGS_$(v)) -MMD -MP -c $$< -o $$@
)
$(BUILD)/$(1)/libsluice.a: $(call user_objects,$(1)) $(BUILD)/$(1)/members
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach v,release sanitize thread fuzz,$(eval $(call variant_rules,$(v))))

# The BPF side. Skeletons come out of clang and bpftool; the dependency files know who includes them
# after the first build; before it, who has `skel.h` in its text waits for all. Not our code: no warnings.
define bpf_rules
$(BUILD)/bpf/$(notdir $(1:.bpf.c=.bpf.o)): $(1) $(BUILD)/bpf/flags | deps-build
	$$(call say,BPF,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE_bpf) -MMD -MP -c $$< -o $$@
endef
$(eval $(call text_file_rule,$(BUILD)/bpf/flags,$$(COMPILE_bpf)))
$(foreach p,$(BPF_PROGRAMS),$(eval $(call bpf_rules,$(p))))

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q){ echo '#pragma GCC system_header' && $(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf; } >$@.tmp
	$(Q)mv $@.tmp $@

ALL_SOURCES := $(USER_SOURCES) user/main.c $(GEN_SOURCES) $(BENCH_SOURCES) $(TEST_SOURCES) $(SUPPORT_SOURCES) \
	$(FUZZ_SOURCES)
SKELETON_USERS := $(shell grep -l 'skel\.h"' $(ALL_SOURCES) 2>/dev/null)
BUILD_INFO_USERS := $(shell grep -l 'build_info\.h"' $(ALL_SOURCES) 2>/dev/null)
define first_build_order
$(call object,$(1),$(SKELETON_USERS)): | $(SKELETONS)
$(call object,$(1),$(BUILD_INFO_USERS)): $(BUILD)/$(1)/generated/build_info.h
endef
$(foreach v,release sanitize thread fuzz,$(eval $(call first_build_order,$(v))))

# --- programs ---------------------------------------------------------------------------------------

# $(1) variant: links objects first, then archives, then libraries.
link = $(if $(filter fuzz,$(1)),$(CLANG),$(CC)) $(LDFLAGS_$(1)) $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group -o $@

$(BUILD)/sluice: $(BUILD)/release/user/main.o $(BUILD)/release/libsluice.a
	$(call say,LD,$@)
	$(Q)$(call link,release) $(LIBS)

$(BUILD)/sluice-gen: $(call object,release,$(GEN_SOURCES)) $(BUILD)/release/libsluice.a
	$(call say,LD,$@)
	$(Q)$(call link,release) $(LIBS)

in_folder = $(foreach s,$(2),$(if $(filter $(1)/,$(dir $(s))),$(s)))
# A test_*.c is a program; what lies beside it is linked into each program of its folder.
define test_directory
$(patsubst $(1)/%.c,$(BUILD)/$(1)/%,$(call test_sources,$(1))): $(BUILD)/$(1)/%: \
		$(BUILD)/$(2)/$(1)/%.o $(call object,$(2),$(filter-out $(call test_sources,$(1)),$(call in_folder,$(1),$(TEST_SOURCES)))) \
		$(call object,$(2),$(SUPPORT_SOURCES)) $(3) $(BUILD)/$(2)/libsluice.a
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call link,$(2)) -lcmocka $$(LIBS)
endef
GEN_FOR_TESTS := $(call object,sanitize,$(filter-out tools/sluice-gen/main.c,$(GEN_SOURCES)))
TEST_FOLDERS := $(sort $(patsubst %/,%,$(dir $(TEST_SOURCES))))
$(foreach d,$(TEST_FOLDERS),$(eval $(call test_directory,$(d),$(if $(filter tests/thread,$(d)),thread,sanitize),\
	$(if $(filter tests/unit/sluice-gen,$(d)),$(GEN_FOR_TESTS)))))

# A fuzz target twice: with the fuzzer, and with a main() that only replays files.
$(REPLAY_PROGRAMS): $(BUILD)/tests/fuzz/replay_%: $(BUILD)/sanitize/tests/fuzz/%.o \
		$(BUILD)/sanitize/tests/fuzz/replay.o $(call object,sanitize,$(FUZZ_HELPERS)) $(BUILD)/sanitize/libsluice.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link,sanitize) $(LIBS)

$(FUZZ_PROGRAMS): $(BUILD)/tests/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(call object,fuzz,$(FUZZ_HELPERS)) \
		$(BUILD)/fuzz/libsluice.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link,fuzz) $(LIBS)

BENCH_HELPERS := $(call object,release,$(filter-out tools/bench/bench_%.c,$(BENCH_SOURCES)))
$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/release/tools/bench/%.o $(BENCH_HELPERS) $(BUILD)/release/libsluice.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call link,release) $(LIBS)

# --- what to do with it -----------------------------------------------------------------------------

demo: all deps-run ## live windows from real packets, verified against the truth (root)
	@tools/demo

TESTS_BUILT := $(TEST_PROGRAMS) $(REPLAY_PROGRAMS) \
	$(patsubst tests/support/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard tests/support/*.bpf.c))
test-programs: $(TESTS_BUILT)
fuzz-programs: $(FUZZ_PROGRAMS)
test: all test-programs fuzz-programs deps-test deps-run ## everything that must pass; ONLY=word runs a part
	@tests/run $(ONLY)
$(TESTS_BUILT) $(FUZZ_PROGRAMS): | deps-test

fuzz: fuzz-programs deps-test ## fuzz each target for SECONDS=60 seconds
	@SLUICE_FUZZ_SECONDS=$(or $(SECONDS),60) tests/run tests/fuzz/fuzz_

bench-programs: $(BENCH_PROGRAMS)
bench: all $(BENCH_PROGRAMS) deps-bench deps-run ## measure; ONLY=name,name runs a part (root for end to end)
	@STATE_DIR=$(STATE_DIR) tools/bench/run $(ONLY)

check: deps-check ## style, shellcheck, clang-tidy
	@tools/check-style
	@tools/check-static $(ALL_SOURCES)

INSTALL := install
OBJCOPY ?= objcopy
MAN_PAGES := $(BUILD)/docs/sluice.8 $(BUILD)/docs/sluice-gen.1
UNITS := $(patsubst deploy/%.in,$(BUILD)/deploy/%,$(wildcard deploy/*.service.in))
COMPLETIONS := $(foreach s,bash zsh fish,$(BUILD)/docs/completion/$(s))
STRIPPED := $(BUILD)/stripped/sluice $(BUILD)/stripped/sluice-gen
# source:target:mode, one a file. Debuggers look for debug information below a directory by the path of
# the program.
INSTALLED := $(foreach p,sbin/sluice bin/sluice-gen,\
		$(BUILD)/stripped/$(notdir $(p)):$(PREFIX)/$(p):755 \
		$(BUILD)/stripped/$(notdir $(p)).debug:$(PREFIX)/lib/debug$(PREFIX)/$(p).debug:644) \
	$(foreach h,types wire,include/sluice/$(h).h:$(PREFIX)/include/sluice/$(h).h:644) \
	$(if $(wildcard deploy/sluice.yaml),deploy/sluice.yaml:$(SYSCONFDIR)/sluice/sluice.yaml.example:644) \
	$(foreach m,$(MAN_PAGES),$(m):$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)):644) \
	$(BUILD)/docs/completion/bash:$(PREFIX)/share/bash-completion/completions/sluice:644 \
	$(BUILD)/docs/completion/zsh:$(PREFIX)/share/zsh/site-functions/_sluice:644 \
	$(BUILD)/docs/completion/fish:$(PREFIX)/share/fish/vendor_completions.d/sluice.fish:644 \
	$(foreach u,$(UNITS),$(u):$(PREFIX)/lib/systemd/system/$(notdir $(u)):644)

# The programs know their manual pages and their completions.
$(BUILD)/docs/%.8: $(BUILD)/%
	$(Q)mkdir -p $(@D) && $< help man >$@
$(BUILD)/docs/%.1: $(BUILD)/%
	$(Q)mkdir -p $(@D) && $< help man >$@
$(COMPLETIONS): $(BUILD)/docs/completion/%: $(BUILD)/sluice
	$(Q)mkdir -p $(@D) && $< completion $* >$@

$(BUILD)/deploy/%.service: deploy/%.service.in FORCE
	@mkdir -p $(@D)
	@sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' $< >$@

$(STRIPPED:=.debug): $(BUILD)/stripped/%.debug: $(BUILD)/%
	$(Q)mkdir -p $(@D) && $(OBJCOPY) --only-keep-debug $< $@
$(STRIPPED): $(BUILD)/stripped/%: $(BUILD)/% $(BUILD)/stripped/%.debug
	$(Q)$(OBJCOPY) --strip-unneeded --add-gnu-debuglink=$@.debug $< $@

install: all $(STRIPPED) $(UNITS) $(MAN_PAGES) $(COMPLETIONS) ## copy programs, manual, unit and an example configuration to PREFIX=/usr/local (DESTDIR, SYSCONFDIR)
	@for f in $(INSTALLED); do \
		rest=$${f#*:}; to="$(DESTDIR)$${rest%:*}"; \
		echo "  INSTALL  $$to"; \
		$(INSTALL) -D -m "$${rest##*:}" "$${f%%:*}" "$$to" || exit; \
	done

# Empty directories go too: below a PREFIX of one's own all of them; of a usual one its bin, lib, share
# and so on stay, and those of manual pages.
uninstall: ## remove what install copied
	@for f in $(INSTALLED); do \
		rest=$${f#*:}; to="$(DESTDIR)$${rest%:*}"; \
		echo "  REMOVE   $$to"; \
		rm -f "$$to" || exit; \
	done
	@for f in $(INSTALLED); do \
		rest=$${f#*:}; to="$${rest%:*}"; in="$${to#$(PREFIX)/}"; top=.; \
		[ "$$in" != "$$to" ] || continue; \
		case "$(PREFIX):$$in" in \
		/usr:share/man/* | /usr/local:share/man/*) continue ;; \
		/usr:* | /usr/local:*) top="$${in%%/*}"; in="$${in#*/}" ;; \
		esac; \
		case "$$in" in */*) ;; *) continue ;; esac; \
		(cd "$(DESTDIR)$(PREFIX)/$$top" && rmdir -p --ignore-fail-on-non-empty "$${in%/*}") 2>/dev/null || :; \
	done
	@rmdir "$(DESTDIR)$(SYSCONFDIR)/sluice" 2>/dev/null || :

clean: ## remove build/
	$(if $(filter-out clean,$(MAKECMDGOALS)),@:,rm -rf $(BUILD))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '  make %-10s %s\n' "$$target" "$$text"; done
.PHONY: demo test test-programs fuzz-programs bench-programs fuzz bench check install uninstall clean help

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
