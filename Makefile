# SPDX-License-Identifier: BSD-2-Clause
# Everything built goes to build/. V=1 shows the commands.

BUILD := build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-missing-field-initializers -Werror
CPPFLAGS += -Iinclude -Iuser -I$(BUILD)/bpf -D_GNU_SOURCE
CFLAGS ?= -O2 -g
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fcf-protection
RELEASE_FLAGS := $(CFLAGS) $(HARDENING)
SANITIZE_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS_RELEASE := -pie -Wl,-z,relro,-z,now
LIBS := -lbpf -lelf -lz -luring -lyaml -lpthread -lm

USER_SOURCES := $(sort $(wildcard user/base/*.c user/core/*.c user/edge/*.c user/engine/*.c user/config/*.c \
	user/sink/*.c user/command/*.c))
GEN_SOURCES := $(sort $(wildcard tools/sluice-gen/*.c))
UNIT_SOURCES := $(sort $(wildcard tests/unit/*/*.c))
BPF_PROGRAMS := $(sort $(wildcard bpf/*.bpf.c tools/*/*.bpf.c))
SKELETONS := $(foreach p,$(BPF_PROGRAMS),$(BUILD)/bpf/$(notdir $(p:.bpf.c=.skel.h)))

object = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

all: $(BUILD)/sluice $(BUILD)/sluice-gen

$(BUILD)/release/%.o: %.c | $(SKELETONS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(RELEASE_FLAGS) $(FLAGS_$*) -MMD -MP -c $< -o $@

$(BUILD)/sanitize/%.o: %.c | $(SKELETONS)
	$(call say,CC,$< (sanitized))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(SANITIZE_FLAGS) $(FLAGS_$*) -Itests/support -MMD -MP -c $< -o $@

$(BUILD)/%/libsluice.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/release/libsluice.a: $(call object,release,$(USER_SOURCES))
$(BUILD)/sanitize/libsluice.a: $(call object,sanitize,$(USER_SOURCES))

$(BUILD)/sluice: $(BUILD)/release/user/main.o $(BUILD)/release/libsluice.a
	$(call say,LD,$@)
	$(Q)$(CC) $(RELEASE_FLAGS) $(LDFLAGS_RELEASE) $^ -o $@ $(LIBS)

$(BUILD)/sluice-gen: $(call object,release,$(GEN_SOURCES)) $(BUILD)/release/libsluice.a
	$(call say,LD,$@)
	$(Q)$(CC) $(RELEASE_FLAGS) $(LDFLAGS_RELEASE) $^ -o $@ $(LIBS)

# One program a unit test, found by wildcard: tests/unit/<layer>/test_<module>.c
$(BUILD)/tests/%: $(BUILD)/sanitize/tests/%.o $(BUILD)/sanitize/libsluice.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE_FLAGS) $^ -o $@ -lcmocka $(LIBS)

# The BPF side
define bpf_rules
$(BUILD)/bpf/$(notdir $(1:.bpf.c=.bpf.o)): $(1)
	$$(call say,BPF,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude -Ivmlinux -Ibpf \
		-MMD -MP -c $$< -o $$@
endef
$(foreach p,$(BPF_PROGRAMS),$(eval $(call bpf_rules,$(p))))

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@.tmp && mv $@.tmp $@

clean:
	rm -rf $(BUILD)

.PHONY: all clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
