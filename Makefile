# SPDX-License-Identifier: Apache-2.0
# The front of the build: CMake does the work. `make` alone prints this help.
.DEFAULT_GOAL := help
.PHONY: help packages build demo test lint ci dev asan tsan fuzz valgrind leaks \
	coverage bench kills train-kills zoo methods install clean
JOBS ?= 2
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
KILLS ?= 1000
TRAIN_KILLS ?= 20

help: ## Say what can be made
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | \
	    sed 's/:.*## /\t/' | expand -t 16

packages: ## Install the Debian packages that are missing
	@tools/install_packages.sh build

build: packages ## Build the library and the command into build/
	cmake --preset release
	cmake --build build -j $(JOBS)

demo: build ## Build, then find and compare the faces of some photos
	@tools/demo.sh build

test: build ## Build, then run the whole suite
	cmake --build build -j $(JOBS) --target bench/all
	ctest --test-dir build --output-on-failure -j $(JOBS)

lint: ## Check the form of the sources
	@tools/install_packages.sh build lint
	tools/lint.sh

ci: ## What CI runs
	.ci/run

# The suite under other eyes: each in a folder of its own, build-NAME/.
dev asan tsan: ## The suite with assertions, with sanitizers
	@tools/install_packages.sh build lint
	cmake --preset $@
	cmake --build build-$@ -j $(JOBS)
	ctest --preset $@ -j $(JOBS)

fuzz: ## Every fuzz target for FUZZ_SECONDS (600) each
	@tools/install_packages.sh build lint
	cmake --preset fuzz
	cmake --build build-fuzz -j $(JOBS)
	tools/run_fuzzers.sh build-fuzz/fuzz $(FUZZ_SECONDS)

valgrind: build ## The suite under valgrind (slow)
	@tools/install_packages.sh lint
	tools/run_valgrind.sh build/tests

leaks: build ## A thousand pictures under valgrind
	@tools/install_packages.sh lint
	tools/check_leaks.sh build

coverage: ## Which lines the suite reaches
	@tools/install_packages.sh build coverage
	cmake --preset coverage
	cmake --build build-coverage -j $(JOBS)
	ctest --preset coverage -j $(JOBS)
	gcovr --root . --object-directory build-coverage --filter 'src/' \
	    --filter 'cli/' --exclude '.*_test\.c' --branches

bench: build ## Build the benchmarks and say how to run them
	@tools/install_packages.sh bench
	cmake --build build -j $(JOBS) --target bench/all
	@echo "Built in build/bench/; bench/ has the scripts that compare with others."

kills: build ## End a gallery's writer KILLS (1000) times and look what is left
	FACET_KILLS=$(KILLS) build/tests/crash_test

methods: build ## Run the commands of docs/methods
	cmake --build build -j $(JOBS) --target bench/all
	tools/check_methods.py build

zoo: build ## Train each of the papers' networks for a step; compare with PyTorch
	@tools/install_packages.sh bench
	cmake --build build -j $(JOBS) --target bench/all
	bench/zoo_steps.sh build
	tools/check_zoo_torch.py --build build

train-kills: build ## End a training TRAIN_KILLS (20) times, resume, compare
	FACET_KILLS=$(TRAIN_KILLS) FACET=$(CURDIR)/build/facet \
	    MAKE_SMALL=$(CURDIR)/build/tests/make_small FACET_SOURCE=$(CURDIR) \
	    python3 tests/cli/train_kills_test.py

install: build ## Install under PREFIX (/usr/local); DESTDIR is heeded
	cmake --install build --prefix $(PREFIX)

clean: ## Remove what was built
	rm -rf build build-dev build-asan build-tsan build-fuzz build-coverage
