.PHONY: demo test check bench
demo test check:
	python3 scripts/dev.py $@
bench:
	python3 scripts/dev.py bench
