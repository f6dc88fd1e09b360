# make test    everything that can be checked on this machine
# make run     start the whole system here and play a day of calls through it (ARGS=--once ends by itself)
# make build   the command and the functions, into bin/
# make bench   what a function costs, beside its budget
# make fmt     format the Go files

SHELL := /bin/bash

# The CDK app needs modules of its own (awscdk, constructs, jsii, cdknag). Where
# they cannot be downloaded, its packages are left out, and that is said aloud.

PACKAGES = $(shell go list -e -f '{{if not .DepsErrors}}{{.ImportPath}}{{end}}' ./... 2>/dev/null)
ALL_PACKAGES = $(shell go list -e ./... 2>/dev/null)

.PHONY: run build test bench fmt

FUNCTIONS := $(notdir $(wildcard functions/*))

run: build
	bin/chimewatch local $(ARGS)

build: node_modules
	go build -o bin/chimewatch ./cmd/chimewatch
	@echo "go build ./functions/... into bin/functions"
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags "-s -w" -o bin/functions/$$f/bootstrap ./functions/$$f || exit 1; done

test: node_modules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted (run make fmt)"; exit 1; fi
	@for p in $(filter-out $(PACKAGES),$(ALL_PACKAGES)); do \
	  case $$p in \
	  */stacks|*/stacks/*|*/cmd/cdk) echo "LEFT OUT: $$p: the CDK modules cannot be downloaded here: $$(go list -e -deps -f '{{with .Error}}{{.Err}}{{end}}' $$p 2>/dev/null | grep . | head -n 1)";; \
	  *) echo "cannot be built: $$p"; go build $$p; exit 1;; esac; done
	@for tool in aws cfn-lint moto_server; do command -v $$tool >/dev/null || echo "LEFT OUT: the tests that need $$tool: it is not installed"; done
	@echo go vet; go vet $(PACKAGES)
	@echo go tool staticcheck; go tool staticcheck $(PACKAGES)
	@echo go test -race; go test -race -timeout 30m $(PACKAGES)

node_modules: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch node_modules

bench: node_modules
	go run ./test/bench

fmt:
	gofmt -w $$(git ls-files '*.go')
