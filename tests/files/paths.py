"""Where the schema and the files of older schemas are."""

from pathlib import Path

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "model-1.schema.json"
FIXTURES = Path(__file__).parent / "fixtures"
