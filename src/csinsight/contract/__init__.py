"""The data contract: tables, their columns, and the identifiers of the field."""
