# SPDX-License-Identifier: GPL-2.0-only
# A front door; the build itself is meson's.
#
#   make         builds into build/
#   make demo    builds, then shows one ruleset in the kernel's iptables and in BPF, with real packets (root)
#   make check   installs what the tests need (Debian), builds, runs every test; ends with the sum (root)
#   make bench   cost per packet, loading and update times, beside iptables and nftables (root)
#   make install
.PHONY: all demo check bench install

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build

demo:
	@tools/demo

check:
	@bash .ci/run

bench: all
	@tests/bench/run build

install: all
	@meson install -C build
