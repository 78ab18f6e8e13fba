"""What spark-submit starts: csinsight's command line, by a name that it takes for Python."""

from csinsight.cli import main

if __name__ == "__main__":
    main()
