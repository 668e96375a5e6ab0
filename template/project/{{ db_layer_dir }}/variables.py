"""The variables of the layer, for settings that forbid unknown keys in `.env`."""

from pydantic import AliasChoices, AliasPath, model_validator
from pydantic_settings import BaseSettings

from .settings import DatabaseSettings

_VARIABLES = {name.upper() for name in DatabaseSettings.model_fields}


class DatabaseVariables(BaseSettings):
    """First base of a settings class that reads `.env` and forbids unknown keys there.

    It knows the variables of the layer and passes over them, unless the class has a
    field of that name. Nothing else changes; the layer itself reads `DatabaseSettings`.
    """

    @model_validator(mode="before")
    @classmethod
    def _pass_over_the_layer(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        fold = str if cls.model_config.get("case_sensitive") else str.upper
        others = _VARIABLES - {fold(name) for name in cls._own_names()}
        return {key: values[key] for key in values if fold(key) not in others}

    @classmethod
    def _own_names(cls) -> set[str]:
        names = set(cls.model_fields)
        for field in cls.model_fields.values():
            for alias in (field.alias, field.validation_alias):
                choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
                for choice in choices:
                    first = choice.path[0] if isinstance(choice, AliasPath) else choice
                    names.add(str(first))
        return names
