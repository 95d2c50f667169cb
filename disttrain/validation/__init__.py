"""What a config and a command line may say, checked without torch: distributions, what is observed of targets, and options."""
