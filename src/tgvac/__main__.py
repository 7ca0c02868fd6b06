"""``python -m tgvac``."""

from tgvac.cli import main

if __name__ == "__main__":
    main()
