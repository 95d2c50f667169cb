"""Plain values as YAML text that reads back to the same values."""

from __future__ import annotations

import yaml

from disttrain.config.yaml.scalars import Yaml, resolved


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, with text quoted wherever YAML 1.2 would read it as something else, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        quoted = resolved(text) != text or text == "<<"
    except ValueError:
        quoted = True
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted or not text.isprintable() else None)


_Dumper.add_representer(str, _text)


def yaml_text(value: Yaml) -> str:
    """A plain value as lines of YAML."""
    return _yaml(value, None)


def yaml_word(value: Yaml) -> str:
    """A plain value as YAML on one line: `0.5`, `[64, 64]`, `{name: adamw}`."""
    return _yaml(value, True).strip().removesuffix("...").strip()


def _yaml(value: Yaml, flow: bool | None) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=2**31)
    return text
