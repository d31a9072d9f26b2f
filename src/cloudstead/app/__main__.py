"""``python -m cloudstead.app`` is the command line."""

from cloudstead.app.cli import main

if __name__ == "__main__":
    main()
