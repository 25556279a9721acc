# The commands. `make run` and `make test` set up what they need themselves.
#
# Order matters in one place: the web client is built before cargo, which embeds web-demo/dist.

.PHONY: run build setup test prepare-tests check audit guards fuzz soak bench gallery generate format clean help

run: build ## Set up, build, and serve http://localhost:8080 (ARGS="..." for `palco serve`)
	@exec target/release/palco serve $(ARGS)

build: web-demo/dist/index.html | setup
	@cargo build --locked --release --package palco

setup:
	@scripts/setup.sh build

test: ## Set up, and run every test: Rust, TypeScript, browsers
	@scripts/test.sh

prepare-tests: build tests/e2e/node_modules/.stamp
	@scripts/setup.sh test

check: web-demo/dist/index.html tests/e2e/node_modules/.stamp ## Formatting, lints, generated code, crate boundaries, sizes
	@scripts/check.sh

audit: ## Known weaknesses of the dependencies, where their databases are in reach
	@scripts/audit.sh

guards: build ## Takes out one guard after another, and demands that its tests fail (ROWS="1 13" for some)
	@scripts/guards.py $(ROWS)

fuzz: build ## Fuzz targets, FUZZ_S=60 seconds each (TARGETS="stun offer" for some)
	@scripts/fuzz.sh $(TARGETS)

soak: build ## People come and go for SOAK_S=600 seconds; fails if memory, descriptors or tasks grow
	@SOAK_S=$${SOAK_S:-600} cargo test --quiet --release --package palco --test it -- --exact --nocapture \
		hardening::soak::people_come_and_go_and_the_server_stays_as_it_was

bench: prepare-tests ## Benchmarks, each beside its floor
	@cd tests/e2e && npx tsc
	@cargo run --quiet --release --package palco-benches -- $(BENCH)

gallery: prepare-tests ## Pictures of every page, into docs/gallery
	@scripts/setup.sh gallery
	@tests/e2e/run build/gallery/make.js

generate: ## The TypeScript types of the protocol, from the Rust ones
	@mkdir -p target
	@cargo run --quiet --release --package palco-protocol --example typescript > target/protocol.gen.ts
	@mv target/protocol.gen.ts web-demo/src/protocol.gen.ts

format: web-demo/node_modules/.stamp tests/e2e/node_modules/.stamp ## Format all sources
	@cargo fmt --all
	@cd web-demo && npm run --silent fix
	@cd tests/e2e && npm run --silent fix

clean: ## Remove what was built or installed here
	@rm -rf target web-demo/dist web-demo/node_modules tests/e2e/build tests/e2e/node_modules tests/e2e/test-results

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 16

# Directories are named too: their time tells of a file that was removed.
WEB_SOURCES := $(shell find web-demo/src web-demo/public web-demo/index.html web-demo/vite.*.ts web-demo/scripts/types.mjs \
	web-demo/tsconfig.json web-demo/package.json -not -name '*.test.*' 2>/dev/null)

web-demo/dist/index.html: web-demo/node_modules/.stamp $(WEB_SOURCES)
	@echo "Building the web client"
	@cd web-demo && npm run --silent build -- --logLevel warn
	@touch $@

%/node_modules/.stamp: %/package-lock.json | setup
	@echo "Installing npm packages in $*"
	@cd $* && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
