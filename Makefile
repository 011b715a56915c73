SHELL := /bin/bash
.DEFAULT_GOAL := help
# Two packages at a time at the most: the servers the tests start need room too.
JOBS ?= 2
# Real wiring diagrams and API descriptions that are not ours to ship.
SHARED ?= $(abspath ../shared)
LDFLAGS := -s -w

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/hedgesync, one static binary
	CGO_ENABLED=0 go build -p $(JOBS) -trimpath -ldflags '$(LDFLAGS)' -o bin/hedgesync ./cmd/hedgesync

.PHONY: demo
demo: build ## start the sandbox and sync a fabric end to end; Ctrl-C stops it
	sandbox/demo bin/hedgesync

.PHONY: lint
lint: ## gofmt and go vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet -p $(JOBS) ./...
	go vet -p $(JOBS) -tags bench ./internal/bench
	cd sandbox && CGO_ENABLED=0 go vet -p $(JOBS) ./...

# The race detector needs a C compiler, the Git tests a real git to compare with.
.PHONY: deps
deps: ## install the Debian packages that the tests need and are not there
	@command -v git >/dev/null && command -v gcc >/dev/null || \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q git gcc libc6-dev; }

.PHONY: tools
tools: deps ## build what the tests need: kube-apiserver, etcd, kubectl, the sandbox (once, cached)
	@tools/kube/build >/dev/null
	@sandbox/build >/dev/null

.PHONY: test
test: tools ## run every test; installs and builds what they need
	go test -race -p $(JOBS) -timeout 30m ./...
	cd sandbox && CGO_ENABLED=0 go test -p $(JOBS) -timeout 30m ./...

.PHONY: conformance
conformance: tools ## check against real wiring diagrams and descriptions in SHARED
	@test -d "$(SHARED)" || { echo "SHARED=$(SHARED) is not a folder: set SHARED to the reference data"; exit 1; }
	HEDGESYNC_SHARED="$(SHARED)" go test -p $(JOBS) -tags conformance -run Conformance ./...
	cd sandbox && HEDGESYNC_SHARED="$(SHARED)" CGO_ENABLED=0 go test -p $(JOBS) -tags conformance -run Conformance ./...

.PHONY: bench
bench: tools ## compare with a raw client and kubectl, as a table; SIZES=250,1000,5000
	SIZES=$(SIZES) go test -tags bench -count=1 -timeout 60m -run TestBench -v ./internal/bench

# One minute for each fuzzer; FUZZTIME=10m for longer.
FUZZTIME ?= 1m

.PHONY: fuzz
fuzz: ## run each fuzzer for FUZZTIME
	@set -e; for pkg in $$(go list ./...); do \
		for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$(go list -f '{{$$d := .Dir}}{{range .TestGoFiles}}{{$$d}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$d}}/{{.}} {{end}}' $$pkg) /dev/null 2>/dev/null | sed 's/func //'); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -parallel $(JOBS) $$pkg; \
		done; done
