"""What the program does, one file each; the only place where rooms are put together. Import the file you need: some need no torch."""
