"""Features: from contract tables to one row per conversation or per buyer.

Everything before the last step is a narwhals lazy expression, so that the same lines run on
Polars and on Spark; what leaves is a small pandas table with the same types from either.
"""
