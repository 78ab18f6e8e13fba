"""``python -m csinsight`` is the command ``csinsight``."""

from csinsight.cli import main

if __name__ == "__main__":
    main(prog_name="csinsight")
