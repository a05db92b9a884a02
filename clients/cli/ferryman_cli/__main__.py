"""`python -m ferryman_cli`."""

from ferryman_cli.app import main

if __name__ == "__main__":
    main()
