# make run     start the whole system here and play a day of calls through it (ARGS=--once ends by itself)
# make test    everything: format, vet, static analysis, all tests (about ten minutes on two cores)
# make check   the developer's loop: format, vet, static analysis, unit tests without processes and race detector
# make build   the command and the functions, into bin/
# make bench   what a function costs, beside its budget
# make fmt     format the Go files

SHELL := /bin/bash

.PHONY: run build test check vet bench fmt

FUNCTIONS := $(notdir $(wildcard functions/*))

# The CDK's bindings are large and have no concurrency of ours: the race detector has nothing to find in the packages that use them.
CDK_PACKAGES = $(shell go list ./stacks/... ./cmd/cdk)
PACKAGES = $(filter-out $(CDK_PACKAGES),$(shell go list ./...))

run: build
	bin/chimewatch local $(ARGS)

build: node_modules
	go build -o bin/chimewatch ./cmd/chimewatch
	@echo "go build ./functions/... into bin/functions"
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags "-s -w" -o bin/functions/$$f/bootstrap ./functions/$$f || exit 1; done

test: node_modules vet
	@for tool in aws cfn-lint moto_server; do command -v $$tool >/dev/null || echo "not installed, so its tests are skipped: $$tool"; done
	go mod tidy -diff
	go -C test/rie mod tidy -diff
	go -C test/example mod tidy -diff
	go test -timeout 15m $(CDK_PACKAGES)
	go test -race -timeout 30m $(PACKAGES)

check: vet
	go test -short ./...

vet:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted (run make fmt)"; exit 1; fi
	go vet ./...
	go -C test/example vet ./...
	go tool staticcheck ./...

node_modules: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch node_modules

bench: node_modules
	go run ./test/bench

fmt:
	gofmt -w $$(git ls-files '*.go')
