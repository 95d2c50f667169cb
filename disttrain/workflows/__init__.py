"""The commands of the program, one module each. Import the module that you need: some of them do not load torch."""
