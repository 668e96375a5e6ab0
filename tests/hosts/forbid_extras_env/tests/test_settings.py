import pytest
from pydantic import ValidationError

from app.core.config import ProductionSettings, Settings


def test_the_committed_file_is_complete():
    assert Settings().gym_name == "Kletterhalle Süd"


def test_a_typo_is_refused(tmp_path):
    (tmp_path / ".env").write_text("GYM_NAME=x\nCAPACITY=1\nOPENING_HOURS=[1,2]\nCAPACTIY=2\n")
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Settings(_env_file=tmp_path / ".env")


def test_production_hides_the_docs():
    assert ProductionSettings().docs_enabled is False
