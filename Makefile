# Everything one does here. Needed: Go, make, git, bash; what else a target
# needs, it fetches itself (tools/deb: Debian packages, unpacked and never
# installed, into .cache/deb).

# Modules of this checkout: the product, tools, and tests against a real
# Prometheus. The tests of the nested ones run programs that they build
# themselves, which go test's cache knows nothing of: hence -count=1.
MODULES := $(patsubst %/go.mod,%,$(wildcard ./go.mod ./*/go.mod ./*/*/go.mod))
TESTED  := $(filter-out ./tools,$(MODULES))

VERSION_PKG := github.com/prometheus/common/version
VERSION     ?= $(or $(patsubst v%,%,$(shell git describe --tags --match 'v*' --dirty 2>/dev/null)),0.0.0-dev)
LDFLAGS     := -s -w \
	-X $(VERSION_PKG).Version=$(VERSION) \
	-X $(VERSION_PKG).Revision=$(shell git rev-parse --short HEAD 2>/dev/null) \
	-X $(VERSION_PKG).Branch=$(shell git branch --show-current 2>/dev/null) \
	-X $(VERSION_PKG).BuildDate=$(shell git log -1 --format=%cI 2>/dev/null)

RACE     ?= ./...
FUZZTIME ?= 1m

.DEFAULT_GOAL := help
.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Watch a real Prometheus write through Headgate (DEMO_FLAGS=-for=60s ends by itself)
	@go build -o bin/demo ./bench/demo
	@command -v prometheus >/dev/null || tools/deb prometheus || { \
		echo "demo: no Prometheus to be had from Debian: building prom-lite, which is made of its own parts" >&2; \
		go -C bench/prom build -o ../../bin/prom-lite ./cmd/prom-lite; }
	@command -v prometheus-node-exporter >/dev/null || command -v node_exporter >/dev/null || \
		tools/deb prometheus-node-exporter || true
	@exec bin/demo $(DEMO_FLAGS)

.PHONY: run
run: build ## Run Headgate from this checkout (RUN_FLAGS=--config.file=…)
	@exec bin/headgate serve $(RUN_FLAGS)

.PHONY: build
build: ## Build bin/headgate
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/headgate ./cmd/headgate

.PHONY: postgres
postgres: ## Make sure of the PostgreSQL server that the store's tests start
	@tools/postgres

.PHONY: chromium
chromium: ## Make sure of the Chromium that the tests of the pages look through
	@tools/chromium

.PHONY: pages
pages: ## Generate the pages' Go from their templ files, and format them
	@go generate ./ui

.PHONY: screens
screens: chromium ## Take pictures of every page in both themes and widths (SCREENS=dir, bin/screens if absent)
	@mkdir -p $(or $(SCREENS),bin/screens)
	@go -C ui/browser test -vet=off -count=1 -run TestScreens . -screens $(abspath $(or $(SCREENS),bin/screens))

.PHONY: test
test: postgres chromium ## Run every test, then those of the root under the race detector (RACE= leaves that out)
	@echo "test: ."
	@go test -vet=off ./...
	@set -e; for module in $(filter-out .,$(TESTED)); do \
		echo "test: $$module"; go -C $$module test -vet=off -count=1 ./...; done
ifneq ($(RACE),)
	@tools/race
	@echo "test: race"
	@CGO_ENABLED=1 go test -vet=off -race $(RACE)
endif

.PHONY: check
check: ## Check generated files, format, vet, staticcheck and go.mod files
	@tools/check $(MODULES)

.PHONY: bench
bench: build ## Measure Headgate against vmagent, and write bench/results/
	@command -v vmagent >/dev/null || tools/deb victoria-metrics
	@go build -o bin/headgate-bench ./bench/cmd/headgate-bench
	@exec bin/headgate-bench $(BENCH_FLAGS)

.PHONY: pgo
pgo: ## Renew cmd/headgate/default.pgo, the profile that builds are optimised by
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
		go test -c -trimpath -o $$dir/gateway.test ./gateway; \
		(cd gateway && $$dir/gateway.test -test.run '^$$' -test.bench Push -test.benchtime 5s -test.cpuprofile $$dir/push.pprof); \
		go tool pprof -proto $$dir/push.pprof > cmd/headgate/default.pgo

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME, 1m each
	@tools/fuzz $(FUZZTIME)

.PHONY: clean
clean: ## Remove what was built and fetched
	@rm -rf bin .cache
