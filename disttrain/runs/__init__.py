"""Run folders: written, opened, resumed, and protected against overwriting."""
