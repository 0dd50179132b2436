# isolane: one line a command. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

help:            ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20
demo: setup frontend  ## Run the whole product on this machine (ARGS="--seconds 60" ends by itself)
	@tools/packages mosquitto
	@$(BIN)/isolane demo $(ARGS)
test: setup frontend  ## Run all tests
	@tools/packages systemd iproute2 e2fsprogs mosquitto chromium libatomic1 victoria-metrics prometheus prometheus-alertmanager postgresql strace curl softhsm2 opensc rsyslog rsyslog-gnutls rsyslog-openssl protobuf-compiler
	@$(BIN)/pytest --numprocesses 4 --dist loadfile $(ARGS)
check: setup     ## Style, types, import contracts, dead code, dependencies
	@tools/check
bench-relay: setup  ## Compare the relay with a direct connection, HAProxy and nginx
	@$(BIN)/python -m bench.relay $(ARGS)
bench-isolation: setup  ## Measure the business beside telemetry on one thin link (as root; ARGS="--link 256 --load backfill")
	@$(BIN)/python -m bench.isolation $(ARGS)
bench-health: setup  ## Compare what a sample costs on the wire, and measure the gateway (ARGS="--quick")
	@tools/packages mosquitto
	@$(BIN)/python -m bench.health $(ARGS)
attack: setup frontend  ## Run the attack cases against everything, from the handshake to the supply chain (ARGS="--family HS,WS")
	@tools/packages systemd iproute2 e2fsprogs mosquitto strace sqlmap chromium; command -v fiu-run >/dev/null || tools/packages fiu-utils
	@$(BIN)/python -m bench.attack $(ARGS)
supply: setup    ## Check what isolane is made of: locks, bill of materials, source, secrets, known vulnerabilities
	@$(BIN)/python -m bench.supply $(ARGS)
bench-commands: setup  ## Measure what a look at a command costs, and the business beside a flood of forged ones
	@tools/packages mosquitto
	@$(BIN)/python -m bench.commands $(ARGS)
interop: setup   ## Run third-party OCPP peers direct and through the relay, and compare
	@$(BIN)/python -m bench.interop $(ARGS)
chaos-value: setup  ## Kill relay, CSMS and chargers at random; every transaction must be billed
	@$(BIN)/python -m bench.chaos_value $(ARGS)
chaos-health: setup  ## Kill gateway, center and broker, cut links, fill the disk, set the clock; the books must balance
	@tools/packages mosquitto
	@$(BIN)/python -m bench.chaos_health $(ARGS)
bench-center: setup  ## Compare what the center stores and answers with writing the same samples by remote write (ARGS="--quick")
	@tools/packages victoria-metrics
	@$(BIN)/python -m bench.center $(ARGS)
bench-soh: setup  ## Judge the health models by simulated years with known faults, and by real data (ARGS="--quick")
	@$(BIN)/python -m bench.soh $(ARGS)
chaos-center: setup  ## Kill the center's workers, database and telemetry store; nothing may be lost or doubled
	@tools/packages mosquitto postgresql victoria-metrics
	@$(BIN)/python -m bench.chaos_center $(ARGS)
screenshots: setup frontend  ## Take a picture of every page of the console, in both themes and widths
	@tools/packages chromium
	@$(BIN)/python -m bench.screenshots $(ARGS)

setup: $(VENV)/.installed
$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@tools/setup $(PYTHON) $(VENV)
frontend:
	@tools/frontend
docs: setup      ## Write the reference pages that come from the code
	@PYTHONPATH=tests $(BIN)/python -m support.settings_page
lock: setup      ## Compile the hash-pinned locks again
	@tools/lock
clean:           ## Remove what the commands above have made
	rm -rf $(VENV) build dist src/isolane/center/console/static/vendor frontend/node_modules

.PHONY: help demo test check bench-relay bench-isolation bench-health bench-commands attack supply interop chaos-value chaos-health bench-center bench-soh chaos-center screenshots setup frontend docs lock clean
