# SPDX-License-Identifier: GPL-2.0-only
# A front door; the build itself is meson's.
#
#   make         builds into build/
#   make check   installs what the tests need (Debian), builds, runs every test; ends with the sum (root)
#   make install
.PHONY: all check install

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build

check:
	@bash .ci/run

install: all
	@meson install -C build
