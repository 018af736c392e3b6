"""`python -m guildhall_server` is the command `guildhall`."""

from guildhall_server import main

if __name__ == "__main__":
    main()
