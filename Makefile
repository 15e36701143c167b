# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors

# The front door: every command in the project's own environment, which is set up on the way. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test play scenario clean distclean environment environment-test

INVENTORY ?= inventories/quickstart
COLLECTION := stsm.live_migration
# A bare word (site) is one of the collection's own playbooks; a full name or a file stays as it is.
playbook = $(if $(findstring .,$(PLAYBOOK)),$(PLAYBOOK),$(COLLECTION).$(PLAYBOOK))
# Ansible takes an inventory that is not there for an empty one, skips every play and says that all is well.
inventory_exists = @test -e "$(INVENTORY)" || { echo "There is no inventory $(INVENTORY): set INVENTORY to one of $(wildcard inventories/*/)" >&2; exit 2; }
needs = @test -n "$($(1))" || { echo "$(1) is not set; for example: $(2)" >&2; exit 2; }

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.ansible
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.collections
export MOLECULE_GLOB := molecule/*/molecule.yml
export LC_ALL := C.UTF-8
export FRESH PARTS

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo "FRESH=1 measures all again (demo) or runs every test again (test)."

demo: ## provision two hosts, deploy, measure, and say in words what was found
	$(inventory_exists)
	@tools/demo $(INVENTORY)

test: environment-test ## run the tests that the changes call for; TEST_DEADLINE_MINUTES=N stops in time
	@PYTHONPATH=tests python -m runner

play: environment ## run one playbook: PLAYBOOK=site INVENTORY=inventories/quickstart [ARGS=--check]
	$(call needs,PLAYBOOK,make play PLAYBOOK=site)
	$(inventory_exists)
	@ansible-playbook --inventory $(INVENTORY) $(playbook) $(ARGS)

scenario: environment-test ## run one molecule scenario: NAME=quickstart
	$(call needs,NAME,make scenario NAME=quickstart)
	@molecule test --scenario-name $(NAME)

clean: environment ## tear everything down: hosts, bridges, mounts, proxies (results and caches stay)
	$(inventory_exists)
	@ansible-playbook --inventory $(INVENTORY) $(COLLECTION).teardown
	@ansible-playbook --inventory inventories/quickstart --inventory molecule/inventory $(COLLECTION).teardown
	@rm -rf .ansible/tmp

distclean: clean ## clean, then remove the caches, the site's keys and the environment (results stay)
	@tools/environment remove

environment:
	@tools/environment run

environment-test:
	@tools/environment test
