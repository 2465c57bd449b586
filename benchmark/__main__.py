"""`python -m benchmark`."""

from benchmark.commands.options import main

if __name__ == "__main__":
    main()
