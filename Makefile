# SPDX-License-Identifier: Apache-2.0
# The front of the build: CMake does the work. `make` alone prints this help.
.DEFAULT_GOAL := help
.PHONY: help packages build test lint ci clean
JOBS ?= 2

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

packages: ## Install the Debian packages that are missing
	@tools/install_packages.sh build

build: packages ## Build the library and the command into build/
	cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release
	cmake --build build -j $(JOBS)

test: build ## Build, then run the whole suite
	ctest --test-dir build --output-on-failure -j $(JOBS)

lint: ## Check the form of the sources
	@tools/install_packages.sh lint
	tools/lint.sh

ci: ## What CI runs
	.ci/run

clean: ## Remove build/
	rm -rf build
