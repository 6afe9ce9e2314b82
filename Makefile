# Hookline's commands. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The processor that `make build-functions` builds the functions for: arm64 or x86_64.
# The stack's parameter Architecture must be given the same value.
ARCH ?= arm64
# Arguments for `make run`, such as ARGS='--listen 127.0.0.1:9000', and `make local`.
ARGS ?=

# Tests run the functions here.
host_arch := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

tools := .tools
# The programs of a virtual environment are run by its interpreter, since the
# paths written into them break when the checkout moves.
python := $(tools)/venv/bin/python
sam := $(python) $(tools)/venv/bin/sam
cfn_lint := $(python) $(tools)/venv/bin/cfn-lint
golangci_version := v2.15.0
# The APIs as OpenAPI describes them, and what makes, compiles and checks clients.
descriptions = $(shell find pkg -name openapi.yaml)
node_bin := $(tools)/clients/node/node_modules/.bin
clients := $(addprefix $(tools)/clients/,go.stamp java.stamp node.stamp python.stamp)

# The SAM CLI keeps its settings here, asks nothing and reports nothing.
export SAM_CLI_TELEMETRY := 0
export __SAM_CLI_APP_DIR := $(CURDIR)/$(tools)/sam
# Neither does redocly.
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

# $(call build_functions,directory,processor): build every function of the
# template. Static, stripped, and the same bytes wherever and whenever they are
# built, so that a deployment replaces only what has changed. They
# carry neither what Lambda's former runtime for Go spoke nor HTTP/2, which AWS's
# services need not be asked in; so deliver speaks HTTP/1.1 to receivers, since
# the SAM CLI builds all functions with the same flags. It hides what the compiler
# said, so that a failure is built once more without it.
lambda_go := CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false -tags=lambda.norpc,nethttpomithttp2 -ldflags=-s'
define build_functions
export $(lambda_go); \
	$(sam) build --build-dir $(1) --parameter-overrides Architecture=$(2) \
	|| { go build ./functions/...; exit 1; }
endef

# The race detector, for what is compiled of Go. SQLite was translated from C:
# to watch each access of it costs ten times its speed, and finds nothing of
# ours; nor would it in a simulation, which has one goroutine. A process does not
# wait a second before it ends.
race := -race '-gcflags=modernc.org/...=-race=false' '-gcflags=github.com/hookline/hookline/infra/capacity/fleet=-race=false'
export GORACE := atexit_sleep_ms=0

# $(call run_tests,flags): run all tests, whatever was found of them before,
# compiled with these flags. It shows what failed, and one line a package. They
# share one DynamoDB Local. What takes longest is begun first, so that nothing
# waits for it at the end.
longest := ./infra/deploytest ./cmd/hookline ./pkg/store/dynamo ./internal/test/modeltest ./pkg/delivery
# Of the packages that run at once, some wait while others compute: three keep two
# processors busy.
at_once = $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
run_tests = go run $(1) ./internal/test/withdynamodb go test $(1) -vet=off -count=1 -timeout 30m $(longest) ./...

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: needs-go ## Run everything in one process, for development. Needs Go only
	go run ./cmd/hookline serve --dev $(ARGS)

# The SAM CLI reads the processor that it is to emulate from the parameter's
# default.
.PHONY: local-build
local-build: needs-go $(tools)/venv.stamp
	$(call build_functions,.aws-sam/local,$(host_arch))
	@sed 's/Default: arm64$$/Default: $(host_arch)/' .aws-sam/local/template.yaml >.aws-sam/local/template.new
	@mv .aws-sam/local/template.new .aws-sam/local/template.yaml

.PHONY: local
local: local-build $(tools)/dynamodb-local.stamp ## Prepare what `sam local invoke` needs (docs/local.md)
	@go build -o .aws-sam/localinvoke ./infra/localinvoke
	@exec .aws-sam/localinvoke $(ARGS)

# Without the race detector, which makes tests two to three times as slow and
# has everything compiled once more. Nothing goes unseen: `make test-long` runs
# all tests under it, and what is random, loaded, killed or concurrent longer;
# .ci/run runs both, and `make lint`, which has go vet. Of what is prepared here,
# some waits for the network and some for a processor, so all of it is begun at
# once.
.PHONY: test
test: needs-all ## Check the prerequisites, install the tools, build, and run all tests
	@$(MAKE) --no-print-directory --jobs=8 ready-to-test
	$(call run_tests,-p $(at_once))

.PHONY: ready-to-test test-packages
ready-to-test: tools test-functions test-packages

test-packages: | needs-go
	@echo "Compiling all packages"
	@go list -export -test ./... >/dev/null

# What the functions consist of is compiled before the SAM CLI is there.
.PHONY: function-packages
function-packages: | needs-go
	@$(lambda_go) go list -export ./functions/... >/dev/null

# What compares with how fast things are, or fills the machine, runs with nothing
# beside it: see PickAlone of internal/test/long.
alone := TestSimulatedFleetIsLikeTheReal|TestBacklogInParts

# The functions as tests run them, on this machine.
.PHONY: test-functions
test-functions: $(tools)/venv.stamp function-packages
	@echo "Building the functions for $(host_arch)"
	@( $(call build_functions,.aws-sam/test,$(host_arch)) ) >$(tools)/build.log 2>&1 || { cat $(tools)/build.log; exit 1; }

.PHONY: test-long
test-long: needs-all ## Run all tests under the race detector, the random, loaded and killed ones for as long as before a release
	@$(MAKE) --no-print-directory --jobs=8 tools-long test-functions
	HOOKLINE_TEST_LONG=1 $(call run_tests,$(race))
	HOOKLINE_TEST_LONG=1 HOOKLINE_TEST_ALONE=1 go run ./internal/test/withdynamodb go test -vet=off -count=1 -timeout 15m -p 1 -run '^($(alone))$$' ./functions ./functions/sweep

.PHONY: build
build: needs-go ## Build bin/hookline, the local server and the operator's commands. Needs Go only
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o bin/hookline ./cmd/hookline

.PHONY: build-functions
build-functions: needs-go $(tools)/venv.stamp ## Build the functions as they are deployed. Needs Go and Python
	$(call build_functions,.aws-sam/build,$(ARCH))

.PHONY: lint lint-format lint-modules lint-go lint-templates lint-descriptions
lint: lint-format lint-modules lint-templates lint-descriptions lint-go ## Look for what tests do not find (builds golangci-lint once, some minutes)

lint-format:
	@unformatted=$$(gofmt -l $(wildcard cmd functions infra internal pkg)); \
	if [ -n "$$unformatted" ]; then echo "Not as gofmt writes it:"; echo "$$unformatted"; exit 1; fi

lint-modules:
	go mod tidy -diff

lint-templates: $(tools)/venv.stamp $(tools)/checkov.stamp
	$(cfn_lint)
	$(sam) validate --lint
	$(tools)/checkov/bin/python $(tools)/checkov/bin/checkov

lint-descriptions: $(tools)/clients/node.stamp
	$(node_bin)/redocly lint --config infra/tools/clients/redocly.yaml $(descriptions)
	$(node_bin)/spectral lint --ruleset infra/tools/clients/spectral.yaml $(descriptions)

lint-go: $(tools)/golangci-lint-$(golangci_version).stamp
	$(tools)/bin/golangci-lint run

.PHONY: tools
tools: needs-all $(tools)/venv.stamp $(tools)/rie $(tools)/dynamodb-local.stamp $(tools)/ministack.stamp chromium ## Install what tests need into .tools, pinned

.PHONY: tools-long
tools-long: tools $(clients) client-modules
	@infra/tools/debian.sh php prometheus
	@infra/tools/prerequisites.sh cc javac php prometheus

.PHONY: clean
clean: ## Remove what was built. The tools in .tools and the data in data stay
	rm -rf bin .aws-sam coverage.out

# What a target needs that only the machine can have. needs-all says at once all
# that tests need.
.PHONY: needs-all needs-go needs-python needs-java needs-node
needs-all:
	@infra/tools/prerequisites.sh
needs-go needs-python needs-node:
	@infra/tools/prerequisites.sh $(@:needs-%=%)
needs-java:
	@infra/tools/prerequisites.sh java maven

.PHONY: chromium
chromium:
	@infra/tools/debian.sh chromium
	@infra/tools/prerequisites.sh chromium

# $(call install_python,directory,requirements): make a virtual environment of
# pinned packages.
define install_python
@rm -rf $(1)
@mkdir -p $(dir $(1))
@python3 -m venv $(1)
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps -r $(2)
@$(1)/bin/python -m pip check
@touch $@
endef

$(tools)/venv.stamp: infra/tools/requirements.txt | needs-python
	@echo "Installing the AWS SAM CLI and cfn-lint"
	$(call install_python,$(tools)/venv,$<)

$(tools)/ministack.stamp: infra/tools/ministack/requirements.txt | needs-python
	@echo "Installing ministack"
	$(call install_python,$(tools)/ministack,$<)

$(tools)/checkov.stamp: infra/tools/checkov/requirements.txt | needs-python
	@echo "Installing checkov"
	$(call install_python,$(tools)/checkov,$<)

# The modules of the Go clients are fetched whole: tests compile with no network.
# Go keeps them outside .tools, so it is asked each time.
.PHONY: client-modules
client-modules: | needs-go
	@cd infra/tools/clients/go && go mod download

$(tools)/clients/go.stamp: infra/tools/clients/go/go.mod infra/tools/clients/go/go.sum | needs-go
	@echo "Installing oapi-codegen"
	@mkdir -p $(tools)/clients/bin
	@cd infra/tools/clients/go && \
		GOBIN="$(CURDIR)/$(tools)/clients/bin" go install github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
	@touch $@

# After the other that runs Maven, which keeps what it fetched in one folder.
$(tools)/clients/java.stamp: infra/tools/clients/java/pom.xml | needs-java $(tools)/dynamodb-local.stamp
	@echo "Installing openapi-generator"
	@rm -rf $(tools)/clients/java
	@mkdir -p $(tools)/clients/java
	@mvn -B -q -ntp -Dstyle.color=never -f $< dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/$(tools)/clients/java"
	@test -n "$$(ls $(tools)/clients/java/openapi-generator-cli-*.jar)"
	@touch $@

$(tools)/clients/node.stamp: infra/tools/clients/node/package-lock.json infra/tools/clients/node/package.json | needs-node
	@echo "Installing TypeScript, openapi-typescript, redocly and Spectral"
	@mkdir -p $(tools)/clients/node
	@cp $^ $(tools)/clients/node/
	@cd $(tools)/clients/node && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

$(tools)/clients/python.stamp: infra/tools/clients/python/requirements.txt | needs-python
	@echo "Installing openapi-python-client and schemathesis"
	$(call install_python,$(tools)/clients/python,$<)

# The Lambda runtime emulator comes with the SAM CLI.
$(tools)/rie: $(tools)/venv.stamp
	@cp $(tools)/venv/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-$(host_arch) $@
	@chmod +x $@
	@touch $@

$(tools)/dynamodb-local.stamp: infra/tools/dynamodb-local/pom.xml | needs-java
	@echo "Installing DynamoDB Local"
	@rm -rf $(tools)/dynamodb-local
	@mkdir -p $(tools)/dynamodb-local
	@mvn -B -q -ntp -Dstyle.color=never -f $< dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/$(tools)/dynamodb-local/lib"
	@test -n "$$(ls $(tools)/dynamodb-local/lib/DynamoDBLocal-*.jar)"
	@touch $@

$(tools)/golangci-lint-$(golangci_version).stamp: | needs-go
	@echo "Building golangci-lint $(golangci_version) (some minutes)"
	@mkdir -p $(tools)/bin
	@rm -f $(tools)/golangci-lint-*.stamp
	@GOBIN="$(CURDIR)/$(tools)/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(golangci_version)
	@touch $@
