# SPDX-License-Identifier: GPL-2.0-only
# A front door; the build itself is meson's.
#
#   make         builds into build/
#   make demo    installs what is needed (Debian), builds, shows it in throw-away network namespaces (root)
#   make check   installs what the tests need (Debian), builds, runs every test; ends with the sum (root)
#   make bench   cost per packet, loading and update times, beside iptables and nftables (root); figures go to build/bench.jsonl
#   make bench-picture   draws docs/bench.svg from the figures that are kept, RESULTS=build/bench.jsonl from your own
#   make install
.PHONY: all demo check bench bench-picture install

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build

check:
	@bash .ci/run

demo:
	@tests/demo/run

bench: all
	@rm -f build/bench.jsonl
	@tests/bench/run --json build/bench.jsonl build

RESULTS = tests/bench/results/epyc-2cpus.jsonl
bench-picture:
	@mkdir -p docs && tests/bench/draw $(RESULTS) >docs/bench.svg

check-qemu: all
	@apt-get -qq install -y --no-install-recommends qemu-system-x86 busybox-static cpio kmod xz-utils iptables nftables >/dev/null
	@tests/qemu/run build

install: all
	@meson install -C build
