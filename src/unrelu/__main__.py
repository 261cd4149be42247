"""`python -m unrelu` is `unrelu`."""

from unrelu.cli import main

if __name__ == "__main__":
    main()
