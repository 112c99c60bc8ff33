# SPDX-License-Identifier: Apache-2.0
# The front of the build: CMake does the work. `make` alone prints this help.
.DEFAULT_GOAL := help
.PHONY: help build
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16
build: ## Build the library and the command
	cmake -S . -B build -G Ninja && cmake --build build
