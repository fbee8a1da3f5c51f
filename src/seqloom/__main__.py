"""`python -m seqloom` is the command `seqloom`."""

from seqloom.cli.app import main

if __name__ == "__main__":
    main()
