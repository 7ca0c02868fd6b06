# make reproduce [SCALE=tiny] [DAVIS=folder]    run the workflow up to its report
# make ui [SCALE=tiny] [PORT=5000]             the trainings' curves and numbers, in MLflow's pages on this machine
# make app [APP_PORT=7860]                      complete objects in the browser (docs/complete.md)
# make test                                     lint, types, every test but the two below
# make test-long                                trainings killed at ten random moments, and resumed
# make test-size                                a step of either stage at the real size: minutes, 25 GB of disk, 12 GB of memory
# make notebooks [SCALE=tiny]                   run the notebooks on a finished run; make notebooks-clear strips their outputs
# make docs                                     the documentation's site, in site/index.html
# make standins                                train the shipped stand-ins from nothing; make standins-more trains the shipped ones on
# make bench-data [DAVIS=folder]                what rendering clips from tracks costs, beside decoding and beside PNG
# make bench-joins                              time and memory of the steps that join shards, by the number of objects
# make bench-growth                             the same up to a million clips, with captions, indices and rows
# make bench-stages                             processor time of the phases that make tracks and recipes, by frame
# make bench-train                              a training step with cached features and without, and where its time goes
# make bench-memory                             memory of a training, beside what `tgvac plan --memory` says
# make bench-completion                         time and memory of completing long videos, beside diffusers' FreeNoise
# make bench-frontier                           quality against UNet evaluations a frame, for ways to sample long videos
# make bench-threads                            threads that spin or sleep while they wait, alone and beside a busy process
# make bench-tracking                           masks of `tgvac complete` from boxes, masks and points, beside the truth
# make bench-workflow [SCALE=tiny]              dry runs, runs with nothing to do, and the start of a command
# make bench-alpha                              ways to find the transparency of what was painted, beside the truth
# make bench-metrics                            scoring several methods, against calling the packages of CLIP and LPIPS frame by frame
# make bench-coverage                           how often the intervals have the true mean, and how wide they are
# make bench-power                              how likely each comparison of the claims is to be decided, by source videos
# make install                                  only the environment
SCALE  ?= tiny
CORES  ?= 2
PORT   ?= 5000
APP_PORT ?= 7860
PYTHON ?= python3
VENV   ?= .venv
# As it was given: a name may hold quotes and dollars, which neither make nor the shell may expand.
export DAVIS := $(value DAVIS)
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.tgvac-installed

.PHONY: install reproduce ui app notebooks notebooks-clear docs standins standins-more test test-long test-size lint lock clean
.PHONY: bench-data bench-joins bench-growth bench-stages bench-train bench-memory bench-threads bench-completion bench-frontier
.PHONY: bench-alpha bench-tracking bench-metrics bench-workflow bench-coverage bench-power
.DEFAULT_GOAL := reproduce

install: $(STAMP)

# sam2 comes as source: no CUDA extension is built, and its build needs the torch of the lock.
$(STAMP): requirements.lock requirements-nodeps.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tgvac needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools wheel
	@echo "installing what requirements.lock names: 7.6 GB on disk, some minutes"
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-nodeps.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

reproduce: install
	$(BIN)/tgvac run --scale $(SCALE) --cores $(CORES) $${DAVIS:+--at "davis=$$DAVIS"}

ui: install
	$(BIN)/tgvac mlflow --scale $(SCALE)
	$(BIN)/tgvac ui --port $(PORT)

app: install
	$(BIN)/tgvac app --port $(APP_PORT)

notebooks: install
	TGVAC_SCALE=$(SCALE) $(BIN)/python -m pytest -q --no-cov --nbmake notebooks/*.ipynb

notebooks-clear: install
	$(BIN)/jupyter nbconvert --clear-output --inplace notebooks/*.ipynb

docs: install
	$(BIN)/python -m docsite --out site

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/mypy -p benchmarks
	$(BIN)/mypy -p docsite
	$(BIN)/lint-imports
	$(BIN)/tgvac dvc --check

# Takes 75 minutes: trains the stand-ins again (`snakemake standins`), first the backbones, then the completion model on them, and
# replaces the shipped ones.
standins: install
	$(BIN)/tgvac run --scale standins-completion --cores $(CORES) --target standins
	rm -rf standins && cp -R results/standins-completion/standins standins

# A round: the completion models start from the shipped ones. The head of the scale's file says how to begin another one.
standins-more: install
	$(BIN)/tgvac run --scale standins-more --cores $(CORES) --target standins
	rm -rf standins && cp -R results/standins-more/standins standins

test: lint
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=90

# Each prints what it draws or measures. Includes the two moments of the ordinary tests.
test-long: install
	$(BIN)/python -m pytest -s -m workflow tests/workflow/test_killed_trainings.py

test-size: install
	$(BIN)/python -m pytest -s -m size tests/workflow/test_real_size.py

# Tables, and benchmarks/results/<name>.json; one thread of OpenMP, as in a DataLoader's workers.
bench-data: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.data $${DAVIS:+--davis "$$DAVIS"}

bench-joins: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.joins

bench-growth: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.growth

bench-stages: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.stages

# With as many threads as the params say; an estimated 12 GB of memory.
# Each step allocates gigabytes of gradients. So the process keeps what it has freed (glibc's MALLOC_…), in pages of 2 MB
# (torch's THP_…); otherwise the kernel clears the memory again and again.
bench-train: install
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456 MALLOC_ARENA_MAX=1 \
	THP_MEM_ALLOC_ENABLE=1 $(BIN)/python -m benchmarks.train

bench-memory: install
	$(BIN)/python -m benchmarks.memory

# Asks the finished run of a scale that `tgvac commit` has put under DVC.
bench-workflow: install
	$(BIN)/python -m benchmarks.workflow --scale $(SCALE)

bench-completion: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.completion

bench-frontier: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.frontier

bench-threads: install
	$(BIN)/python -m benchmarks.threads

bench-alpha: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.alpha

# With TGVAC_REAL_DATA=folder on real sequences, too.
bench-tracking: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.tracking

bench-metrics: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.metrics

bench-coverage: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.coverage

bench-power: install
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.power

clean:
	rm -rf results scratch logs .snakemake
	find benchmarks -mindepth 1 -maxdepth 1 -type d ! -name results -exec rm -rf {} +
