# Tapir. GNU make.
#
#   make            the libraries, the command build/tapir, the programs
#   make demo       the kernel's ping and curl talk to a stack of ours
#   make test       all tests; the last line is the sum
#   make bench      how fast, beside the kernel: some minutes, quiet ones
#   make check      warnings as errors, format, layers, symbols, then the tests
#   make format     clang-format over all of it
#   make install    under PREFIX (/usr/local), in DESTDIR if that is given
#   make uninstall  the same files away again
#   make clean
#   make V=1 ...    shows the whole command lines
#
# Flavours, each in a folder of its own with the same layout inside:
#
#   make                      build/
#   make DEBUG=1              build/debug/       -O0 -g3
#   make SAN=1                build/san/         address and undefined behaviour
#   make TSAN=1               build/tsan/        threads; `test` is unit/ alone
#   make WERROR=1             build/werror/      warnings are errors
#   make CC=clang             build/clang/       any compiler but cc
#   make CC=clang SAN=1       build/clang-san/   and so on
#
# A folder's name decides what becomes of a source file, so a new file needs no
# line here: see the lists below.

MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SECONDARY:
say = $(if $(V),@:,@echo) # what is done, in a word
quiet = $(if $(V),,@)

# ---- Flavour --------------------------------------------------------------

flavour := $(if $(filter-out cc,$(CC)),$(notdir $(CC))) \
           $(if $(DEBUG),debug) $(if $(SAN),san) $(if $(TSAN),tsan) $(if $(WERROR),werror)
empty :=
comma := ,
flavour := $(subst $(empty) $(empty),-,$(strip $(flavour)))
B := build$(if $(flavour),/$(flavour))

optimize := -O2 -g
ifdef DEBUG
optimize := -O0 -g3
endif
ifdef SAN
optimize := $(if $(DEBUG),-O0 -g3,-O1 -g) -fno-omit-frame-pointer \
            -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifdef TSAN
optimize := $(if $(DEBUG),-O0 -g3,-O1 -g) -fno-omit-frame-pointer \
            -fsanitize=thread
endif
warnings := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)

compile = $(CC) -std=gnu11 $(optimize) $(warnings) -pthread $(CFLAGS)
link = $(CC) $(optimize) -pthread $(LDFLAGS)

# ---- What is made of which file -------------------------------------------

find = $(sort $(shell find $(1) -name '$(2)' 2>/dev/null))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

library_sources := $(call find,stack,*.c) $(wildcard netdev/*.c)
library := $(call objects,$(library_sources))

# An app is a file apps/NAME.c, or a folder apps/NAME/ with main.c and others.
app_folders := $(patsubst %/main.c,%,$(wildcard apps/*/main.c))
apps := $(patsubst %.c,$(B)/%,$(wildcard apps/*.c)) $(addprefix $(B)/,$(app_folders))
command := $(call objects,$(wildcard tools/*.c))

# What of the command's parts the tests look into: all but main.
parts := $(call objects,$(filter-out tools/tapir.c,$(wildcard tools/*.c)))

# What has no thread is not worth ThreadSanitizer's time: a conversation of
# tests/tcp has none.
ifdef TSAN
export SUITES ?= unit
endif

# The shim that takes libc's place in unmodified programs: tools/preload.
preload := $(call objects,$(wildcard tools/preload/*.c))
preload_names := $(shell sed 's/\#.*//' tools/preload/names)
preload_own := open eventfd signalfd socketpair # the library's descriptors: own.c

# In each of these folders a test_*.c is a program (of Check), and all other
# files are helpers that are linked to every one of them.
suites := unit tcp sim fuzz
programs = $(patsubst %.c,$(B)/%,$(wildcard tests/$(1)/test_*.c))
helpers = $(call objects,$(filter-out tests/$(1)/test_%,\
                                      $(wildcard tests/$(1)/*.c)))
tests := $(foreach suite,$(suites),$(call programs,$(suite)))

code := $(call find,stack netdev apps tests tools,*.[ch])
headers := $(filter %.h,$(code))
scripts := $(sort $(shell grep -ls '^\#!/bin/\|^\#!/usr/bin/env' \
             tools/* tests/run tests/live/* tests/bench/* .ci/run))

.PHONY: all demo test check format clean
all: $(B)/libtapir.a $(B)/libtapir.so $(B)/libtapir-preload.so $(B)/tapir \
     $(apps)

# ---- Compiling ------------------------------------------------------------

# Of the library only what tapir.h marks as TAPIR_API is seen from outside.
$(B)/obj/stack/%.o $(B)/obj/netdev/%.o: kind := -fPIC -fvisibility=hidden
include_paths = -Istack -I.
# A program sees <tapir.h> and nothing else; a tool, devices too.
$(B)/obj/apps/%.o: include_paths = -Istack

# It defines what the headers' fortified inlines would define otherwise.
$(B)/obj/tools/preload/%.o: kind := -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE

# In what is built for a debugger gdb finds its own script: tools/gdb.
ifdef DEBUG
$(B)/obj/stack/host/host.o: gdb_script = -include tools/gdb/section.h \
    -DTAPIR_GDB_SCRIPT='"$(CURDIR)/tools/gdb/tapir.py"'
endif

$(B)/obj/%.o: %.c $(B)/flags Makefile
	@mkdir -p $(@D)
	$(say) "  CC    $<"
	$(quiet)$(compile) $(kind) $(gdb_script) $(include_paths) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call objects,$(filter %.c,$(code))))

# Two files that change when the flags, or the list of sources, do.
$(B)/flags: content = $(compile) $(link)
$(B)/sources: content = $(library_sources) $(filter %.c,$(code))
$(B)/flags $(B)/sources: always
	@mkdir -p $(@D)
	@echo '$(content)' | cmp -s - $@ || echo '$(content)' >$@

.PHONY: always

# ---- Linking --------------------------------------------------------------

# Until 1.0 a new minor version may change the structs of tapir.h, so it has a
# soname of its own.
version := 0.1.0
soname := libtapir.so.$(basename $(version))

$(B)/libtapir.a: $(library) $(B)/sources
	@rm -f $@
	$(say) "  AR    $@"
	$(quiet)$(AR) rcs $@ $(library)

$(B)/libtapir.so: $(library) $(B)/sources
	$(say) "  LINK  $@"
	$(quiet)$(link) -shared -Wl,-soname,$(soname) -o $@ $(library)
	$(quiet)ln -sf libtapir.so $(B)/$(soname)

# The library as the shim has it, in one object: its own calls of the names that
# the shim takes are the real ones. --wrap makes __wrap_read of its read.
$(B)/obj/preload-library.o: $(library) $(B)/sources tools/preload/names
	$(say) "  LINK  $@"
	$(quiet)$(CC) -r -nostdlib -o $@ $(library) \
	    $(addprefix -Wl$(comma)--wrap=,$(preload_names) $(preload_own))

# Of the shim only the names of that list are seen.
$(B)/preload.map: tools/preload/names
	@mkdir -p $(@D)
	@{ echo '{ global:'; sed 's/#.*//; s/..*/&;/' $<; echo 'local: *; };'; } >$@

$(B)/libtapir-preload.so: $(preload) $(B)/obj/preload-library.o $(B)/preload.map
	$(say) "  LINK  $@"
	$(quiet)$(link) -shared -Wl,-soname,libtapir-preload.so \
	    -Wl,--version-script=$(B)/preload.map \
	    -o $@ $(filter %.o,$^) -ldl

$(B)/tapir: $(command) $(B)/libtapir.a
	$(say) "  LINK  $@"
	$(quiet)$(link) -o $@ $^

$(B)/obj/tools/parts.a: $(parts) $(B)/sources
	@rm -f $@
	$(say) "  AR    $@"
	$(quiet)$(AR) rcs $@ $(parts)

$(B)/apps/%: $(B)/obj/apps/%.o $(B)/libtapir.a
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(link) -o $@ $(filter %.o %.a,$^)

define app_folder_rule
$(B)/$(1): $(call objects,$(wildcard $(1)/*.c)) $(B)/libtapir.a $(B)/sources
	@mkdir -p $$(@D)
	$$(say) "  LINK  $$@"
	$$(quiet)$(link) -o $$@ $$(filter %.o %.a,$$^)
endef
$(foreach folder,$(app_folders),$(eval $(call app_folder_rule,$(folder))))

check_libs = $(shell pkg-config --libs check 2>/dev/null || \
                     echo -lcheck_pic -lsubunit -lrt -lm)

define suite_rule
$(B)/tests/$(1)/%: $(B)/obj/tests/$(1)/%.o $(call helpers,$(1)) \
                   $(B)/obj/tools/parts.a $(B)/libtapir.a $(B)/sources
	@mkdir -p $$(@D)
	$$(say) "  LINK  $$@"
	$$(quiet)$$(link) -o $$@ $$(filter %.o %.a,$$^) $$(check_libs)
endef
$(foreach suite,$(suites),$(eval $(call suite_rule,$(suite))))

# The benchmark's own program, on the library and on the kernel's sockets.
bench_programs := $(B)/tests/bench/bulk $(B)/tests/bench/bulk-kernel

$(B)/tests/bench/bulk: $(B)/obj/tests/bench/bulk.o $(B)/libtapir.a
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(link) -o $@ $^

$(B)/tests/bench/bulk-kernel: tests/bench/bulk.c $(B)/flags
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -DKERNEL -o $@ $<

# apps/perf on the kernel's sockets, to compare with.
bench_programs += $(B)/tests/bench/perf-kernel

$(B)/tests/bench/perf-kernel: apps/perf.c $(B)/flags
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -DKERNEL -o $@ $<

# What the stack costs by itself, without a device.
bench_programs += $(B)/tests/bench/paced

$(B)/tests/bench/paced: tests/bench/paced.c $(B)/flags
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -o $@ $<

# Many connections, on the kernel's sockets.
bench_programs += $(B)/tests/bench/many

$(B)/tests/bench/many: tests/bench/many.c $(B)/flags
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -o $@ $<

# Another stack, to compare with, where Debian's liblwip-dev is.
ifneq ($(wildcard /usr/include/lwip/lwip/tcp.h),)
ifeq ($(SAN)$(TSAN),)
bench_programs += $(B)/tests/bench/lwip
endif
endif

$(B)/tests/bench/lwip: tests/bench/lwip.c $(B)/flags
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -isystem /usr/include/lwip -o $@ $< -llwip

bench_programs += $(B)/tests/bench/core

$(B)/tests/bench/core: $(B)/obj/tests/bench/core.o $(B)/libtapir.a
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(link) -o $@ $^

# So is the differential test's.
differential := $(wildcard tests/live/differential/*.c)
live_programs := $(B)/tests/live/calls $(B)/tests/live/calls-kernel

$(B)/tests/live/calls: $(call objects,$(differential)) $(B)/libtapir.a
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(link) -o $@ $^

$(B)/tests/live/calls-kernel: $(differential) $(B)/flags \
                              tests/live/differential/script.h
	@mkdir -p $(@D)
	$(say) "  LINK  $@"
	$(quiet)$(compile) -DKERNEL -o $@ $(differential)

# ---- Running --------------------------------------------------------------

demo:
	@tools/install-deps demo
	@$(MAKE) all
	@B=$(B) $(B)/tapir lab -- tools/demo

test:
	@tools/install-deps test
	@$(MAKE) build-tests
	@B=$(B) LINK='$(link)' tests/run

.PHONY: build-tests
build-tests: all $(tests) $(bench_programs) $(live_programs)

# BENCH='--only REGEX --json FILE ...': see tests/bench/README.md
.PHONY: bench
bench: all $(bench_programs)
	@B=$(B) tests/bench/speed $(BENCH)

# ---- Installing -----------------------------------------------------------

# `tapir run` looks for the shim, a file of its own, in ../lib/tapir. LIBDIR may
# name another place for the libraries, as /usr/lib/x86_64-linux-gnu.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

place = $(DESTDIR)$(PREFIX)
library_place = $(DESTDIR)$(LIBDIR)
app_names := $(notdir $(apps))
gdb_files := $(patsubst tools/%,%,$(wildcard tools/gdb/*.py tools/gdb/*/*.py))

define pkg_config
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$${prefix}/include

Name: tapir
Description: TCP/IP stack in a library
Version: $(version)
Cflags: -I$${includedir}
Libs: -L$${libdir} -ltapir
Libs.private: -pthread
endef

.PHONY: install uninstall
install: export pkg_config := $(pkg_config)
install: all
	install -d $(place)/bin $(place)/include $(place)/lib/tapir \
	    $(library_place)/pkgconfig
	install -m 644 stack/tapir.h $(place)/include
	install -m 644 $(B)/libtapir.a $(library_place)
	install $(B)/libtapir.so $(library_place)/libtapir.so.$(version)
	ln -sf libtapir.so.$(version) $(library_place)/$(soname)
	ln -sf $(soname) $(library_place)/libtapir.so
	echo "$$pkg_config" >$(library_place)/pkgconfig/tapir.pc
	install $(B)/libtapir-preload.so $(place)/lib/tapir
	install $(B)/tapir $(place)/bin
	install -d $(place)/share/tapir/gdb/tapirgdb
	install -m 644 tools/gdb/tapir.py $(place)/share/tapir/gdb
	install -m 644 tools/gdb/tapirgdb/*.py $(place)/share/tapir/gdb/tapirgdb
	for app in $(app_names); do \
	    install $(B)/apps/$$app $(place)/bin/tapir-$$app || exit 1; \
	done

uninstall:
	rm -f $(place)/include/tapir.h \
	    $(addprefix $(library_place)/,libtapir.a libtapir.so $(soname) \
	        libtapir.so.$(version) pkgconfig/tapir.pc) \
	    $(place)/lib/tapir/libtapir-preload.so \
	    $(addprefix $(place)/share/tapir/,$(gdb_files)) \
	    $(addprefix $(place)/bin/,tapir $(addprefix tapir-,$(app_names)))
	-rmdir $(place)/lib/tapir
	-rmdir -p --ignore-fail-on-non-empty $(place)/share/tapir/gdb/tapirgdb

# ---- Checking -------------------------------------------------------------

# Warnings are errors, and this build is also the one that is tested.
check:
	@tools/install-deps check
	@$(MAKE) WERROR=1 check-text check-headers build-tests \
	    $(if $(SAN),,check-symbols check-preload) # the sanitizers add their own
	@$(MAKE) WERROR=1 run-tests

.PHONY: check-text check-headers check-symbols check-preload run-tests
check-text:
	@clang-format --dry-run -Werror $(code)
	tools/check-layers
	tools/check-conformance
	tools/check-doors
	shellcheck $(scripts)

# Each header compiles alone.
check-headers:
	@for header in $(headers); do \
	    echo "#include \"$$header\"" | \
	        $(compile) -Istack -I. -fsyntax-only -x c - || exit 1; \
	done

check-symbols: $(B)/libtapir.so
	tools/check-symbols $(B)

check-preload: $(B)/libtapir-preload.so
	tools/check-preload $(B)

run-tests:
	@B=$(B) LINK='$(link)' tests/run

format:
	@clang-format -i $(code)

clean:
	rm -rf build
